"""Where WAL ends, as PostgreSQL's recovery test 039 has it: a primary crashes, and garbage of all kinds
lies on its disk behind its last record. walcast ends where it ends, and goes on as it does."""

import os
import random
import struct

from support.case import E2eCase
from support.cluster import PgCluster
from support.follower import Follower
from support.lsn import format_lsn, parse_lsn
from support.wait import wait_until
from support.wal import PAGE, waldump
from support.walcast import Walcast
from support.workload import wal_of

CASES = int(os.environ.get("WALCAST_END_OF_WAL_CASES", 2))  # of each kind, by chance
MAGIC = 0xD110  # XLOG_PAGE_MAGIC of PostgreSQL 15
CONTRECORD = 1  # XLP_FIRST_IS_CONTRECORD
RECORD_HEADER = 24
LONG = 500 << 20  # a record that may be so long


def record_header(length, previous):
    """xl_tot_len, xl_xid, xl_prev, xl_info, xl_rmid, padding, xl_crc"""
    return struct.pack("<IIQBBHI", length, 0, previous, 0, 0, 0, 0)


def page_header(page, magic=MAGIC, info=0, remaining=0):
    return struct.pack("<HHIQII", magic, info, 1, page, remaining, 0)


PAGES = {
    "invalid magic number 0000": lambda page: page_header(0, magic=0),
    "invalid magic number CAFE": lambda page: page_header(0, magic=0xCAFE),
    "unexpected pageaddr 0/BAAAAAAD": lambda page: page_header(0xBAAAAAAD),
    "invalid info bits 1234": lambda page: page_header(page, info=0x1234),
    "there is no contrecord flag": page_header,
    "invalid contrecord length 123456":
        lambda page: page_header(page, info=CONTRECORD, remaining=123456),
}


class EndOfWalTest(E2eCase):
    """primary --> relay, attached; each has a follower that compares all that comes."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.primary = PgCluster.create(cls.area, "primary", segment_mb=1).start()
        cls.wal = wal_of(cls.primary)
        cls.addClassCleanup(lambda: cls.primary.process and cls.primary.kill())
        cls.emit(0)
        begin = cls.end()
        cls.emit(0)
        cls.message_bytes = cls.end() - begin  # of an empty one, with its commit

    def setUp(self):
        again = {"primary_conninfo": self.primary.conninfo(), "wal_retrieve_retry_interval": "50ms"}
        self.servers = [
            Walcast(self.area, spool_directory=self.area.path("spool"), **again),
            Walcast(self.area, wal_directory=self.primary.wal_path, create_primary_slot=True,
                    primary_slot_name="attached", **again)]
        begin = self.end() - self.end() % self.wal.segment_size
        self.followers = [Follower(server.port, begin, self.wal) for server in self.servers]
        for follower in self.followers:
            follower.start()

    def tearDown(self):
        for follower in self.followers:
            follower.finish()
            self.assertIsNone(follower.wrong)
        for server in self.servers:
            server.stop()

    @classmethod
    def emit(cls, size):
        cls.primary.sql(f"SELECT pg_logical_emit_message(true, '', repeat('a', {size}))")

    @classmethod
    def end(cls):
        return parse_lsn(cls.primary.flush_lsn())

    def on_last_page(self):
        """The header of the page behind that of a segment is another one."""
        return self.end() % self.wal.segment_size >= self.wal.segment_size - PAGE

    def place_within_a_page(self):
        while not 100 < self.end() % PAGE < PAGE - 2000 or self.on_last_page():
            self.emit(1000)

    def place_at_the_end_of_a_page(self):
        """So that the next record's header does not fit."""
        while (room := PAGE - self.end() % PAGE) >= RECORD_HEADER or self.on_last_page():
            size = room - self.message_bytes - 16
            self.emit(700 if size < 0 else size if size < 200 else min(size - 100, 4000))

    def wait_for_followers(self, end):
        for server, follower in zip(self.servers, self.followers):
            wait_until(lambda follower=follower: follower.position >= end or follower.wrong,
                       lambda follower=follower, server=server: f"{format_lsn(end)}; it is at"
                       f" {format_lsn(follower.position)}\n{server.process.tail()}", 30)
            self.assertIsNone(follower.wrong)

    def crash(self, place):
        """The begin and the end of the last record. All that was flushed has been passed on."""
        while True:
            place()
            self.wait_for_followers(self.end())
            end = self.end()
            self.primary.crash()
            records, _ = waldump(self.area, self.wal, 1, end - end % self.wal.segment_size)
            page_end = end - end % PAGE + PAGE
            if records[-1].end == end and not any(self.wal.read(1, end, page_end)):
                return records[-1].begin, end
            # A record of the server's own has come, or has begun, and a relay may have its begin.
            self.primary.start()

    def write(self, lsn, data):
        with open(self.wal.file(1, lsn), "r+b") as file:
            file.seek(lsn % self.wal.segment_size)
            file.write(data)

    def assert_goes_on(self, end, found):
        directory = Walcast.of_directory(self.area, self.primary.wal_path)
        self.assertEqual(self.connect(directory.port).identify()[2], format_lsn(end))
        self.primary.start()
        self.assertRegex(self.primary.process.stderr(), found)
        self.emit(100)
        later = self.end()
        client = self.connect(directory.port)
        client.start(end, 1)
        data = client.receive_until(later)
        self.assertTrue(data == self.wal.read(1, end, client.position))
        client.close()
        self.wait_for_followers(later)
        directory.stop()

    def chosen(self, cases):
        seed = int(os.environ.get("WALCAST_TEST_SEED", random.randrange(1 << 32)))
        self.figure(f"WALCAST_TEST_SEED={seed}")
        return random.Random(seed).sample(sorted(cases.items()), min(CASES, len(cases)))

    def test_garbage_behind_the_last_record_is_no_wal(self):
        cases = {
            "invalid record length at .*: wanted 24, got 0": lambda previous: b"",
            "invalid record length at .*: wanted 24, got 23":
                lambda previous: record_header(23, previous),
            "record with incorrect prev-link 0/DEADBEEF":
                lambda previous: record_header(LONG, 0xDEADBEEF),
            "incorrect resource manager data checksum":
                lambda previous: record_header(RECORD_HEADER + 4, previous) + b"\xff\2ab",
        }
        for found, garbage in self.chosen(cases):
            with self.subTest(found):
                previous, end = self.crash(self.place_within_a_page)
                self.write(end, garbage(previous))
                self.assert_goes_on(end, found)

    def play_pages(self, place, cases):
        """A record begins, and the page on which it should go on is none of its own."""
        for found, header in self.chosen(cases):
            with self.subTest(found):
                previous, end = self.crash(place)
                page = (end // PAGE + 1) * PAGE
                self.write(end, record_header(LONG, previous)[:page - end])
                self.write(page, header(page))
                self.assert_goes_on(end, found)

    def test_a_record_that_begins_is_void_if_the_next_page_is_not_its_own(self):
        self.play_pages(self.place_within_a_page, PAGES)

    def test_so_is_one_whose_header_is_cut(self):
        self.play_pages(self.place_at_the_end_of_a_page, {
            found: PAGES[found] for found in PAGES if "magic" in found or "length" in found})
