"""One flipped byte: nothing at or after its record is sent, until the file is repaired."""

import os

from support.case import StoppedCase
from support.lsn import format_lsn
from support.partial import PartialWriter
from support.wal import PAGE, flip_byte, flipped

_RECORD_HEADER = 24  # xl_tot_len, xl_xid, xl_prev, xl_info, xl_rmid, padding, xl_crc
_PREV_OFFSET = 8


class CorruptionTest(StoppedCase):
    """Each test spoils a copy of the directory; walcast starts on the spoilt copy."""

    def record_in(self, segment_index):
        """A record inside one page of this segment (negative: from the end), with others near."""
        start = self.wal.start_of(self.copy.complete()[segment_index])
        for before, record in zip(self.records, self.records[1:]):
            if (record.begin > start + 3 * PAGE and before.end == record.begin
                    and record.length > 2 * _RECORD_HEADER
                    and record.begin // PAGE == (record.end - 1) // PAGE):
                self.assertLess(record.end, self.end)
                return record
        raise AssertionError("no such record")

    def setUp(self):
        self.copy = self.copy_of_wal()

    def flip(self, lsn):
        flip_byte(self.copy.file(1, lsn), lsn % self.copy.segment_size)

    def repair_by_rename(self, lsn):
        path = self.copy.file(1, lsn)
        self.area.copy_file(self.wal.file(1, lsn), path + ".tmp")
        os.rename(path + ".tmp", path)

    def assert_stops_at(self, client, lsn):
        """All before `lsn` came, nothing of it or behind it, and the session is alive."""
        start = client.position
        self.assertTrue(client.receive_until(lsn) == self.wal.read(1, start, lsn))
        self.assertEqual(format_lsn(client.position), format_lsn(lsn))
        for _ in range(2):
            keepalive, data = client.ping()
            self.assertEqual((format_lsn(keepalive.wal_end), data), (format_lsn(lsn), b""))

    def assert_flows_on(self, client):
        start = client.position
        self.assertTrue(client.receive_until(self.end) == self.wal.read(1, start, self.end))

    def warning(self, record, reason):
        """The one log line: segment, offset, position and what is wrong, in any order."""
        parts = (self.copy.name(1, record.begin), rf"\b{record.begin % self.copy.segment_size}\b",
                 rf"\b{format_lsn(record.begin)}\b", reason)
        return "^.*WARNING: " + "".join(f"(?=.*{part})" for part in parts)

    def assert_stops_and_flows_on(self, record, spoilt, reason, repair):
        self.flip(spoilt)
        walcast = self.serve(self.copy)
        clients = [self.connect(walcast.port) for _ in range(3)]
        for client in clients:
            client.start(self.begin, 1)
            self.assert_stops_at(client, record.begin)
        walcast.wait_for_log(self.warning(record, reason))
        for client in clients:
            self.assert_stops_at(client, record.begin)
        repair(spoilt)
        for client in clients:
            self.assert_flows_on(client)
        self.assertEqual(walcast.process.count_in_log(self.warning(record, reason)), 1)

    def test_payload_in_an_old_segment(self):
        record = self.record_in(3)
        self.assert_stops_and_flows_on(record, record.begin + record.length - 1,
                                       self.checksum_text(record), repair=self.flip)

    def test_payload_in_an_old_segment_replaced_by_a_good_copy(self):
        record = self.record_in(3)
        self.assert_stops_and_flows_on(record, record.begin + record.length - 1,
                                       self.checksum_text(record), repair=self.repair_by_rename)

    def test_payload_in_the_newest_segment(self):
        record = self.record_in(-1)
        self.assert_stops_and_flows_on(record, record.begin + record.length - 1,
                                       self.checksum_text(record), repair=self.flip)

    def test_payload_in_the_newest_segment_replaced_by_a_good_copy(self):
        record = self.record_in(-1)
        self.assert_stops_and_flows_on(record, record.begin + record.length - 1,
                                       self.checksum_text(record), repair=self.repair_by_rename)

    def test_link_to_the_previous_record(self):
        record = self.record_in(3)
        self.assert_stops_and_flows_on(record, record.begin + _PREV_OFFSET,
                                       "record with incorrect prev-link", repair=self.flip)

    def test_a_page_header_inside_a_long_record(self):
        record = next(record for record in self.records if record.length > 3 * PAGE)
        page = (record.begin // PAGE + 2) * PAGE
        self.flip(page)  # xlp_magic
        walcast = self.serve(self.copy)
        client = self.connect(walcast.port)
        client.start(self.begin, 1)
        self.assert_stops_at(client, record.begin)
        walcast.wait_for_log(r"WARNING: .*invalid magic number [0-9A-F]{4} in log segment "
                             + f"{self.copy.name(1, page)}, offset {page % self.copy.segment_size}")
        self.flip(page)
        self.assert_flows_on(client)

    def test_a_record_that_comes_bad_into_a_live_stream(self):
        record = self.record_in(-1)
        start = self.wal.start_of(self.wal.name(1, record.begin))
        os.remove(self.copy.file(1, start))
        writer = PartialWriter(self.area, self.wal, self.copy.path, start)
        self.addCleanup(writer.close)
        client = self.connect(self.serve(self.copy).port)
        client.start(self.begin, 1)
        client.receive_until(max(r.end for r in self.records if r.end <= start))
        last = record.begin + record.length - 1
        writer.write_to(self.end, instead={last: flipped(self.wal.read(1, last, last + 1))})
        self.assert_stops_at(client, record.begin)
        writer.rewrite(record.begin, record.end)
        self.assert_flows_on(client)

    @staticmethod
    def checksum_text(record):
        return ("incorrect resource manager data checksum in record at "
                + format_lsn(record.begin))
