"""WAL in bulk: N readers, all of them from the same place, as fast as they can; from the page cache,
and from the disk."""

import os
import subprocess

# perf
import drain
from matrix.loads.load import Load
from matrix.rig import Rig
from support.wal import WalFiles
from support.workload import write_wal

_GIGABYTE = 1 << 30
_MEGABYTE = 1 << 20


def _megabytes(plan, readers):
    """Of WAL that each reader takes."""
    return max(16, min(plan.megabytes, plan.volume_megabytes // readers))


class Bulk(Load):
    """All servers run all the time; only one of them has readers. Each has one reader before it is
    first measured, by which the pages are in the cache, and walcast has proven them."""

    name = "bulk"
    subjects = ("direct", "cascade", "directory", "relay", "attach", "sendfile")
    setup_seconds = 35

    @classmethod
    def cases(cls, plan):
        return [{"readers": readers} for readers in plan.readers]

    @classmethod
    def seconds(cls, plan, turn):
        readers = turn.case["readers"]
        return 0.5 + readers * _megabytes(plan, readers) / 2000

    def __init__(self, area, plan):
        super().__init__(area, plan)
        self._rig = Rig(area, max(plan.readers), wal_keep_size="64GB", max_wal_size="64GB")
        self._rig.start()
        self._begin = self._rig.begin_segment()
        self._ports = {}
        self._start(("relay", "attach", "cascade", "direct"))
        write_wal(self._rig.primary, plan.megabytes + 16)
        end = self._rig.begin_segment()
        self._wal = self._copied_wal(end)
        self._start(("directory", "sendfile"))
        for label, port in self._ports.items():
            self._rig.wait_for(self._of(label), port, end)
            self._drain(label, 1, plan.megabytes)

    def play(self, turn):
        readers = turn.case["readers"]
        done = self._drain(turn.subject, readers, _megabytes(self.plan, readers))
        return {"cpu_seconds_per_gb": done.cpu_per_gb, "gb_per_second": done.throughput / _GIGABYTE,
                "megabytes": _megabytes(self.plan, readers)}

    def wal_path(self, label):
        """Where the files lie that the server sends."""
        if label == "relay":
            return self._of(label).source()["spool_directory"]
        if label in ("directory", "sendfile"):
            return self._wal.path
        cluster = "cascade" if label == "cascade" else "primary"
        return os.path.join(self.area.path(cluster), "pg_wal")

    def _start(self, labels):
        chosen = self.plan.subjects or self.subjects
        for label in labels:
            if label in chosen:
                self._ports[label] = self._of(label).start()

    def _of(self, label):
        return self.subject(label, lambda name: self._rig.subject(name, self.area.path("wal")))

    def _copied_wal(self, end):
        """Of what is before `end`: whole segments."""
        primary = self._rig.primary
        source = WalFiles(primary.wal_path, primary.segment_size)
        copy = WalFiles(self.area.directory("wal"), primary.segment_size)
        for segment in source.complete():
            if self._begin <= source.start_of(segment) < end:
                self.area.copy_file(f"{source.path}/{segment}", f"{copy.path}/{segment}")
        return copy

    def _drain(self, label, readers, megabytes):
        begin = self._begin - self._begin % self._rig.primary.segment_size
        load = drain.Load(readers, begin, begin + megabytes * _MEGABYTE, "disable")
        server = drain.Server(label, self._of(label).process(), self._ports[label])
        return drain.drain(self.area, server, load)


class Cold(Bulk):
    """The same after the pages have been written to the disk and dropped from the page cache, by
    posix_fadvise. What walcast has proven, it knows still."""

    name = "cold"

    @classmethod
    def directory(cls, plan):
        return plan.disk

    @classmethod
    def seconds(cls, plan, turn):
        return 3 + super().seconds(plan, turn) + _megabytes(plan, turn.case["readers"]) / 300

    def play(self, turn):
        resident = drop_pages(self.wal_path(turn.subject))
        return {**super().play(turn), "resident_before": resident}


def drop_pages(directory):
    """Writes the files out and drops their pages; the share that stays in the page cache all the
    same."""
    paths = [entry.path for entry in os.scandir(directory) if entry.is_file()]
    for path in paths:
        file = os.open(path, os.O_RDONLY)
        try:
            os.fdatasync(file)
            os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(file)
    shown = subprocess.run(["fincore", "--bytes", "--noheadings", "--raw", "--output", "RES,SIZE",
                            *paths], capture_output=True, text=True, check=True).stdout.split()
    return sum(map(int, shown[::2])) / max(1, sum(map(int, shown[1::2])))
