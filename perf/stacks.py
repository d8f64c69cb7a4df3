"""Stacks of a process, out of what `perf record` has of it: where its threads ran, and where they
waited; and files of them, a line for each stack: its frames, outermost first, and its weight in
microseconds."""

import re
from collections import Counter
from dataclasses import dataclass, field

_HEAD = re.compile(r"^\s*(?P<thread>.+?)\s+(?P<tid>\d+)\s+(?P<time>\d+\.\d+):\s+(?P<what>.+?)\s*$")
_SAMPLE = re.compile(r"^(?P<period>\d+)\s+(?P<event>\S+?):$")
_FRAME = re.compile(r"^\s+(?P<address>[0-9a-f]+) (?P<name>.+)$")
_KERNEL_BEGIN = 1 << 63
UNKNOWN = "[unknown]"
KERNEL = "_[k]"            # behind the name of a function of the kernel
PREEMPTED = "[preempted]"  # the innermost frame of a thread that has not waited by itself
# What `perf script` is to print for Profile.read().
SCRIPT_OPTIONS = ["--no-inline", "--show-switch-events", "-F", "comm,tid,time,event,period,ip,sym"]


@dataclass
class _Departure:
    """A thread that leaves its processor: where, and when."""
    stack: tuple
    time: float
    preempted: bool = False


@dataclass
class Profile:
    """Microseconds by stack: of processors' time, and of time without a processor between two
    times with one."""
    on: Counter = field(default_factory=Counter)
    off: Counter = field(default_factory=Counter)

    @classmethod
    def read(cls, lines):
        """What `perf script` prints with SCRIPT_OPTIONS of a recording of cpu-clock and of each
        context switch. A switch is a sample with its stack, then OUT, and later IN."""
        profile, away = cls(), {}
        for head, frames in _events(lines):
            profile._take(head, frames, away)
        return profile

    def _take(self, head, frames, away):
        tid, time, what = head["tid"], float(head["time"]), head["what"]
        sample = _SAMPLE.match(what)
        if sample:
            stack = (_without_number(head["thread"]), *_joined(reversed(frames)))
            if sample["event"].startswith("context-switches"):
                away[tid] = _Departure(stack, time)
            else:
                self.on[stack] += int(sample["period"]) / 1e3
        elif what.startswith("PERF_RECORD_SWITCH OUT") and tid in away:
            away[tid].preempted = "preempt" in what
        elif what.startswith("PERF_RECORD_SWITCH IN") and tid in away:
            left = away.pop(tid)
            stack = (*left.stack, PREEMPTED) if left.preempted else left.stack
            self.off[stack] += (time - left.time) * 1e6


def _events(lines):
    """The head of each, and the names of its frames, innermost first."""
    head, frames = None, []
    for line in lines:
        if frame := _FRAME.match(line):
            frames.append(_name(frame))
        elif found := _HEAD.match(line):
            if head:
                yield head, frames
            head, frames = found, []
    if head:
        yield head, frames


def _name(frame):
    name = frame["name"].replace(";", ":")
    in_kernel = name != UNKNOWN and int(frame["address"], 16) >= _KERNEL_BEGIN
    return name + KERNEL if in_kernel else name


def _joined(frames):
    """Unknown frames one after the other are one: where code keeps no frame pointer, what the walk
    takes for addresses is different each time."""
    joined = []
    for name in frames:
        if name != UNKNOWN or joined[-1:] != [UNKNOWN]:
            joined.append(name)
    return joined


def _without_number(thread):
    """Threads that do the same are one: loop-0 and loop-1."""
    return re.sub(r"-\d+$", "", thread)


def by_function(stacks):
    """The weight of the innermost frames, the heaviest first."""
    weights = Counter()
    for stack, weight in stacks.items():
        weights[stack[-1]] += weight
    return weights.most_common()


def by_thread(stacks):
    weights = Counter()
    for stack, weight in stacks.items():
        weights[stack[0]] += weight
    return weights


def write_folded(path, stacks):
    with open(path, "w", encoding="utf-8") as file:
        for stack, weight in sorted(stacks.items()):
            if round(weight) > 0:
                file.write(f"{';'.join(stack)} {round(weight)}\n")


def read_folded(path):
    """Weights by stack. Any program's folded stacks will do."""
    stacks = Counter()
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            frames, _, weight = line.rstrip("\n").rpartition(" ")
            if not frames or not weight.isdigit():
                raise ValueError(f"{path}:{number}: frames and a weight are expected, not {line!r}")
            stacks[tuple(frames.split(";"))] += int(weight)
    return stacks
