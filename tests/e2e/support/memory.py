"""What a running walcast says about its memory, and what the kernel says about it."""

import os
import re
import signal
from dataclasses import dataclass

from support.wait import wait_until

_CONTEXT = re.compile(r"^\t?( *)(\S.*?): (\d+) total in (\d+) blocks;", re.MULTILINE)
_TOTAL = re.compile(r"^\t?Grand total: (\d+) bytes in (\d+) blocks;.*$", re.MULTILINE)
_HEAP = re.compile(r"heap: (\d+) bytes allocated, (\d+) active, (\d+) resident")


@dataclass(frozen=True)
class Memory:
    contexts: tuple  # (depth, name, bytes, blocks) of each, in the order of their text
    allocated: int   # bytes of the heap; None without jemalloc, as the next two
    active: int      # of pages that have some of those
    resident: int
    rss_kb: int

    @classmethod
    def of(cls, walcast, threads):
        """Asks for a report and awaits all of it: the trees of `threads` threads."""
        process = walcast.process
        begin = os.path.getsize(process.err_path)
        process.send_signal(signal.SIGUSR1)

        def whole():
            text = _from(process.err_path, begin)
            return text if len(_TOTAL.findall(text)) >= threads else None

        text = wait_until(whole, lambda: f"{threads} trees\n{_from(process.err_path, begin)}")
        heap = _HEAP.search(text)
        contexts = sorted((len(indent) // 2, name, int(size), int(blocks))
                          for indent, name, size, blocks in _CONTEXT.findall(text))
        return cls(tuple(contexts), heap and int(heap[1]), heap and int(heap[2]),
                   heap and int(heap[3]), process.memory_kb())

    @property
    def beside_heap_kb(self):
        """What the process has besides the heap, whose allocator keeps what a crowd has given back
        for a while."""
        return self.rss_kb - ((self.resident or 0) >> 10)

    def count(self, name):
        return sum(context[1] == name for context in self.contexts)

    def __str__(self):
        size = sum(context[2] for context in self.contexts)
        text = f"{len(self.contexts)} contexts of {size} bytes, Rss {self.rss_kb} kB"
        if self.allocated is None:
            return text
        return f"{text}, heap {self.allocated} bytes allocated, {self.resident} resident"


def descriptors(process):
    """What the process has open, as the sorted names that the kernel gives it."""
    names = []
    directory = f"/proc/{process.pid}/fd"
    for number in os.listdir(directory):
        try:
            names.append(os.readlink(f"{directory}/{number}"))
        except FileNotFoundError:
            pass  # closed since
    return sorted(names)


def sockets(process):
    return [name for name in descriptors(process) if name.startswith("socket:")]


def _from(path, offset):
    with open(path, "rb") as log:
        log.seek(offset)
        return log.read().decode(errors="replace")
