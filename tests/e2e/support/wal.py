"""WAL as files: positions, segment names, and records as pg_waldump sees them."""

import os
import re
import shutil
from dataclasses import dataclass

from support.cluster import pg_program
from support.lsn import format_lsn, parse_lsn

PAGE = 8192
SHORT_HEADER = 24
LONG_HEADER = 40

_RECORD = re.compile(r"rmgr: (\S+)\s+len \(rec/tot\):\s*\d+/\s*(\d+), tx:\s*(\d+), "
                     r"lsn: ([0-9A-F]+/[0-9A-F]+), prev ([0-9A-F]+/[0-9A-F]+), desc: (.*)")
_SEGMENT = re.compile(r"[0-9A-F]{24}\Z")


@dataclass(frozen=True)
class Record:
    begin: int
    end: int
    length: int
    rmgr: str
    description: str
    xid: int


class WalFiles:
    """The segments of one directory, complete or `.partial`, read by timeline and position."""

    def __init__(self, path, segment_size):
        self.path = path
        self.segment_size = segment_size

    def name(self, timeline, lsn):
        per_id = 0x100000000 // self.segment_size
        number = lsn // self.segment_size
        return f"{timeline:08X}{number // per_id:08X}{number % per_id:08X}"

    def file(self, timeline, lsn):
        return os.path.join(self.path, self.name(timeline, lsn))

    def start_of(self, name):
        per_id = 0x100000000 // self.segment_size
        return (int(name[8:16], 16) * per_id + int(name[16:], 16)) * self.segment_size

    def complete(self, timeline=1):
        """Names of the complete segments of a timeline, in order."""
        return sorted(name for name in os.listdir(self.path)
                      if _SEGMENT.match(name) and name.startswith(f"{timeline:08X}"))

    def begin(self, timeline=1):
        return self.start_of(self.complete(timeline)[0])

    def read(self, timeline, begin, end):
        """The bytes [begin, end); a `.partial` stands in for a segment not yet complete."""
        pieces = []
        while begin < end:
            start = begin - begin % self.segment_size
            stop = min(end, start + self.segment_size)
            path = self.file(timeline, begin)
            with open(path if os.path.exists(path) else path + ".partial", "rb") as segment:
                segment.seek(begin - start)
                pieces.append(segment.read(stop - begin))
            begin = stop
        return b"".join(pieces)


def record_end(begin, length, segment_size):
    """Where the next record may begin: xlogreader.c's EndRecPtr, page headers stepped over."""
    position, left = begin, length
    while left > PAGE - position % PAGE:
        left -= PAGE - position % PAGE
        position += PAGE - position % PAGE
        position += LONG_HEADER if position % segment_size == 0 else SHORT_HEADER
    return (position + left + 7) & ~7


def waldump(area, wal, timeline, begin, end=None):
    """The records of [begin, end), or to the end of WAL, and what pg_waldump complained of."""
    argv = ["-t", timeline, *(["-e", format_lsn(end)] if end is not None else [])]
    return _waldump(area, wal, begin, argv)


def waldump_of_spool(area, spool, timeline, begin):
    """The records of a spool that no relay writes, from the segment of `begin` on. Where its relay
    was killed while it made a file shorter or longer, the file ends within a page, of which
    pg_waldump would read nothing."""
    begin = max(begin - begin % spool.segment_size, spool.begin(timeline))
    copy = WalFiles(area.directory("spool-copy"), spool.segment_size)
    for name in spool.complete(timeline):
        if spool.start_of(name) >= begin:
            area.copy_file(f"{spool.path}/{name}", f"{copy.path}/{name}")
            os.truncate(f"{copy.path}/{name}", spool.segment_size)
    names = [copy.name(timeline, begin), copy.complete(timeline)[-1]]
    records, _ = _waldump(area, copy, begin, names)
    shutil.rmtree(copy.path)
    return records


def _waldump(area, wal, begin, argv):
    done = area.run([pg_program("pg_waldump"), "-p", wal.path, "-s", format_lsn(begin), *argv],
                    check=False)
    records = []
    for line in done.stdout.splitlines():
        match = _RECORD.match(line)
        if not match:
            continue
        at, length = parse_lsn(match[4]), int(match[2])
        stop = record_end(at, length, wal.segment_size)
        if match[1] == "XLOG" and match[6].startswith("SWITCH"):
            stop = (stop + wal.segment_size - 1) // wal.segment_size * wal.segment_size
        records.append(Record(at, stop, length, match[1], match[6][:1000], int(match[3])))
    return records, done.stderr.strip()


def flipped(byte):
    return bytes([byte[0] ^ 0x5A])


def flip_byte(path, offset):
    """Changes one byte in place; a second call restores it."""
    with open(path, "r+b") as file:
        file.seek(offset)
        byte = file.read(1)
        file.seek(offset)
        file.write(flipped(byte))
