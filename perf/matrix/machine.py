"""By what, and on what, something was measured."""

import os
import platform
import subprocess

# tests/e2e/support
from support import machine
from support.cluster import pg_program
from support.walcast import binary


def setup(area, command):
    """As texts, by name."""
    return {
        "command": f"TMPDIR={_temporary()} {command}",
        "machine": f"{_cpu_model()}, {machine.described()}, {_memory_gb()} GB",
        "kernel": f"{platform.system()} {platform.release()}",
        "files": f"{_file_system(area.root)}",
        "PostgreSQL": _first_line(area, pg_program("postgres"), "--version").split(") ")[-1],
        "walcast": _first_line(area, binary(area, "walcast"), "--version").split()[-1] + _commit(),
    }


def _temporary():
    return os.environ.get("TMPDIR", "/tmp")


def _first_line(area, *argv):
    return area.run(argv).stdout.splitlines()[0]


def _commit():
    """Of the sources, if they are in git."""
    done = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True,
                          check=False)
    return f" ({done.stdout.strip()})" if done.returncode == 0 else ""


def _cpu_model():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        models = [line.split(":")[1].strip() for line in file if line.startswith("model name")]
    return models[0] if models else platform.machine()


def _memory_gb():
    return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30)


def _file_system(path):
    """The type of the file system that the path is on: of its longest mount point."""
    with open("/proc/mounts", encoding="utf-8") as file:
        mounts = [line.split()[1:3] for line in file]
    inside = [(len(point), kind) for point, kind in mounts
              if os.path.commonpath([point, path]) == point]
    return max(inside)[1]
