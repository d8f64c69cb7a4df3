"""Where a walcast's threads run, and where they wait: a recording by perf of a load, or of one that
runs already, as two flame graphs; and two more that compare it with an earlier one."""

import argparse
import os
import re
import shutil
import signal
import subprocess
import sys

import flame
import loads
import stacks
from drain import allow_files
from support import machine
from support.area import Area

_SIDES = {"on-cpu": "where threads run", "off-cpu": "where threads wait"}
_HERTZ = 997  # no multiple of anything that comes round


class Refused(Exception):
    """What perf may not do here, and why."""


class Recorder:
    """perf on a process. It samples the stack of each thread that runs, by the clock of the kernel,
    so that no counter of the processor is needed, and that of each that leaves its processor, by
    software events: no tracepoint is needed either, and nothing but perf's own right to look."""

    def __init__(self, pid, path, unwind):
        self._path, self._pid = path, pid
        self._unwind = unwind

    def _command(self, *what, control=()):
        return ["perf", "record", "-q", *control, "-o", self._path, "--call-graph", self._unwind,
                "-e", f"cpu-clock/freq={_HERTZ}/", "-e", "context-switches/period=1/",
                "--switch-events", *what]

    def check(self):
        """Why perf cannot do it, if so."""
        tried = subprocess.run(self._command("--", "true"), capture_output=True, text=True,
                               check=False)
        if tried.returncode != 0:
            paranoid = _read("/proc/sys/kernel/perf_event_paranoid")
            raise Refused(f"perf may not record here (kernel.perf_event_paranoid is {paranoid}): "
                          f"{tried.stderr.strip()}")

    def record(self, run):
        """While `run` does, from a moment at which perf says that it is there."""
        to_perf, of_perf = os.pipe(), os.pipe()
        perf = subprocess.Popen(
            self._command("-p", str(self._pid),
                          control=["-D", "-1", f"--control=fd:{to_perf[0]},{of_perf[1]}"]),
            pass_fds=(to_perf[0], of_perf[1]), stderr=subprocess.PIPE, text=True)
        os.close(to_perf[0])
        os.close(of_perf[1])
        os.write(to_perf[1], b"enable\n")
        if not os.read(of_perf[0], 16).startswith(b"ack"):
            raise Refused(f"perf may not look at process {self._pid}: {perf.communicate()[1]}")
        run()
        perf.send_signal(signal.SIGINT)
        perf.communicate()
        os.close(to_perf[1])
        os.close(of_perf[0])

    def profile(self):
        script = subprocess.Popen(["perf", "script", "-i", self._path, *stacks.SCRIPT_OPTIONS],
                                  stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                                  errors="replace")
        profile = stacks.Profile.read(script.stdout)
        if script.wait() != 0:
            raise Refused("perf script cannot read what perf record has written")
        return profile


def _read(path):
    with open(path, encoding="ascii") as file:
        return file.read().strip()


def check_kernel_symbols():
    """Without them a stack ends where the kernel begins."""
    with open("/proc/kallsyms", encoding="ascii") as symbols:
        if re.match("0+ ", symbols.readline()):
            print("The kernel hides its symbols (kernel.kptr_restrict): its functions have no"
                  " names.", flush=True)


def print_summary(profile, load):
    print(f"\n{'thread':<18}{'runs ms':>10}{'a ' + load.unit:>12}{'waits ms':>12}")
    running, waiting = stacks.by_thread(profile.on), stacks.by_thread(profile.off)
    for thread in sorted(running | waiting, key=lambda name: -running[name]):
        print(f"{thread:<18}{running[thread] / 1e3:10.1f}{running[thread] / 1e3 / load.count:12.4f}"
              f"{waiting[thread] / 1e3:12.1f}")
    total = sum(profile.on.values()) or 1
    print("\nruns in")
    for name, weight in stacks.by_function(profile.on)[:15]:
        print(f"{weight / total:7.1%}  {name}")


def write_graphs(profile, out, against, what):
    os.makedirs(out, exist_ok=True)
    for side, weights in (("on-cpu", profile.on), ("off-cpu", profile.off)):
        path = os.path.join(out, side)
        stacks.write_folded(f"{path}.folded", weights)
        _write(f"{path}.svg",
               flame.draw(weights, f"{_SIDES[side]}: {what}", cold=side == "off-cpu"))
        if against:
            base = stacks.read_folded(os.path.join(against, f"{side}.folded"))
            title = f"{_SIDES[side]}, red more and blue less than in {against}: {what}"
            _write(f"{path}-change.svg", flame.draw_change(weights, base, title))


def _write(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    print(f"wrote {path}", flush=True)


def parse_arguments():
    parser = argparse.ArgumentParser(prog="perf/profile.sh", description=__doc__)
    loads.add_arguments(parser)
    parser.add_argument("--out", default="profile", help="the directory of what is written")
    parser.add_argument("--against", metavar="DIR", help="of an earlier run, to compare with")
    parser.add_argument("--unwind", choices=("fp", "dwarf"), default="fp",
                        help="how stacks are walked: by frame pointers, which walcast and the"
                             " kernel have, or by copies of the stack, which costs more")
    return parser.parse_args()


def main():
    chosen = parse_arguments()
    if not shutil.which("perf"):
        sys.exit("perf/profile.sh needs perf (apt-get install linux-perf).")
    allow_files()
    try:
        with Area() as area:
            recorder = Recorder(chosen.pid, area.path("perf.data"), chosen.unwind)
            recorder.check()
            check_kernel_symbols()
            load = loads.start(area, chosen)
            recorder = Recorder(load.pid, area.path("perf.data"), chosen.unwind)
            print(f"{loads.described(chosen)}; {machine.described()}", flush=True)
            recorder.record(load.run)
            load.close()
            profile = recorder.profile()
            print_summary(profile, load)
            write_graphs(profile, chosen.out, chosen.against, loads.described(chosen))
    except Refused as refused:
        sys.exit(f"perf/profile.sh: {refused}")


if __name__ == "__main__":
    main()
