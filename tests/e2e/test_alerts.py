"""The alerts and the dashboard of packaging/: promtool's own tests of them, and that each metric that
they ask for is one that walcast has."""

import json
import os
import re
import shutil
import subprocess
import unittest

_ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
_ALERTS = os.path.join(_ROOT, "packaging", "prometheus")
_DASHBOARD = os.path.join(_ROOT, "packaging", "grafana", "walcast.json")
_NAME = r"\b(?:walcast|pg_stat_replication|pg_replication_slots)_\w+"
# Of Prometheus, for a histogram.
_SUFFIXES = ("_bucket", "_sum", "_count")


def read(*path):
    with open(os.path.join(_ROOT, *path), encoding="utf-8") as file:
        return file.read()


def metrics_of_the_source():
    text = read("server", "http", "metrics.cc") + read("server", "http", "standby_metrics.cc")
    return set(re.findall(f'"({_NAME})"', text))


def names_in(expression):
    """Without the values of labels, such as the name of a limit."""
    names = set(re.findall(_NAME, re.sub(r'"[^"]*"', '""', expression)))
    for suffix in _SUFFIXES:
        names = {name.removesuffix(suffix) if name.endswith(suffix) else name for name in names}
    return names


class AlertsTest(unittest.TestCase):
    def promtool(self, *words):
        done = subprocess.run(["promtool", *words], cwd=_ALERTS, capture_output=True, text=True,
                              check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    @unittest.skipUnless(shutil.which("promtool"), "needs promtool")
    def test_the_rules_are_right_and_fire_when_they_should(self):
        self.assertIn("SUCCESS", self.promtool("check", "rules", "walcast.rules.yml"))
        self.assertIn("SUCCESS", self.promtool("test", "rules", "walcast.rules.test.yml"))

    def test_each_alert_has_a_test(self):
        alerts = set(re.findall(r"alert: (\w+)", read("packaging", "prometheus",
                                                      "walcast.rules.yml")))
        tests = read("packaging", "prometheus", "walcast.rules.test.yml")
        self.assertGreater(len(alerts), 10)
        self.assertEqual({alert for alert in alerts if alert not in tests}, set())

    def test_rules_ask_for_metrics_that_there_are(self):
        expressions = re.findall(r"expr: (.*)", read("packaging", "prometheus",
                                                     "walcast.rules.yml"))
        asked = set().union(*map(names_in, expressions))
        self.assertEqual(asked - metrics_of_the_source(), set())

    def test_the_dashboard_asks_for_metrics_that_there_are(self):
        with open(_DASHBOARD, encoding="utf-8") as file:
            dashboard = json.load(file)
        expressions = [target["expr"] for panel in dashboard["panels"]
                       for target in panel.get("targets", [])]
        self.assertGreater(len(expressions), 15)
        asked = set().union(*map(names_in, expressions))
        self.assertEqual(asked - metrics_of_the_source(), set())
        ids = [panel["id"] for panel in dashboard["panels"]]
        self.assertEqual(len(ids), len(set(ids)))

    def test_each_alert_and_each_metric_is_explained(self):
        page = read("docs", "monitoring.md")
        alerts = re.findall(r"alert: (\w+)", read("packaging", "prometheus", "walcast.rules.yml"))
        self.assertEqual([alert for alert in alerts if f"`{alert}`" not in page], [])
        self.assertEqual({name for name in metrics_of_the_source() if name not in page}, set())


if __name__ == "__main__":
    unittest.main()
