"""A file system that fails when a test wants it to: tests/faults/failing_files.cc below walcast."""

import os

from support.walcast import Walcast, binary


class FailingFiles:
    """Which calls fail, for the walcasts that are started on it."""

    def __init__(self, area, name):
        self._area = area
        self._path = area.path(name)
        self._library = binary(area, "failing_files.so")

    def fail(self, calls, prefix):
        """From now on calls of a kind (sync, write, read, send) fail with EIO on the files whose
        path begins so; forget: the disk has not got their last page."""
        self._area.write_file(self._path + ".new", f"{calls} {prefix}")
        os.rename(self._path + ".new", self._path)

    def mend(self):
        os.remove(self._path)

    def command(self, argv):
        sanitizer = "verify_asan_link_order=0:" + os.environ.get("ASAN_OPTIONS", "")
        return ["env", f"LD_PRELOAD={self._library}", f"WALCAST_FAULT={self._path}",
                f"ASAN_OPTIONS={sanitizer}", *argv]


class FaultyWalcast(Walcast):
    def __init__(self, area, files, **options):
        self._files = files
        super().__init__(area, **options)

    def _command(self, argv):
        return self._files.command(argv)
