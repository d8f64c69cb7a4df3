"""The rhythm of a PostgreSQL primary's WAL, recorded by walbench and replayed by walcast."""

import os
import signal
import struct

from support.case import E2eCase
from support.cluster import PgCluster
from support.lsn import format_lsn, parse_lsn
from support.receivewal import Receivewal
from support.replication import ReplicationClient
from support.wait import wait_until
from support.wal import PAGE, WalFiles, waldump
from support.walcast import Walcast, binary, fail_to_serve, option_list

_SEGMENT = 1 << 20
_COMMITS = 100
_RECORD_MAX = 200_000  # one record holds any message of the load
_SHORT = 64            # by which a replayed message may end before it is due


class Trace:
    """A trace file, taken apart without any code that wrote it."""

    def __init__(self, path):
        with open(path, "rb") as file:
            content = file.read()
        magic, version, self.server_major, self.segment_bytes, self.begin_offset = \
            struct.unpack_from("<8s4I", content)
        assert (magic, version) == (b"WALTRACE", 1), content[:40]
        self.messages, at, offset = [], 0, 40
        while True:
            size, count, _ = struct.unpack_from("<3I", content, offset)
            numbers = self._numbers(content[offset + 12:offset + 12 + size])
            offset += 12 + size
            if count == 0:
                break
            assert len(numbers) == 2 * count, numbers
            for gap, wal in zip(numbers[::2], numbers[1::2]):
                at += gap
                self.messages.append((at, wal))
        assert offset == len(content), content[offset:]
        messages, self.bytes, self.micros = numbers
        assert (messages, self.bytes) == (len(self.messages), sum(self.sizes())), numbers

    @staticmethod
    def _numbers(payload):
        numbers, number, shift = [], 0, 0
        for byte in payload:
            number |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                numbers.append(number)
                number, shift = 0, 0
        return numbers

    def sizes(self):
        return [wal for _, wal in self.messages]

    def ends(self):
        """The bytes there are with each message."""
        total, ends = 0, []
        for wal in self.sizes():
            total += wal
            ends.append(total)
        return ends


class RecordTest(E2eCase):

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.primary = PgCluster.create(cls.area, "primary", segment_mb=1, wal_writer_delay="10s",
                                       autovacuum="off").start()

    def path(self, name):
        return self.area.path(f"{self.id().split('.')[-1]}-{name}")

    def record(self, name, port, **options):
        path = self.path(name)
        return path, self.area.spawn(f"record-{name}", [
            binary(self.area, "walbench"), "record", "--host", "127.0.0.1", "--port", port,
            "--output", path, *option_list(options)])

    def trace_of(self, path, process, stop=True):
        if stop:
            process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(60), 0, process.tail())
        self.assertRegex(process.stdout(), r'(?m)^recorded \d+\.\d s of WAL in "')
        return Trace(path)

    def record_primary(self):
        """A trace of small commits, one after the other, some larger than a page."""
        primary = self.primary
        name = self.id().split(".")[-1]
        path, process = self.record("primary.trace", primary.port, application_name=name)

        def sent(column):
            return primary.sql(f"SELECT {column} FROM pg_stat_replication"
                               f"    WHERE application_name = '{name}_0'")
        wait_until(lambda: sent("state") == "streaming", "the recorder")
        begin = parse_lsn(sent("sent_lsn"))
        sql = ReplicationClient.connect(primary.port, replication="false", database="postgres")
        for i in range(_COMMITS):
            size = 30_000 if i % 20 == 0 else 100 + 10 * i
            answer = sql.query(f"SELECT pg_logical_emit_message(true, 'e2e', repeat('x', {size}))")
            self.assertIsNone(answer.error)
        sql.close()
        end = parse_lsn(primary.flush_lsn())
        wait_until(lambda: parse_lsn(sent("sent_lsn")) >= end, "all WAL to be sent")
        trace = self.trace_of(path, process)
        self.assertGreaterEqual(trace.bytes, end - begin)
        self.assertGreaterEqual(len(trace.messages), 2)
        self.assertEqual((trace.server_major, trace.segment_bytes), (15, _SEGMENT))
        self.assertGreaterEqual(trace.micros, trace.messages[-1][0])
        self.figure(f"{_COMMITS} commits: {len(trace.messages)} messages,"
                    f" {os.path.getsize(path)} bytes of trace")
        return path, trace

    def replay(self, path, **options):
        """Returns it, its WAL, and where the replay has begun: behind a first record."""
        spool = WalFiles(self.path("spool"), _SEGMENT)
        walcast = Walcast(self.area, synthetic_trace=path, spool_directory=spool.path,
                          wal_segment_size="1MB", wal_keep_size="1GB",
                          record_size=str(_RECORD_MAX), **options)
        records, _ = waldump(self.area, spool, 1, spool.begin())
        return walcast, spool, records[0].end

    def test_a_primarys_rhythm_is_replayed(self):
        path, trace = self.record_primary()
        self.assertLess(max(trace.sizes()), _RECORD_MAX)
        walcast, spool, begin = self.replay(path, synthetic_trace_speed=2)
        start = parse_lsn(self.connect(walcast.port).identify()[2])
        self.record_replay(walcast, trace, begin)
        self.receive(walcast, spool, parse_lsn(self.connect(walcast.port).identify()[2]))
        walcast.stop()
        records, complaint = waldump(self.area, spool, 1, spool.begin())
        self.assertEqual(complaint.count("\n"), 0, complaint)  # of where the WAL ends
        self.assertGreater(records[-1].end, start)

    def record_replay(self, walcast, trace, begin):
        """What a recorder sees of a replay ends where messages of the trace end."""
        seconds = 3 * trace.micros / 2 / 1e6  # three rounds, at twice the speed
        from_lsn = parse_lsn(self.connect(walcast.port).identify()[2])
        path, process = self.record("replay.trace", walcast.port, start=format_lsn(from_lsn),
                                    duration=f"{max(1, round(seconds))}s")
        replayed = self.trace_of(path, process, stop=False)
        self.assertGreater(replayed.bytes, trace.bytes)
        ends = {end % trace.bytes for end in trace.ends()}
        for end in replayed.ends():
            if (from_lsn + end) % PAGE == 0:
                continue  # a message is cut there, if more has come than one may hold
            at = from_lsn - begin + end
            self.assertTrue(any((at + short) % trace.bytes in ends for short in range(_SHORT)),
                            f"no message ends at {at % trace.bytes}")
        self.figure(f"{len(replayed.messages)} messages of {replayed.bytes} bytes were replayed, of"
                    f" {len(trace.messages)} of {trace.bytes}")

    def receive(self, walcast, spool, start):
        """pg_receivewal takes some segments of it, as they are."""
        receiver = Receivewal(self.area, self.area.directory("received"), _SEGMENT)
        receiver.run_to(walcast.port, start - start % _SEGMENT + 2 * _SEGMENT)
        names = receiver.files.complete()
        self.assertGreaterEqual(len(names), 1)
        self.assert_same_segments(receiver.files, spool, names)

    def test_a_trace_may_end(self):
        path, trace = self.record_primary()
        walcast, spool, begin = self.replay(path, synthetic_trace_loop="off",
                                            synthetic_trace_speed=10)
        walcast.wait_for_log("trace file \".*\" has ended; no more WAL is made")
        walcast.stop()
        records, _ = waldump(self.area, spool, 1, spool.begin())
        self.assertLess(records[-1].end - begin, trace.bytes + 1)
        self.assertGreater(records[-1].end - begin, trace.bytes - _SHORT)

    def test_a_damaged_file_is_refused(self):
        path = self.path("trace")
        self.area.write_file(path, "WALTRACE" + 10 * "\0")
        said = fail_to_serve(self.area, synthetic_trace=path, spool_directory=self.path("spool"))
        self.assertIn(f'trace file "{path}" is not valid at offset 18: the file ends within its'
                      " header", said)

