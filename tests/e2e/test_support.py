"""The support library against PostgreSQL itself: what it claims must hold for a real walsender."""

from support.case import E2eCase
from support.cluster import PgCluster
from support.lsn import format_lsn, parse_lsn
from support.receivewal import Receivewal
from support.wal import PAGE, waldump
from support.workload import wal_of, write_wal


class SupportTest(E2eCase):
    """If these fail, no other end-to-end test says anything about walcast."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.primary = PgCluster.create(cls.area, "primary", segment_mb=1).start()
        write_wal(cls.primary, megabytes=20)
        cls.wal = wal_of(cls.primary)

    def test_client_receives_what_the_files_hold(self):
        client = self.connect(self.primary.port)
        system, timeline, end = client.identify()
        self.assertEqual(system, self.primary.system_identifier())
        begin, end = self.wal.begin(), parse_lsn(end)
        self.assertIsNone(client.start(begin, timeline))
        self.assertEqual(client.receive_until(end), self.wal.read(timeline, begin, end))
        keepalive, more = client.ping()
        self.assertEqual((keepalive.wal_end, more), (end, b""))
        self.assertEqual(client.stop().tags, ["START_STREAMING", "START_REPLICATION"])

    def test_record_ends_are_where_a_walsender_cuts(self):
        end = parse_lsn(self.primary.flush_lsn())
        records, complaint = waldump(self.area, self.wal, 1, self.wal.begin(), end)
        self.assertEqual(complaint, "")
        ends = {record.end for record in records}
        for record, successor in zip(records, records[1:]):
            if record.end % PAGE:
                self.assertEqual(format_lsn(record.end), format_lsn(successor.begin))
        client = self.connect(self.primary.port)
        client.start(self.wal.begin(), 1)
        client.receive_until(end)
        self.assertEqual([at for at in client.message_ends if at % PAGE and at not in ends], [])

    def test_pg_receivewal_is_run_to_a_position(self):
        self.primary.sql("SELECT pg_switch_wal(); CHECKPOINT")
        archive = Receivewal(self.area, self.area.directory("archive"), self.wal.segment_size)
        first = self.wal.complete()[0]
        self.area.copy_file(self.wal.file(1, self.wal.begin()), f"{archive.files.path}/{first}")
        archive.run_to(self.primary.port, parse_lsn(self.primary.flush_lsn()) - 1)
        received = archive.files.complete()
        self.assertGreater(len(received), 10)
        self.assert_same_segments(archive.files, self.wal, received)
