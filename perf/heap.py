"""By whom the memory of a walcast's heap was allocated, after a load and by it, as flame graphs of
kilobytes. jemalloc keeps the stacks of a sample of what is
allocated; SIGUSR1 has walcast write them down, and jeprof gives them names."""

import argparse
import glob
import os
import re
import shutil
import signal
import subprocess
import sys
from collections import Counter

import flame
import loads
import stacks
from drain import allow_files
from support import machine
from support.area import Area
from support.wait import wait_until

_SAMPLE = 12  # the logarithm of the mean number of bytes from one sample to the next


class Profiler:
    """A walcast's heap profiles, in their order."""

    def __init__(self, area, walcast, prefix):
        self._area, self._walcast, self._prefix = area, walcast, prefix
        self._count = 0

    def dump(self):
        """Has walcast write one, and returns its path."""
        self._count += 1
        self._walcast.process.send_signal(signal.SIGUSR1)
        wait_until(lambda: self._said(r"heap profile written to ") >= self._count
                   or self._said("could not write a heap profile"), "a heap profile")
        if self._said("could not write a heap profile"):
            sys.exit(f"perf/heap.sh: {self._walcast.process.tail()}")
        return max(glob.glob(f"{self._prefix}.*.heap"), key=lambda path: int(path.split(".")[-3]))

    def _said(self, pattern):
        return self._walcast.process.count_in_log(pattern)

    def stacks(self, path, base=None):
        """Bytes by stack; with `base`, of what was allocated since and is still there."""
        binary = os.readlink(f"/proc/{self._walcast.process.pid}/exe")
        done = self._area.run(["jeprof", "--collapsed", *([f"--base={base}"] if base else []),
                               binary, path])
        found = Counter()
        for line in done.stdout.splitlines():
            frames, _, weight = line.rpartition(" ")
            if frames and int(weight) > 0:  # a frame's name may have its address behind it
                found[tuple(re.sub(r"<[0-9a-f]{16}>$", "", frame)
                            for frame in frames.split(";"))] += int(weight)
        return found


def write_graph(found, path, title):
    stacks.write_folded(f"{path}.folded", found)
    with open(f"{path}.svg", "w", encoding="utf-8") as file:
        file.write(flame.draw(found, title, unit="kB", scale=1024))
    print(f"wrote {path}.svg", flush=True)


def print_largest(found):
    """By the innermost functions of walcast's own: those above them only pass memory on."""
    weights = Counter()
    for stack, weight in found.items():
        own = [name for name in stack if name.startswith(("server::", "runtime::", "memctx::"))]
        weights[own[-1] if own else stack[-1]] += weight
    for name, weight in weights.most_common(10):
        print(f"{weight / 1024:10.0f} kB  {name}")


def parse_arguments():
    parser = argparse.ArgumentParser(prog="perf/heap.sh", description=__doc__)
    loads.add_arguments(parser, pid=False)
    parser.set_defaults(load="live")
    parser.add_argument("--out", default="heap", help="the directory of what is written")
    return parser.parse_args()


def main():
    chosen = parse_arguments()
    if not shutil.which("jeprof"):
        sys.exit("perf/heap.sh needs jeprof (apt-get install libjemalloc-dev).")
    allow_files()
    with Area() as area:
        prefix = os.path.join(area.directory("heap"), "walcast")
        load = loads.start(area, chosen, variables={
            "MALLOC_CONF": f"prof:true,lg_prof_sample:{_SAMPLE},prof_prefix:{prefix}"})
        print(f"{loads.described(chosen)}; {machine.described()}", flush=True)
        profiler = Profiler(area, load.walcast, prefix)
        before = profiler.dump()
        load.run()
        after = profiler.dump()
        os.makedirs(chosen.out, exist_ok=True)
        held, added = profiler.stacks(after), profiler.stacks(after, before)
        load.close()
        print(f"\n{sum(held.values()) / 1024:.0f} kB are held after the load, by")
        print_largest(held)
        what = loads.described(chosen)
        write_graph(held, os.path.join(chosen.out, "heap"), f"memory of the heap after: {what}")
        write_graph(added, os.path.join(chosen.out, "heap-added"),
                    f"memory of the heap that is there since: {what}")


if __name__ == "__main__":
    main()
