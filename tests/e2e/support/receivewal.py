"""Debian's pg_receivewal as a child."""

import os

from support.cluster import pg_program
from support.lsn import format_lsn
from support.wait import wait_until
from support.wal import WalFiles


class Receivewal:
    """One pg_receivewal and the directory that it writes."""

    def __init__(self, area, directory, segment_size, host="127.0.0.1"):
        self.area = area
        self._host = host
        self.files = WalFiles(directory, segment_size)
        self.process = None

    def start(self, port, *options):
        self.process = self.area.spawn("pg_receivewal", [
            pg_program("pg_receivewal"), "-D", self.files.path, "-h", self._host, "-p", port,
            "-U", "postgres", "--no-loop", "--no-password", "--verbose", *options])
        return self

    def run_to(self, port, lsn, timeout=120):
        """Receives until it has passed `lsn`; it must then end by itself, content."""
        self.start(port, f"--endpos={format_lsn(lsn)}")
        status = self.process.wait(timeout)
        assert status == 0, self.process.tail()

    def kill_in_mid_segment(self, timeout=60):
        """kill -9 when the newest segment is begun. One whose padding is not complete would not do:
        pg_receivewal itself refuses to resume there."""
        def begun():
            try:
                sizes = [os.path.getsize(os.path.join(self.files.path, name))
                         for name in os.listdir(self.files.path) if name.endswith(".partial")]
            except FileNotFoundError:  # it became complete meanwhile and lost its suffix
                return False
            return sizes == [self.files.segment_size]
        wait_until(begun, "a padded .partial segment", timeout)
        assert self.process.alive(), self.process.tail()
        self.process.kill()

    def wait_for_partial(self, timeout=60):
        wait_until(lambda: any(name.endswith(".partial") for name in os.listdir(self.files.path)),
                   "a .partial segment", timeout)
