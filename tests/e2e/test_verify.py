"""`walcast verify` on the WAL of a real PostgreSQL: it ends where pg_waldump ends, good or spoilt."""

import json
import os
import random

from support.case import StoppedCase
from support.lsn import format_lsn, parse_lsn
from support.wal import flip_byte, waldump
from support.walcast import binary
from support.workload import wal_of, write_wal

_FLIPS = 12


def verify(area, path, *options):
    """The exit status and what --json says."""
    done = area.run([binary(area, "walcast"), "verify", "--json", "--no-progress", *options, path],
                    check=False)
    return done.returncode, json.loads(done.stdout)


class VerifyTest(StoppedCase):

    def test_the_pg_wal_of_a_server_is_good_and_ends_where_pg_waldump_does(self):
        status, report = verify(self.area, self.wal.path)
        self.assertEqual((status, report["faults"], report["found"]), (0, 0, []), report)
        self.assertEqual(str(report["system_identifier"]), self.system_identifier)
        [timeline] = report["timelines"]
        self.assertEqual(timeline["begin"], format_lsn(self.begin))
        self.assertEqual(timeline["end"], format_lsn(self.end))
        self.assertEqual(report["records"], len(self.records))

    def test_a_range_of_it(self):
        middle = self.records[len(self.records) // 2]
        status, report = verify(self.area, self.wal.path, "--from", format_lsn(middle.begin),
                                "--to", format_lsn(self.end), "--timeline", "1")
        self.assertEqual((status, report["found"]), (0, []), report)
        status, report = verify(self.area, self.wal.path, "--to", format_lsn(self.end + 8))
        self.assertEqual(status, 1)
        self.assertEqual(report["found"][0]["what"], f"WAL ends at {format_lsn(self.end)} already")

    def test_it_stops_at_the_record_at_which_pg_waldump_stops(self):
        copy = self.copy_of_wal()
        seed = int(os.environ.get("WALCAST_TEST_SEED", random.randrange(1 << 32)))
        print(f"WALCAST_TEST_SEED={seed}")
        draw = random.Random(seed)
        for record in draw.sample(self.records[:-1], _FLIPS):
            spoilt = record.begin + draw.randrange(8, 24) if record.begin % 8192 < 8100 else record.begin
            path, offset = copy.file(1, spoilt), spoilt % copy.segment_size
            flip_byte(path, offset)
            status, report = verify(self.area, copy.path)
            read, complaint = waldump(self.area, copy, 1, self.begin)
            flip_byte(path, offset)
            said = (format_lsn(record.begin), spoilt - record.begin, complaint, report["found"])
            self.assertEqual((status, report["faults"]), (1, 1), said)
            # xl_info, and the padding behind it, are in the checksum, so pg_waldump stops too.
            self.assertEqual(report["first_bad_lsn"], format_lsn(record.begin), said)
            self.assertEqual(read[-1].begin if read else None,
                             max((r.begin for r in self.records if r.begin < record.begin),
                                 default=None), said)
            self.assertEqual(report["timelines"][0]["end"], format_lsn(self.end), said)

    def test_a_segment_that_is_missing(self):
        copy = self.copy_of_wal()
        names = copy.complete()
        os.remove(f"{copy.path}/{names[3]}")
        status, report = verify(self.area, copy.path)
        self.assertEqual((status, report["faults"]), (1, 1), report)
        [found] = report["found"]
        self.assertEqual((found["kind"], found["file"]), ("gap", names[3]))
        self.assertEqual(found["good_from"], format_lsn(copy.start_of(names[4])))


class VerifyPromotedTest(StoppedCase):
    """The pg_wal of a standby that was promoted, and went on: two timelines, and a crash."""

    def test_both_timelines_are_good(self):
        heir = self.primary.cold_copy("heir").start()
        heir.promote()
        write_wal(heir, 3)
        heir.sql("SELECT pg_switch_wal()")
        write_wal(heir, 3)
        heir.crash()
        wal = wal_of(heir)
        status, report = verify(self.area, wal.path)
        self.assertEqual((status, report["found"]), (0, []), report)
        newest = report["timelines"][-1]
        self.assertEqual(newest["timeline"], 2)
        records, _ = waldump(self.area, wal, 2, parse_lsn(newest["begin"]))
        self.assertEqual(newest["end"], format_lsn(records[-1].end))
        heir.start().stop()  # it has found the same end, and goes on from there
        status, report = verify(self.area, wal.path)
        self.assertEqual((status, report["found"]), (0, []), report)
