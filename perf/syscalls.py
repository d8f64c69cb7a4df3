"""How many system calls a walcast makes, by thread and call, for each commit of a load or each
second of one that runs already. strace counts them: it stops the thread at each call, so their
number is true, and how long they take is not. Few standbys and a low rate leave the load as it is."""

import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import time

import loads
from drain import allow_files
from support import machine
from support.area import Area
from support.trace import Calls
from support.wait import wait_until


class Tracer:
    """strace on all threads of a process, those to come included."""

    def __init__(self, area, pid):
        self._path, said = area.path("calls"), area.path("strace.err")
        with open(said, "wb") as errors:
            self._strace = subprocess.Popen(
                ["strace", "-f", "-Y", "-ttt", "-s", "0", "-o", self._path, "-p", str(pid)],
                stderr=errors)
        threads = len(os.listdir(f"/proc/{pid}/task"))

        def text():
            with open(said, encoding="utf-8", errors="replace") as file:
                return file.read()
        wait_until(lambda: re.search(r"^strace: Process \d+ attached", text(), re.MULTILINE)
                   or self._strace.poll() is not None, lambda: f"strace is attached: {text()}")
        if self._strace.poll() is not None:
            sys.exit(f"perf/syscalls.sh: strace may not trace process {pid}: {text().strip()}")
        print(f"{threads} threads", flush=True)

    def calls(self, run):
        """Those made while `run` did."""
        begin = time.time()
        run()
        end = time.time()
        self._strace.send_signal(signal.SIGINT)
        self._strace.wait()
        with open(self._path, encoding="utf-8", errors="replace") as trace:
            return Calls.between(begin, end, trace.read())


def parse_arguments():
    parser = argparse.ArgumentParser(prog="perf/syscalls.sh", description=__doc__)
    loads.add_arguments(parser)
    parser.set_defaults(load="live", standbys=1)
    return parser.parse_args()


def main():
    chosen = parse_arguments()
    if not shutil.which("strace"):
        sys.exit("perf/syscalls.sh needs strace (apt-get install strace).")
    if chosen.pid and not os.path.isdir(f"/proc/{chosen.pid}"):
        sys.exit(f"perf/syscalls.sh: there is no process {chosen.pid}")
    allow_files()
    with Area() as area:
        load = loads.start(area, chosen)
        print(f"{loads.described(chosen)}; {machine.described()}", flush=True)
        calls = Tracer(area, load.pid).calls(load.run)
        load.close()
        print(calls.table(load.count, load.unit))


if __name__ == "__main__":
    main()
