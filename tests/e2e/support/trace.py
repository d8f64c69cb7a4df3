"""The system calls of a walcast, as strace writes them down while it runs."""

import re
import shutil
import time
from collections import Counter

from support.wait import wait_until
from support.walcast import WrappedWalcast

# 4711<loop-0> 1795903428.350236 epoll_wait(5, ...: the begin of a call, also of one that
# is interrupted in the file by those of other threads.
_CALL = re.compile(r"^(\d+)<(.*?)> +(\d+\.\d+) (\w+)\(", re.MULTILINE)


class Calls:
    """How often each thread has made each call in a time."""

    def __init__(self, found):
        self._counts = Counter(found)  # (thread, call) to a count

    @classmethod
    def between(cls, begin, end, trace):
        """Of a text that strace has written: those that began between two times of time.time()."""
        found = _CALL.findall(trace)
        names = {pid: thread for pid, thread, _, _ in found}  # a thread gets its name after a while
        return cls((f"{names[pid]} ({pid})", call) for pid, _, at, call in found
                   if begin <= float(at) <= end)

    def total(self):
        return sum(self._counts.values())

    def of(self, *names):
        return sum(count for (_, name), count in self._counts.items() if name in names)

    def of_thread(self, name):
        return sum(count for (thread, _), count in self._counts.items() if thread == name)

    def table(self, commits, unit="commit"):
        """For people: calls by thread, per commit."""
        lines = [f"{thread:<24}{name:<20}{count:8}{count / commits:10.2f}"
                 for (thread, name), count in sorted(self._counts.items())]
        return "\n".join([f"{'thread':<24}{'call':<20}{'in all':>8}{'a ' + unit:>10}", *lines,
                          f"{'all':<44}{self.total():8}{self.total() / commits:10.2f}"])


class TracedWalcast(WrappedWalcast):
    """A walcast below strace, which is no parent of it, so that signals reach walcast itself."""

    def __init__(self, area, **options):
        self._path = area.path(f"trace-{time.monotonic_ns()}")
        super().__init__(area, self._strace(self._path), **options)

    @staticmethod
    def _strace(path):
        return ["strace", "-D", "-f", "-Y", "-ttt", "-qq", "-s", "0", "-o", path]

    @classmethod
    def is_possible(cls, area):
        """Not where there is no strace, or where processes may not be traced."""
        if shutil.which("strace") is None:
            return False
        traced = area.run([*cls._strace("/dev/null"), "true"], check=False)
        return traced.returncode == 0 and not traced.stderr

    def calls(self, begin, end):
        """Those that began between two times of time.time()."""
        wait_until(lambda: self._written_until() > end, "strace has written all of it down")
        return Calls.between(begin, end, self._trace())

    def loops(self):
        """The loops, as calls() names them. What a loop has started is named after it at first, but
        waits for no events."""
        waiting = {f"{thread} ({pid})" for pid, thread, _, call in _CALL.findall(self._trace())
                   if call == "epoll_wait"}
        return sorted(thread for thread in waiting if thread.startswith("loop-"))

    def _written_until(self):
        found = _CALL.findall(self._trace())
        return float(found[-1][2]) if found else 0

    def _trace(self):
        with open(self._path, encoding="utf-8", errors="replace") as trace:
            return trace.read()
