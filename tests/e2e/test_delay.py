"""How long WAL takes to a standby's socket: from the growth of a file by way of walcast, and in the
same run from a commit by way of PostgreSQL's own walsender."""

import time

from support.case import StoppedCase
from support.lsn import format_lsn, parse_lsn
from support.partial import PartialWriter
from support.wal import PAGE

_STEPS = 2000
_STEP_BYTES = 500

# walcast has to hear of a file that another process writes, read it and prove it; PostgreSQL has to
# execute the commit and to flush it. Neither waits for a timer: that would be a factor of its own.
_RATIO_MAX = 8


class DelayTest(StoppedCase):
    """The records of a stopped primary arrive in another directory, a commit's worth at a time, and
    between any two of them there is a commit on the primary, which runs again."""

    def steps(self):
        """Record ends, half of them before the end of a segment and half behind it."""
        boundary = self.wal.start_of(self.wal.complete()[5])
        first = boundary - _STEPS * _STEP_BYTES // 2
        ends = [record.end for record in self.records if record.end >= first]
        steps = [ends[0]]
        for end in ends:
            if end >= steps[-1] + _STEP_BYTES:
                steps.append(end)
        return steps[:_STEPS + 1]

    def assert_no_message_is_torn(self, client):
        ends = {record.end for record in self.records}
        torn = [at for at in client.message_ends if at % PAGE and at not in ends]
        self.assertEqual([format_lsn(at) for at in torn], [])

    def serve_growing(self, start):
        """A client of walcast that has all before `start`, and the writer of what comes then."""
        growing = self.copy_of_wal_before(start)
        writer = PartialWriter(self.area, self.wal, growing.path, start)
        self.addCleanup(writer.close)
        client = self.connect(self.serve(growing).port)
        self.assertEqual(client.identify()[2], format_lsn(start))
        self.assertIsNone(client.start(start, 1))
        return client, writer

    def delay_of_growth(self, client, writer, lsn):
        position, began = client.position, time.monotonic()
        writer.write_to(lsn)
        data = client.receive_until(lsn)
        delay = time.monotonic() - began
        self.assertTrue(data == self.wal.read(1, position, lsn))
        return delay

    def start_primary(self):
        """A session that commits, and a client of the primary's walsender that has all so far."""
        self.primary.start()
        self.addCleanup(self.primary.stop)
        sql = self.connect(self.primary.port, replication="false", database="postgres")
        self.assertIsNone(sql.query("CREATE TABLE delays (words text)").error)
        client = self.connect(self.primary.port)
        end = parse_lsn(client.identify()[2])
        self.assertIsNone(client.start(end - end % self.wal.segment_size, 1))
        client.receive_until(end)
        return sql, client

    def delay_of_commit(self, sql, client):
        for text in ("BEGIN", f"INSERT INTO delays VALUES (repeat('x', {_STEP_BYTES}))"):
            self.assertIsNone(sql.query(text).error)
        position, began = client.position, time.monotonic()
        sql.send("Q", b"COMMIT\0")
        client.receive_until(position + 1)
        delay = time.monotonic() - began
        self.assertEqual(sql.result().tags, ["COMMIT"])
        end = parse_lsn(sql.query("SELECT pg_current_wal_flush_lsn()").rows[0][0].decode())
        client.receive_until(end)
        return delay

    def figure_of(self, what, delays):
        """The median."""
        delays = sorted(delays)
        median, p99 = delays[len(delays) // 2], delays[len(delays) * 99 // 100]
        self.figure(f"{what}: median {median * 1e6:.0f} us, p99 {p99 * 1e6:.0f} us, of"
                    f" {len(delays)}")
        return median

    def test_delay_is_of_the_order_of_postgresqls_own(self):
        start, *steps = self.steps()
        client, writer = self.serve_growing(start)
        sql, of_primary = self.start_primary()
        ours, theirs = [], []
        for lsn in steps:
            ours.append(self.delay_of_growth(client, writer, lsn))
            theirs.append(self.delay_of_commit(sql, of_primary))
        self.assert_no_message_is_torn(client)
        of_growth = self.figure_of("file growth to arrival from walcast", ours)
        of_commit = self.figure_of("commit to arrival from PostgreSQL", theirs)
        self.assertLess(of_growth, _RATIO_MAX * of_commit)
