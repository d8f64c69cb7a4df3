"""A promotion under live streams: the same test for a cascading standby and for walcast.

    primary --> middle (to be promoted) --> pg_receivewal --> archive --> walcast --> client, last
"""

import os

from support.case import E2eCase
from support.cluster import PgCluster
from support.lsn import format_lsn, parse_lsn
from support.receivewal import Receivewal
from support.replication import CopyDone
from support.timelines import NEXT_TIMELINE_COLUMNS, fork_of, next_timeline_row
from support.wal import waldump
from support.walcast import Walcast
from support.workload import bulk_load, wal_of, write_wal


class LiveTimelineTests:
    """Mixed into one class per server; `begin_service` says on which port it is."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.primary = PgCluster.create(cls.area, "primary", segment_mb=1).start()
        write_wal(cls.primary, megabytes=5)
        cls.primary.stop()
        cls.middle = cls.primary.cold_copy("middle", primary_conninfo=cls.primary.conninfo())
        cls.last = cls.primary.cold_copy("last", recovery_target_timeline="latest")
        cls.wal = wal_of(cls.middle)
        cls.begin = cls.wal.begin()
        cls.primary.start()
        cls.middle.start()
        cls.port = cls.begin_service()
        cls.last.configure(primary_conninfo=cls.primary.conninfo(cls.port))
        cls.last.start()

    def test_live_streams_turn_historic_and_go_on(self):
        client = self.connect(self.port)
        client.start(self.begin, 1)
        bulk_load(self.primary, rows=5_000)
        client.receive_until(parse_lsn(self.primary.flush_lsn()))
        self.last.wait_for_replay(client.position)
        self.primary.stop()
        self.middle.promote()
        bulk_load(self.middle, rows=5_000)
        self.assert_ends_at_the_fork(client)
        self.assert_goes_on(client)
        self.last.wait_for_replay(client.position)
        self.assertEqual(self.last.checksums(), self.middle.checksums())

    def assert_ends_at_the_fork(self, client):
        _, event = client.receive_to_end()
        self.assertEqual(event, CopyDone())
        self.fork = fork_of(os.path.join(self.wal.path, "00000002.history"))
        self.assertEqual(format_lsn(client.position), format_lsn(self.fork))
        answer = client.stop()
        self.assertEqual(answer.types().replace("S", ""), "TDCCZ")  # S: in_hot_standby is off now
        self.assertEqual(answer.bodies("T"), [NEXT_TIMELINE_COLUMNS])
        self.assertEqual(answer.bodies("D"), [next_timeline_row(self.fork)])

    def assert_goes_on(self, client):
        self.assertEqual(client.identify()[1], 2)
        end = parse_lsn(self.middle.flush_lsn())
        start = self.fork - self.fork % self.wal.segment_size
        self.assertIsNone(client.start(start, 2))
        data = client.receive_until(end)
        self.assertTrue(data == self.wal.read(2, start, client.position))


class PostgresLiveTimeline(LiveTimelineTests, E2eCase):

    @classmethod
    def begin_service(cls):
        return cls.middle.port


class WalcastLiveTimeline(LiveTimelineTests, E2eCase):

    @classmethod
    def begin_service(cls):
        archive = Receivewal(cls.area, cls.area.directory("archive"), cls.wal.segment_size)
        end = waldump(cls.area, cls.wal, 1, cls.begin)[0][-1].end
        for name in cls.wal.complete():
            if cls.wal.start_of(name) + cls.wal.segment_size <= end:
                cls.area.copy_file(f"{cls.wal.path}/{name}", f"{archive.files.path}/{name}")
        archive.start(cls.middle.port)
        archive.wait_for_partial()
        return Walcast.of_directory(cls.area, archive.files.path).port
