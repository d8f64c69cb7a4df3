"""Synthetic WAL must be WAL: pg_waldump 15 reads it to its end, and it streams like any other."""

import os

from support.case import E2eCase
from support.lsn import format_lsn, parse_lsn
from support.wal import WalFiles, waldump
from support.walcast import Fleet, Walcast, generate

_RATE = 50_000_000


class SyntheticCase(E2eCase):

    def assert_pg_waldump_is_content(self, wal, end):
        """All records from the first segment to `end`, read without complaint."""
        records, complaint = waldump(self.area, wal, 1, wal.begin(), end)
        self.assertEqual(complaint, "")
        self.assertEqual(format_lsn(records[-1].end), format_lsn(end))
        return records


class GenerateTest(SyntheticCase):

    def check(self, segment_mb, size_mb):
        path = self.area.directory(f"wal-{segment_mb}")
        generate(self.area, path, size=f"{size_mb}MB", record_size="50..8000",
                 wal_segment_size=f"{segment_mb}MB", seed=7)
        wal = WalFiles(path, segment_mb << 20)
        self.assertEqual(os.path.getsize(f"{path}/{wal.complete()[0]}"), segment_mb << 20)
        walcast = Walcast.of_directory(self.area, path)
        end = parse_lsn(self.connect(walcast.port).identify()[2])
        self.assertGreaterEqual(end - wal.begin(), size_mb << 20)
        records = self.assert_pg_waldump_is_content(wal, end)
        lengths = [record.length for record in records]
        self.assertGreater(sum(length < 1000 for length in lengths), len(lengths) // 20)
        self.assertGreater(sum(length > 7000 for length in lengths), len(lengths) // 20)
        report = Fleet(self.area, walcast.port, 8, wal.begin(), end, verify=path).finish()
        self.assertEqual((report.status, report["mismatches"]), (0, 0), report.output)

    def test_segments_of_1_mb(self):
        self.check(segment_mb=1, size_mb=30)

    def test_segments_of_16_mb(self):
        self.check(segment_mb=16, size_mb=100)

    def test_segments_of_64_mb(self):
        self.check(segment_mb=64, size_mb=150)

    def test_the_same_seed_makes_the_same_records(self):
        paths = [self.area.directory(name) for name in ("one", "two", "other")]
        for path, seed in zip(paths, (3, 3, 4)):
            generate(self.area, path, size="5MB", record_size="50..8000",
                     wal_segment_size="1MB", seed=seed)
        one, two, other = (self.shape_of(path) for path in paths)
        self.assertEqual(one, two)
        self.assertNotEqual(one, other)

    def shape_of(self, path):
        wal = WalFiles(path, 1 << 20)
        records, _ = waldump(self.area, wal, 1, wal.begin())
        return [(record.begin, record.length) for record in records]


class SyntheticSourceTest(SyntheticCase):

    def test_eight_standbys_verify_it_live(self):
        spool = self.area.directory("spool")
        walcast = Walcast(self.area, synthetic="50MB/s", spool_directory=spool,
                          wal_segment_size="16MB", wal_keep_size="2GB")
        start = parse_lsn(self.connect(walcast.port).identify()[2])
        until = start + 10 * _RATE
        report = Fleet(self.area, walcast.port, 8, start, until, verify=spool).finish()
        self.assertEqual(report.status, 0, report.output)
        self.assertEqual((report["mismatches"], report["failures"]), (0, {}))
        self.assertGreaterEqual(report["bytes"], 8 * (until - start))
        self.assertAlmostEqual(report["seconds"], 10, delta=3)
        self.figure(f"8 live standbys at 50 MB/s: delay {report['delay_us']} us,"
                    f" {report['messages']} messages")
        walcast.stop()
        wal = WalFiles(spool, 16 << 20)
        records, _ = waldump(self.area, wal, 1, wal.begin())
        self.assertGreaterEqual(records[-1].end, until)
        self.assert_pg_waldump_is_content(wal, records[-1].end)

    def test_old_segments_go_when_wal_keep_size_is_full(self):
        spool = self.area.directory("small-spool")
        walcast = Walcast(self.area, synthetic="50MB/s", spool_directory=spool,
                          wal_segment_size="1MB", wal_keep_size="16MB")
        client = self.connect(walcast.port)
        begin = parse_lsn(client.identify()[2])
        client.start(begin, 1)
        client.receive_until(begin + (100 << 20))
        self.assertLess(len(os.listdir(spool)), 40)
        late = self.connect(walcast.port)
        late.start(begin, 1)
        error = late.next_event().fields
        self.assertEqual(error["C"], "58P01")
        self.assertRegex(error["M"], "^requested WAL segment .* has already been removed$")
