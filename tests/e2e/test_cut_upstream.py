"""A relay, its primary on another host, and the line between the two: cut, cut in one direction, or
too narrow. Every byte that the relay sends on is compared with the primary's WAL."""

import os
import threading
import time

from support.attach import Reader
from support.lsn import parse_lsn
from support.netns import Cable, HostsMixin
from support.relay import RelayCase
from support.wait import wait_until
from support.workload import bulk_load, wal_of

# Of these many seconds is each cut. From 60 on, all time-outs may keep their defaults.
CUT_SECONDS = float(os.environ.get("WALCAST_CUT_SECONDS", 6))
_DEFAULT_SECONDS = 60
_TIMEOUTS = ({} if CUT_SECONDS >= _DEFAULT_SECONDS else
             {"wal_receiver_timeout": "2s", "wal_receiver_status_interval": "500ms"})
_BYTES_MAX = 600  # of a packet, where the line is narrow: less than the WAL of most commits
_never = threading.Event()


class CutUpstreamTest(HostsMixin, RelayCase):
    """The primary is `here`; the relay and what is behind it are at the other end of a cable."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.let_in(cls.primary)
        cls.other = cls.new_host()
        cls.cable = cls.join(Cable, cls.here, cls.other)
        cls.address = cls.cable.address_of(cls.here)

    def setUp(self):
        super().setUp()
        self.addCleanup(self.cable.mend)
        conninfo = f"host={self.address} port={self.primary.port} user=postgres connect_timeout=2"
        begin = parse_lsn(self.primary.flush_lsn()) >> 20 << 20
        with self.other:
            self.walcast = self.relay(conninfo, wal_sender_timeout="0",  # a reader may read nothing
                                      **_TIMEOUTS)
            self.addCleanup(self.walcast.process.kill)
            self.follower = self.standby("standby", self.walcast.port)
            self.reader = Reader(self.walcast.port, begin)
        self.reader.client.set_timeout(300)
        self.addCleanup(self.reader.client.close)

    def assert_all_arrives(self):
        """What the primary has written, once and right."""
        end = parse_lsn(self.primary.flush_lsn())
        self.reader.read_to(end)
        self.assertIsNone(self.reader.end)
        expected = wal_of(self.primary).read(1, self.reader.begin, end)
        self.assertTrue(self.reader.wal[:len(expected)] == expected, "other bytes arrive")
        with self.other:
            self.follower.wait_for_replay(end)
            checksums = self.follower.checksums()
        self.assertEqual(checksums, self.primary.checksums())
        self.assertEqual(self.follower.process.count_in_log("started streaming WAL"), 1)

    def cut_and_mend(self, cut):
        """The primary writes before, during and after the cut."""
        bulk_load(self.primary, rows=2_000)
        self.assert_all_arrives()
        began = time.monotonic()
        cut()
        while time.monotonic() - began < CUT_SECONDS:
            bulk_load(self.primary, rows=2_000)
            _never.wait(CUT_SECONDS / 10)
        self.cable.mend()
        mended = time.monotonic()
        bulk_load(self.primary, rows=2_000)
        self.assert_all_arrives()
        self.figure(f"all is there {time.monotonic() - mended:.1f} s after the end of a cut of"
                    f" {mended - began:.1f} s")

    def test_a_line_that_is_cut_and_mended(self):
        for _ in range(2):
            self.cut_and_mend(self.cable.cut)
        self.walcast.stop()

    def test_a_line_on_which_no_wal_arrives(self):
        self.cut_and_mend(lambda: self.cable.cut(to=self.other))
        self.walcast.stop()

    def test_a_line_on_which_no_report_arrives(self):
        self.cut_and_mend(lambda: self.cable.cut(to=self.here))
        self.walcast.stop()

    def test_a_line_on_which_only_short_packets_arrive(self):
        self.cut_and_mend(lambda: self.cable.lose_longer_than(_BYTES_MAX))
        self.walcast.stop()

    def test_a_cut_under_load(self):
        load = self.load(int(3 * CUT_SECONDS))
        self.cable.cut()
        _never.wait(CUT_SECONDS)
        self.cable.mend()
        load.join()
        self.assert_all_arrives()
        end = self.primary.flush_lsn()
        wait_until(lambda: self.primary.sql(
            f"SELECT bool_or(flush_lsn >= '{end}') FROM pg_stat_replication") == "t",
            "the primary hears of it")
        self.assert_spool_is_the_primarys_wal(parse_lsn(end))
        self.walcast.stop()
