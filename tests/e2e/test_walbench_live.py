"""walbench live measures a PostgreSQL, and a walcast before it: what is in its table, JSON and page."""

import json
import os
import re
import subprocess
import time
import unittest
import xml.etree.ElementTree as ElementTree
from html.parser import HTMLParser

from support.case import E2eCase
from support.cluster import PgCluster
from support.lsn import parse_lsn
from support.wait import wait_until
from support.walcast import Walcast, binary, option_list

_RATE = 100
_COMMITS = 200


class Page(HTMLParser):
    """What a browser would see of a page: its tags, and what it would load."""

    _LOADS = {"src", "href", "srcset", "data", "action", "poster"}

    def __init__(self, text):
        super().__init__()
        self.open, self.headings, self.loads = [], [], []
        self._in_heading = False
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.loads += [name for name, _ in attrs if name in self._LOADS]
        self.loads += [tag] if tag in ("script", "link", "iframe", "object") else []
        if tag != "meta":
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)

    def handle_endtag(self, tag):
        if tag != "meta":
            assert self.open.pop() == tag, tag

    def handle_data(self, data):
        if self.open and self.open[-1] == "h2":
            self.headings.append(data)


class WalbenchLiveTest(E2eCase):

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.primary = PgCluster.create(cls.area, "primary", wal_keep_size="256MB",
                                       autovacuum="off").start()
        cls.primary.sql("CREATE TABLE t (i int)")

    def live(self, port, status=0, **options):
        """One run: its JSON, its page and what it has said."""
        files = {name: options.pop(name, self.area.path(f"{name}-{time.monotonic_ns()}"))
                 for name in ("json", "html")}
        options = {"rate": f"{_RATE}/s", "commits": _COMMITS, "warm_up": "200ms", **files,
                   **options}
        done = subprocess.run(
            [binary(self.area, "walbench"), "live", "--port", str(port),
             *map(str, option_list(options))],
            capture_output=True, text=True, timeout=120, check=False)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        if status:
            return None, None, done
        with open(files["json"], encoding="utf-8") as report:
            run = json.load(report)
        with open(files["html"], encoding="utf-8") as page:
            return run, page.read(), done

    def check_delays(self, delays, count):
        """Whatever they are: all are there, in order, and add up over the windows."""
        figures = delays["all_us"]
        self.assertEqual(figures["count"], count)
        names = {"p50": 2, "p90": 10, "p99": 100, "p99.9": 1000, "p99.99": 10000, "max": 1}
        told = [name for name, least in names.items() if count >= least]
        self.assertEqual([name for name in names if figures[name] is not None], told)
        order = [figures[name] for name in told]
        self.assertEqual(order, sorted(order))
        self.assertGreater(order[0], 0)
        self.assertEqual(sum(window["count"] for window in delays["windows_us"]), count)

    def test_every_commit_is_timed_at_every_standby(self):
        with open(os.path.join(self.primary.data, "postmaster.pid"), encoding="ascii") as file:
            postmaster = int(file.readline())
        # What ends meanwhile would be missing from the memory that the standbys take.
        wait_until(lambda: self.primary.sql(
            "SELECT count(*) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
            " AND backend_type IN ('walsender', 'client backend', 'autovacuum worker')") == "0",
                   "the end of all other sessions")
        run, page, done = self.live(self.primary.port, standbys=5, slow=1, slow_rate="50MB/s",
                                    server_pid=postmaster, progress=True)
        self.assertEqual(run["schema"], "walbench.live/1")
        self.assertEqual((run["commits"], run["failed_standbys"]), (_COMMITS, 0))
        self.assertEqual((run["deliveries"], run["deliveries_expected"]), (5 * _COMMITS,) * 2)
        fast, slow = run["classes"]
        self.check_delays(fast["arrival"], 4 * _COMMITS)
        self.check_delays(slow["arrival"], _COMMITS)
        self.check_delays(run["commit"], _COMMITS)
        self.assertEqual([one["count"] for one in run["standbys"]], [_COMMITS] * 5)
        self.assertGreater(run["commits_per_second"], 0)
        self.assertGreater(run["wal_bytes_per_commit"], 100)
        server = run["server"]
        self.assertGreater(server["cpu_us_per_delivery"], 0)
        self.assertAlmostEqual(server["cpu_us_per_commit"], 5 * server["cpu_us_per_delivery"],
                               delta=1e-6 * server["cpu_us_per_commit"])
        self.assertGreater(server["pss_bytes_per_standby"], 0)
        self.assertGreater(server["processes"], 5)
        self.assertRegex(done.stdout, r"(?m)^  arrival, 4 fast +800 ")
        self.assertRegex(done.stderr, r"(?m)^ +-?\d+\.\d s  5 standbys .* \d+ stragglers  0 failed")
        self.check_page(page)

    def check_page(self, text):
        page = Page(text)
        self.assertEqual((page.open, page.loads), ([], []))
        self.assertEqual(page.headings[:4], ["Distribution of the delay", "Delay over time",
                                             "By standby", "Throughput"])
        pictures = re.findall(r"<svg.*?</svg>", text, re.DOTALL)
        self.assertGreaterEqual(len(pictures), 4)
        for picture in pictures:
            for path in ElementTree.fromstring(picture).iter("path"):
                self.assertRegex(path.get("d"), r"^(M-?[\d.]+ -?[\d.]+([HVLh][\d. -]+)*)?$")

    def test_a_transaction_is_what_a_script_says(self):
        script = self.area.path("script.sql")
        self.area.write_file(script, "-- rows\nINSERT INTO t VALUES (1);\nINSERT INTO t VALUES (2)")
        before = int(self.primary.sql("SELECT count(*) FROM t"))
        run, _, _ = self.live(self.primary.port, standbys=2, script=script, writers=2,
                              warm_up="1us")
        rows = int(self.primary.sql("SELECT count(*) FROM t")) - before
        self.assertGreaterEqual(rows, 2 * _COMMITS)  # those that warm up too
        self.assertEqual(run["deliveries"], 2 * _COMMITS)
        self.assertEqual(run["setup"]["script"], script)

    def test_what_the_writer_uses_is_not_the_servers(self):
        """Its session counted as a child of the postmaster that has ended."""
        busy = "SELECT count(*) FROM generate_series(1, 1000000)"
        begun = time.monotonic()
        self.primary.sql(busy)
        busy_us = (time.monotonic() - begun) * 1e6
        script = self.area.path("busy.sql")
        self.area.write_file(script, busy)
        run, _, _ = self.live(self.primary.port, script=script, commits=10, rate="100/s",
                              server_pid=self.primary.process.pid)
        self.assertLess(run["server"]["cpu_us_per_commit"], busy_us / 4)

    def test_a_script_that_fails_ends_the_run(self):
        script = self.area.path("failing.sql")
        self.area.write_file(script, "SELECT 1 / 0")
        _, _, done = self.live(self.primary.port, status=1, script=script)
        self.assertIn("writer: ERROR:  division by zero", done.stderr)
        self.area.write_file(script, "COMMIT")
        _, _, done = self.live(self.primary.port, status=1, script=script)
        self.assertIn("the script ends its transaction itself", done.stderr)

    def test_a_walcast_before_it_is_a_real_standby_too(self):
        walcast = Walcast(self.area, spool_directory=self.area.path("spool"),
                          primary_conninfo=self.primary.conninfo())
        self.addCleanup(walcast.stop)
        run, page, _ = self.live(walcast.port, write=f"127.0.0.1:{self.primary.port}", standbys=3,
                                 server_pid=walcast.process.pid)
        self.assertEqual(run["deliveries"], 3 * _COMMITS)
        self.assertEqual(run["server"]["processes"], 1)
        real = run["real_standbys"]
        self.assertGreater(real["resolution_us"], 0)
        (standby,) = real["standbys"]
        self.assertTrue(standby["name"].startswith("walcast"), standby["name"])
        written = standby["stages"][0]
        self.assertEqual(written["stage"], "written")
        # What comes after the last look is not seen any more.
        self.assertGreater(written["from_due_us"]["count"], 0)
        self.assertIn("Real standbys", Page(page).headings)

    def test_two_runs_can_be_compared(self):
        paths = [self.area.path(f"run{i}.json") for i in range(2)]
        for path in paths:
            self.live(self.primary.port, standbys=2, json=path)
        done = self.compare(*paths)
        self.assertRegex(done.stdout, r"(?m)^arrival p50, fast +\d")
        self.assertIn("1 and 1 runs:", done.stdout)
        worse = self.area.path("worse.json")
        with open(paths[0], encoding="utf-8") as file:
            run = json.load(file)
        for window in run["classes"][0]["arrival"]["windows_us"]:
            window["p50"] *= 3
        self.area.write_file(worse, json.dumps(run))
        done = self.compare("--check", "--json", "--base", *[paths[0]] * 3, "--new", *[worse] * 3,
                            status=2)
        verdicts = {line["name"]: line["verdict"] for line in json.loads(done.stdout)["measures"]}
        self.assertEqual(verdicts.pop("arrival p50, fast"), "WORSE")
        self.assertEqual(set(verdicts.values()), {"no difference"})

    def compare(self, *arguments, status=0):
        done = subprocess.run([binary(self.area, "walbench"), "compare", *arguments],
                              capture_output=True, text=True, timeout=30, check=False)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done

    def test_what_cannot_be_measured_is_said(self):
        _, _, done = self.live(1, status=1)
        self.assertIn("Connection refused", done.stderr)
        _, _, done = self.live(1, status=1, write=f"127.0.0.1:{self.primary.port}")
        self.assertIn("no standby streams", done.stderr)
        _, _, done = self.live(self.primary.port, status=1, server_pid=1 << 29)
        self.assertIn("there is no such process", done.stderr)
        self.assertGreater(parse_lsn(self.primary.flush_lsn()), 0)  # the primary is there still


if __name__ == "__main__":
    unittest.main()
