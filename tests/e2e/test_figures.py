"""What perf/matrix makes of results: medians, ratios, what holds, the search for a rate, the order of
turns, the store, pictures and the document, from figures that are made up."""

import json
import os
import re
import sys
import tempfile
import unittest
import xml.etree.ElementTree as ElementTree

_ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(_ROOT, "perf"))

# pylint: disable=wrong-import-position
from matrix import document, plan, plots, svg  # noqa: E402
from matrix.figures import HELD, NOT_HELD, NOT_MEASURED, Part, judge, number, verdicts  # noqa: E402
from matrix.loads.live import Live, holds, search  # noqa: E402
from matrix.store import SCHEMA, Store  # noqa: E402

_SETUP = {"command": "perf/compare.sh", "machine": "1 processor", "kernel": "Linux", "files": "tmpfs",
          "PostgreSQL": "15", "walcast": "1"}
_LIVE = {"standbys": 400, "rate": 200}


class StoreCase(unittest.TestCase):

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = directory.name
        self.store = Store(os.path.join(self.directory, "benchmarks"))

    def add(self, part, case, subject, *values, setup=None):
        """One round for each value: of a figure, as {name: value}."""
        for number_of, figures in enumerate(values):
            self.store.add(part, plan.Turn(case, subject, number_of), setup or _SETUP,
                           "2026-01-02 03:04", figures)


class FiguresTest(StoreCase):

    def part(self):
        return Part(self.store, "live")

    def p50(self, subject, *values):
        self.add("live", _LIVE, subject, *({"p50_us": value} for value in values))

    def test_a_median_is_that_of_all_rounds(self):
        self.p50("relay", 5, 100, 7)
        self.assertEqual(self.part().median(_LIVE, "relay", "p50_us"), 7)

    def test_what_was_not_measured_has_none(self):
        self.p50("relay", 5)
        self.assertIsNone(self.part().median(_LIVE, "attach", "p50_us"))
        self.assertIsNone(self.part().median(_LIVE, "relay", "p99_us"))
        self.assertIsNone(self.part().ratio(_LIVE, "relay", "attach", "p50_us"))

    def test_cases_are_in_the_order_of_their_standbys(self):
        """Those of the most standbys have the lower rate."""
        cases = [{"standbys": standbys, "rate": rate}
                 for standbys, rate in ((1, 200), (400, 200), (2000, 100))]
        for case in reversed(cases):
            self.add("live", case, "relay", {"p50_us": 1})
        self.assertEqual(self.part().cases(), cases)
        self.store = Store(self.store.directory)  # as the file has them
        self.assertEqual(self.part().cases(), cases)

    def test_a_ratio_is_taken_round_by_round(self):
        """The ratio of the medians would be 10."""
        self.p50("relay", 10, 40, 100)
        self.p50("forwarder", 5, 4, 1)
        self.assertEqual(self.part().ratio(_LIVE, "relay", "forwarder", "p50_us"), 10)
        self.p50("attach", 30, 20)
        self.p50("direct", 10, 10, 10)
        self.assertEqual(self.part().difference(_LIVE, "attach", "direct", "p50_us"), 15)

    def test_a_ratio_may_be_of_two_cases(self):
        self.add("pgbench", {"standbys": 400}, "relay", {"tps": 90})
        self.add("pgbench", {"standbys": 1}, "relay", {"tps": 100})
        ratio = Part(self.store, "pgbench").ratio({"standbys": 400}, "relay",
                                                  ("relay", {"standbys": 1}), "tps")
        self.assertAlmostEqual(ratio, 0.9)

    def test_a_bound_is_held_up_to_itself(self):
        states = [judge("x", value, bound).state for value, bound in (
            (2, ("at most", 2)), (2.1, ("at most", 2)), (2, ("at least", 2)),
            (1.9, ("at least", 2)), (None, ("at least", 2)), (3, None))]
        self.assertEqual(states, [HELD, NOT_HELD, HELD, NOT_HELD, NOT_MEASURED, ""])

    def test_numbers_have_three_digits(self):
        self.assertEqual([number(value) for value in (12345.6, 123.4, 12.34, 1.234, 0.01234, 0)],
                         ["12,346", "123", "12.3", "1.23", "0.0123", "0.00"])

    def test_each_bound_is_judged_by_its_figure(self):
        good = {"commits_per_second": 199.6, "p50_us": 2000, "p99_us": 9000,
                "cpu_us_per_delivery": 5}
        self.add("live", _LIVE, "relay", good)
        self.add("live", _LIVE, "forwarder", {**good, "p50_us": 1900})
        self.add("live", _LIVE, "direct", {**good, "p99_us": 430_000, "cpu_us_per_delivery": 50})
        self.add("idle", {"standbys": 10_000}, "relay", {"cpu_share": 0.03,
                                                         "bytes_per_standby": 7900})
        found = {one.what: (one.value, one.state) for one in verdicts(self.store)}
        expected = {
            "live, 400 standbys, relay: commits/s of 200": ("200", HELD),
            "live, 400 standbys, relay: p50 / bare forwarder": ("1.05", NOT_HELD),
            "live, 400 standbys, relay: p99 / PostgreSQL": ("0.0209", HELD),
            "live, 400 standbys, relay: CPU per delivery / PostgreSQL": ("0.10", HELD),
            "live, 400 standbys, attach: p50 / bare forwarder": ("-", NOT_MEASURED),
            "10,000 idle, relay: CPU of a core": ("3.00 %", NOT_HELD),
            "10,000 idle, relay: memory each": ("7.90 kB", HELD),
        }
        self.assertEqual({what: found[what] for what in expected}, expected)


class SearchTest(unittest.TestCase):

    @staticmethod
    def found(limit, bisections):
        return search(lambda rate: {"rate": rate, "holds": rate <= limit}, bisections,
                      rate_max=12_800)

    def test_it_doubles_and_then_halves_what_lies_between(self):
        found = self.found(limit=650, bisections=2)
        self.assertEqual([one["rate"] for one in found["probes"]], [100, 200, 400, 800, 600, 700])
        self.assertEqual(found["rate"], 600)

    def test_it_goes_down_where_the_first_does_not_hold(self):
        found = self.found(limit=30, bisections=1)
        self.assertEqual([one["rate"] for one in found["probes"]], [100, 50, 25, 37.5])
        self.assertEqual(found["rate"], 25)

    def test_it_ends_where_none_holds_and_where_all_hold(self):
        self.assertEqual(self.found(limit=1, bisections=3)["rate"], 0)
        self.assertEqual(self.found(limit=1e9, bisections=3)["rate"], 12_800)

    def test_a_rate_holds_if_all_of_it_comes_in_time(self):
        good = {"commits_per_second": 96, "arrived": 1, "failed_standbys": 0, "p99_us": 49_999}
        self.assertTrue(holds(100, good))
        for worse in ({"commits_per_second": 94}, {"arrived": 0.9}, {"failed_standbys": 1},
                      {"p99_us": 50_000}):
            self.assertFalse(holds(100, {**good, **worse}), worse)


class PlanTest(unittest.TestCase):

    def test_subjects_take_turns_in_going_first(self):
        turns = plan.turns([{"n": 1}, {"n": 2}], ["a", "b", "c"], rounds=2)
        self.assertEqual([turn.subject for turn in turns], list("abcabcbcabca"))
        self.assertEqual([turn.round for turn in turns], [0] * 6 + [1] * 6)

    def test_options_are_those_of_a_form_if_not_given(self):
        full, quick = plan.parse([]), plan.parse(["--quick", "--standbys", "7,8"])
        self.assertEqual((full.into, quick.into), ("docs", "build/quick"))
        self.assertEqual((quick.standbys, quick.rounds), ((7, 8), 1))
        self.assertEqual(full.standbys, (1, 10, 100, 400, 1000, 2000))
        self.assertEqual([turn.case for turn in Live.turns(plan.parse(
            ["--standbys", "1000,2000", "--rounds", "1", "--subjects", "relay"]))],
            [{"standbys": 1000, "rate": 200}, {"standbys": 2000, "rate": 100}])


class StoreTest(StoreCase):

    def test_what_is_kept_is_there_for_the_next_run(self):
        self.add("live", _LIVE, "relay", {"p50_us": 1}, {"p50_us": 2})
        again = Store(self.store.directory)
        self.assertEqual([run["figures"] for run in again.runs("live")],
                         [{"p50_us": 1}, {"p50_us": 2}])
        self.assertEqual(again.setups("live"), [_SETUP])
        self.assertTrue(again.has("live", plan.Turn(_LIVE, "relay", 1)))
        self.assertFalse(again.has("live", plan.Turn(_LIVE, "relay", 2)))
        self.assertFalse(again.has("live", plan.Turn({**_LIVE, "rate": 100}, "relay", 1)))

    def test_what_is_forgotten_takes_its_setup_along(self):
        other = {**_SETUP, "kernel": "another"}
        self.add("live", _LIVE, "relay", {"p50_us": 1})
        self.add("live", _LIVE, "attach", {"p50_us": 2}, setup=other)
        self.store.forget("live", [plan.Turn(_LIVE, "relay", 0)])
        self.assertEqual(self.store.setups("live"), [other])
        self.assertEqual([(run["subject"], run["setup"]) for run in self.store.runs("live")],
                         [("attach", 0)])

    def test_results_of_another_schema_are_refused(self):
        self.add("live", _LIVE, "relay", {"p50_us": 1})
        path = os.path.join(self.store.directory, "live.json")
        with open(path, encoding="utf-8") as file:
            content = json.load(file)
        self.assertEqual(content["schema"], SCHEMA)
        with open(path, "w", encoding="utf-8") as file:
            json.dump({**content, "schema": "another"}, file)
        with self.assertRaisesRegex(ValueError, "live.json is of schema another"):
            Store(self.store.directory).runs("live")


class DocumentTest(StoreCase):

    def text(self):
        with open(document.write(self.store, self.directory), encoding="utf-8") as file:
            return file.read()

    def test_without_results_only_the_bounds_are_there(self):
        text = self.text()
        self.assertEqual(re.findall("(?m)^## (.*)$", text),
                         ["What should hold", "How it was measured"])
        self.assertNotIn("held |", text)
        self.assertEqual(os.listdir(self.store.directory), [])

    def test_parts_that_are_there_have_tables_and_pictures(self):
        for standbys in (1, 400):
            for subject, p50 in (("direct", 9000), ("relay", 1000 + standbys)):
                case = {"standbys": standbys, "rate": 200}
                self.add("live", case, subject, {"p50_us": p50, "p99_us": 2 * p50,
                                                 "report": "walcast: latency of all\nstage 1\n"
                                                           "standby  state\n10.0.0.1 x\n"})
        text = self.text()
        self.assertIn("## From commit to standby", text)
        self.assertIn("| p50, ms, by number of standbys | 1 | 400 |", text)
        self.assertIn("| walcast, relay | 1.00 | 1.40 |", text)
        self.assertNotIn("commits/s |", text)
        self.assertNotIn("## In bulk", text)
        self.assertIn("    latency of all\n    stage 1\n", text)
        self.assertNotIn("10.0.0.1", text)
        self.assertIn("| live | 2026-01-02 03:04 to 2026-01-02 03:04 UTC | 1 | 4 |", text)
        names = re.findall(r"!\[[^]]+\]\(benchmarks/(.*?)\)", text)
        self.assertEqual(names, ["delay.svg"])
        self.assertEqual(sorted(os.listdir(self.store.directory)), ["delay.svg", "live.json"])

    def test_notes_are_taken_in_as_they_are(self):
        self.add("live", _LIVE, "relay", {"p50_us": 1})
        with open(os.path.join(self.store.directory, "notes.md"), "w", encoding="utf-8") as file:
            file.write("The time goes *there*.\n")
        self.assertIn("## What is not held, and what the time goes to\n\nThe time goes *there*.\n",
                      self.text())


class PictureTest(StoreCase):

    def test_a_picture_is_whole_by_itself(self):
        for standbys, tps in ((0, 5000), (1, 4900), (400, 300)):
            self.add("pgbench", {"standbys": standbys}, "direct", {"tps": tps})
            if standbys:
                self.add("pgbench", {"standbys": standbys}, "relay", {"tps": 4800})
        text = plots.all_of(self.store)["tps"]
        picture = ElementTree.fromstring(text)
        space = "{http://www.w3.org/2000/svg}"
        self.assertIn("prefers-color-scheme:dark", picture.find(f"{space}style").text)
        self.assertNotRegex(text, "href|url\\(|@import|<script")
        # Each line has three points, that of the relay begins where there is no standby.
        dots = picture.findall(f"{space}circle")
        self.assertEqual(len(dots), 6)
        self.assertEqual(len({(dot.get("cx"), dot.get("cy")) for dot in dots}), 5)
        words = [element.text for element in picture.iter(f"{space}text")]
        self.assertIn("behind walcast, relay", words)
        for path in picture.iter(f"{space}path"):
            self.assertRegex(path.get("d"), r"^M[\d.]+ [\d.]+(H[\d.]+|(L[\d.]+ [\d.]+)+)$")

    def test_times_are_read_in_their_units(self):
        self.assertEqual([svg.with_unit(*what) for what in (
            (0.5, " ms"), (100, " ms"), (20_000, " ms"), (2_000_000, " µs"), (5_000, "/s"))],
            ["0.5 ms", "100 ms", "20 s", "2 s", "5,000/s"])

    def test_names_of_lines_do_not_overlap(self):
        places = svg.spread([10, 11, 12, 100, 195, 199], row=15, limit=200)
        self.assertTrue(all(b - a >= 15 - 1e-9 for a, b in zip(places, places[1:])), places)
        self.assertLessEqual(places[-1], 200)
        self.assertEqual(svg.spread([10, 60], row=15, limit=200), [10, 60])


if __name__ == "__main__":
    unittest.main()
