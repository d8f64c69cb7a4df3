"""The programs under test: the server, its generator, and the fleet of light standbys."""

import json
import os
import re
import signal
from dataclasses import dataclass

from support.lsn import format_lsn

_TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_DEFAULT_BIN = os.path.join(_TESTS, "..", "..", "build", "release", "bin")
# Of every server that a test starts.
_OPTIONS_OF_ALL = os.environ.get("WALCAST_OPTIONS", "").split()


def binary(area, name):
    path = os.path.join(os.path.abspath(os.environ.get("WALCAST_BIN_DIR", _DEFAULT_BIN)), name)
    assert os.path.exists(path), f"{path} is not built; set WALCAST_BIN_DIR"
    return area.executable(path)


def option_list(options):
    """{"until": x, "json": True} as --until=x --json."""
    flags = []
    for name, value in options.items():
        flag = "--" + name.replace("_", "-")
        flags += [flag] if value is True else [flag, value]
    return flags


class Walcast:
    """A running `walcast serve` on a free port of 127.0.0.1."""

    def __init__(self, area, **options):
        argv = [binary(area, "walcast"), "serve", *_OPTIONS_OF_ALL,
                *option_list({"port": 0, **options})]
        self.process = area.spawn("walcast", self._command(argv))
        ready = self.process.wait_for(r"^walcast: ready on (?:(\S+):|\S+/\.s\.PGSQL\.)(\d+)$",
                                      stream="stdout")
        self.address, self.port = ready[1], int(ready[2])

    def _command(self, argv):
        return argv

    @classmethod
    def of_directory(cls, area, directory, **options):
        return cls(area, wal_directory=directory, **options)

    def log(self):
        return self.process.stderr()

    def wait_for_log(self, pattern, timeout=60):
        return self.process.wait_for(pattern, timeout=timeout)

    def begin_stop(self):
        self.process.send_signal(signal.SIGTERM)

    def stop(self):
        """SIGTERM, which must end it soon and with status 0; it has wanted no system call that it
        does without."""
        status = self.process.stop(signal.SIGTERM, timeout=30)
        assert status == 0, self.process.tail()
        assert "seccomp: refused" not in self.log(), self.log()


class WrappedWalcast(Walcast):
    """One that another program starts, which goes on as it."""

    def __init__(self, area, wrapper, **options):
        self._wrapper = wrapper
        super().__init__(area, **options)

    def _command(self, argv):
        return [*self._wrapper, *argv]


class SmallDiskWalcast(Walcast):
    """One that sees a file system of so many megabytes at `mount`, as no other does; half of it
    is taken by the file `ballast`."""

    def __init__(self, area, mount, megabytes, **options):
        self._small_disk = (f"mount -t tmpfs -o size={megabytes}M tmpfs {mount} &&"
                            f" head -c {megabytes // 2}M /dev/zero > {mount}/ballast &&"
                            ' exec "$@"')
        super().__init__(area, allow_root=True, **options)  # it is root of its own namespace

    def _command(self, argv):
        return [*self.UNSHARE, "sh", "-c", self._small_disk, "sh", *argv]

    UNSHARE = ["unshare", "--user", "--map-root-user", "--mount"]

    @classmethod
    def is_possible(cls, area):
        """Not within a chroot, for example."""
        return area.run([*cls.UNSHARE, "true"], check=False).returncode == 0


class SmallDisk:
    """The same file system, for several servers one after the other."""

    def __init__(self, area, mount, megabytes):
        self._area, self._mount = area, mount
        script = (f"mount -t tmpfs -o size={megabytes}M tmpfs {mount} && echo mounted &&"
                  " exec sleep infinity")
        self.process = area.spawn("small-disk", [*SmallDiskWalcast.UNSHARE, "sh", "-c", script])
        self.process.wait_for("^mounted$", stream="stdout")
        self.path = f"/proc/{self.process.pid}/root{mount}"  # as it is seen from outside
        self.enter = ["nsenter", f"--target={self.process.pid}", "--user", "--mount",
                      "--preserve-credentials"]

    def fill(self):
        """Takes all room that is left; to be removed is the file that is returned."""
        filler = os.path.join(self._mount, "filler")
        done = self._area.run([*self.enter, "cp", "/dev/zero", filler], check=False)
        assert "No space left on device" in done.stderr, done.stderr
        return f"{self.path}/filler"


def fail_to_serve(area, **options):
    """A `walcast serve` that must refuse to start: its message."""
    done = area.run([binary(area, "walcast"), "serve", *option_list({"port": 0, **options})],
                    timeout=30, check=False)
    assert done.returncode == 1, f"exit status {done.returncode}\n{done.stdout}{done.stderr}"
    assert re.search(r"^(.* )?FATAL: ", done.stderr, re.MULTILINE), done.stderr
    assert "ready on" not in done.stdout, done.stdout
    return done.stderr


def generate(area, directory, **options):
    area.run([binary(area, "walcast"), "generate", *option_list(options), directory])


@dataclass(frozen=True)
class FleetReport:
    status: int
    report: dict
    output: str

    def __getitem__(self, name):
        return self.report[name]


class Fleet:
    """A running walbench. One with a niceness leaves the processors to others, as if it ran on
    other hosts."""

    def __init__(self, area, port, standbys, start=None, until=None, niceness=0, **options):
        for name, lsn in (("start", start), ("until", until)):
            if lsn is not None:
                options[name] = format_lsn(lsn)
        if standbys is not None:
            options["standbys"] = standbys
        self.process = area.spawn("walbench", [
            *(["nice", "-n", niceness] if niceness else []), binary(area, "walbench"),
            "--host", "127.0.0.1", "--port", port, "--json", *option_list(options)])

    def finish(self, timeout=300):
        """Waits for its end; the report is the JSON object on its standard output."""
        status = self.process.wait(timeout)
        text = self.process.stdout()
        assert "{" in text, self.process.tail()
        return FleetReport(status, json.loads(text[text.index("{"):]), self.process.tail())
