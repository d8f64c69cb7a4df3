"""A file system that fails when a test wants it to: tests/faults/failing_files.cc below walcast."""

import os

from support.wait import wait_until
from support.walcast import Walcast, binary


class FailingFiles:
    """Which calls fail, for the walcasts that are started on it."""

    def __init__(self, area, name, kernel_tls=False):
        """With `kernel_tls` they believe that the kernel encrypts (tests/faults/kernel_tls.cc)."""
        self._area = area
        self._path = area.path(name)
        libraries = ["failing_files.so", *(["kernel_tls.so"] if kernel_tls else [])]
        self._libraries = ":".join(binary(area, library) for library in libraries)

    def fail(self, calls, prefix):
        """From now on calls of a kind (sync, write, read, send) fail with EIO on the files whose
        path begins so; forget: the disk has not got their last page. Calls of the kinds hang-write,
        hang-sync, hang-read, hang-send and hang-stat do not return, and hang-lookup is a name
        server that does not answer."""
        self._area.write_file(self._path + ".new", f"{calls} {prefix}")
        os.rename(self._path + ".new", self._path)

    def mend(self):
        os.remove(self._path)

    def wait_until_it_hangs(self):
        wait_until(lambda: os.path.exists(self._path + ".hangs"), "a call that hangs")

    def command(self, argv):
        sanitizer = "verify_asan_link_order=0:" + os.environ.get("ASAN_OPTIONS", "")
        return ["env", f"LD_PRELOAD={self._libraries}", f"WALCAST_FAULT={self._path}",
                f"ASAN_OPTIONS={sanitizer}", *argv]


class FaultyWalcast(Walcast):
    def __init__(self, area, files, **options):
        self._files = files
        super().__init__(area, **options)

    def _command(self, argv):
        return self._files.command(argv)
