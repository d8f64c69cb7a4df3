"""walbench --scenario: the ready scenarios, and that groups behave as they say, at walcast and at
PostgreSQL."""

import json
import os
import subprocess

from support.case import E2eCase
from support.certificates import Authority
from support.cluster import PgCluster
from support.lsn import parse_lsn
from support.scenario import ScenarioFleet, group, ready, written
from support.wait import wait_until
from support.walcast import Walcast, binary, option_list

_STANDBYS = 10


class SyntheticCase(E2eCase):
    """walcast with WAL of its own."""

    OPTIONS = {}

    def setUp(self):
        self.spool = self.area.directory(f"spool-{self._testMethodName}")
        self.start()

    def start(self, **options):
        self.walcast = Walcast(self.area, synthetic="2MB/s", spool_directory=self.spool,
                               wal_keep_size="2GB", **{**self.OPTIONS, **options})
        self.addCleanup(lambda walcast=self.walcast: walcast.process.alive() and walcast.stop())

    def fleet(self, path, **options):
        return ScenarioFleet(self.area, self.walcast.port, path, verify=self.spool, **options)

    def assert_all_right(self, report):
        self.assertEqual(report.status, 0, report.output)
        self.assertEqual((report["mismatches"], report["failures"]), (0, {}))
        self.assertEqual(report["completed"], report["standbys"])


class ReadyScenariosTest(SyntheticCase):

    def run_ready(self, name, duration="7s"):
        path = ready(self.area, name)
        report, groups = self.fleet(path, standbys=_STANDBYS, duration=duration).finish()
        self.assert_all_right(report)
        self.assertEqual((report["scenario"], report["seed"]), (path, 1))
        self.assertEqual(report["standbys"], _STANDBYS)
        self.assertEqual(sum(one["standbys"] for one in groups.values()), _STANDBYS)
        for one in groups.values():
            self.assertGreater(one["bytes"], 0)
        return groups

    def test_steady(self):
        groups = self.run_ready("steady", "3s")
        self.assertEqual(groups["steady"]["does"], {"ramp": "1s", "start": "end"})

    def test_thundering_reconnect(self):
        groups = self.run_ready("thundering_reconnect")
        self.assertGreaterEqual(groups["herd"]["reconnects"], groups["herd"]["standbys"])
        self.assertEqual(groups["steady"]["reconnects"], 0)

    def test_one_laggard(self):
        groups = self.run_ready("one_laggard", "4s")
        self.assertEqual(groups["laggard"]["standbys"], 1)

    def test_half_asleep(self):
        groups = self.run_ready("half_asleep")
        # The sleep of three seconds is in their delay, and in no other's.
        self.assertGreater(groups["asleep"]["delay_us"]["max"], 2_500_000)

    def test_catch_up(self):
        groups = self.run_ready("catch_up", "4s")
        live, behind = groups["live"], groups["behind"]
        self.assertEqual(behind["does"]["start"], "1GB back")
        self.assertGreater(behind["bytes"] / behind["standbys"], 0)
        self.assertGreater(live["bytes"], 0)

    def test_failover(self):
        fleet = self.fleet(ready(self.area, "failover"), standbys=_STANDBYS, duration="9s",
                           progress=True)
        fleet.process.wait_for(rf" {_STANDBYS} streaming")
        port = self.walcast.port
        self.walcast.stop()
        self.start(port=port)
        report, groups = fleet.finish()
        self.assert_all_right(report)
        self.assertGreaterEqual(sum(groups["faithful"]["losses"].values()), _STANDBYS)


class BehaviourTest(SyntheticCase):

    OPTIONS = {"max_replication_slots": 50}

    def run_groups(self, *groups, **options):
        path = written(self.area, self._testMethodName, "".join(groups))
        return self.fleet(path, **{"duration": "3s", **options})

    def test_slots_are_made_and_gone(self):
        slots = os.path.join(self.spool, "pg_replslot")
        fleet = self.run_groups(group("holders", 5, slots="holder", start="end"),
                                group("others", 2, start="end"))
        names = {f"holder_{i}.slot" for i in range(5)}
        wait_until(lambda: names <= set(os.listdir(slots)), "the slots")
        report, groups = fleet.finish()
        self.assert_all_right(report)
        self.assertEqual(names & set(os.listdir(slots)), set())
        self.assertEqual((groups["holders"]["slots_made"], groups["holders"]["slots_dropped"]),
                         (5, 5))
        self.assertEqual(groups["others"]["slots_made"], 0)

    def test_slots_outlive_reconnects(self):
        fleet = self.run_groups(group("herd", 5, slots="herd", start="end", retry="50ms",
                                      reconnect_every="700ms"),
                                duration="3400ms")  # when they all have come back
        report, groups = fleet.finish()
        self.assert_all_right(report)
        herd = groups["herd"]
        self.assertGreaterEqual(herd["reconnects"], 5)
        self.assertEqual((herd["slots_made"], herd["slots_dropped"]), (5, 5))

    def test_a_group_that_does_not_verify_reads_the_same(self):
        report, groups = self.run_groups(group("seen", 2, start="end"),
                                         group("unseen", 2, start="end", verify=False)).finish()
        self.assert_all_right(report)
        self.assertGreater(groups["unseen"]["bytes"], 0)

    def test_what_is_wrong_in_a_file_is_said_with_its_line(self):
        path = written(self.area, "wrong", group("a", 2) + group("b", 1, rate="1XB/s"))
        done = subprocess.run([binary(self.area, "walbench"), "--scenario", path],
                              capture_output=True, text=True, timeout=30, check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(f'{path}:7: invalid value for parameter "rate": "1XB" (Valid units',
                      done.stdout + done.stderr)


class PostgresScenariosTest(E2eCase):
    """The walsender that all of it is measured against."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.primary = PgCluster.create(cls.area, "primary", max_wal_senders=60,
                                       max_replication_slots=20).start()

    def live(self, path, **options):
        """A run with a writer: its JSON."""
        report = self.area.path(f"{self._testMethodName}.json")
        done = subprocess.run(
            [binary(self.area, "walbench"), "live", "--scenario", path, "--port",
             str(self.primary.port), "--verify", self.primary.wal_path, "--json", report,
             *map(str, option_list({"rate": "50/s", "warm_up": "500ms", **options}))],
            capture_output=True, text=True, timeout=120, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        with open(report, encoding="utf-8") as file:
            return json.load(file), done

    def test_steady(self):
        path = ready(self.area, "steady")
        run, done = self.live(path, standbys=_STANDBYS, commits=100)
        setup = run["setup"]
        self.assertEqual((setup["scenario"], setup["seed"]), (path, 1))
        self.assertEqual(setup["groups"], [{"name": "steady", "standbys": _STANDBYS,
                                            "does": {"ramp": "1s", "start": "end"}}])
        (steady,) = run["classes"]
        self.assertEqual(steady["arrival"]["all_us"]["count"], 100 * _STANDBYS)
        self.assertEqual(run["deliveries"], run["deliveries_expected"])
        self.assertRegex(done.stdout, rf"(?m)^  arrival, {_STANDBYS} steady +{100 * _STANDBYS} ")

    def test_thundering_reconnect(self):
        run, _ = self.live(ready(self.area, "thundering_reconnect"), standbys=_STANDBYS,
                           commits=300)
        steady, herd = run["classes"]
        self.assertEqual((steady["name"], herd["name"]), ("steady", "herd"))
        # Each commit reaches each standby, through the reconnects too.
        for one in (steady, herd):
            self.assertEqual(one["arrival"]["all_us"]["count"], run["commits"] * one["standbys"])

    def test_late_groups_are_not_waited_for(self):
        path = written(self.area, "late", group("early", 2, start="end") +
                       group("late", 3, start="end", arrive="1500ms"))
        run, _ = self.live(path, commits=150)
        early, late = run["classes"]
        self.assertEqual(early["arrival"]["all_us"]["count"], 2 * run["commits"])
        self.assertEqual(run["deliveries_expected"], 2 * run["commits"])
        self.assertGreater(late["arrival"]["all_us"]["count"], 0)

    def test_what_a_group_says_is_seen_by_the_primary(self):
        path = written(self.area, "said", "".join([
            group("prompt", 1, start="end", slots="prompt", feedback=True),
            group("late", 1, start="end", acknowledge_delay="1h"),
        ]))
        fleet = subprocess.Popen(
            [binary(self.area, "walbench"), "live", "--scenario", path, "--port",
             str(self.primary.port), "--rate", "50/s", "--commits", "250",
             "--status-interval", "100ms", "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        columns = "SELECT coalesce(flush_lsn::text, '') FROM pg_stat_replication" \
                  " WHERE application_name = 'walbench_{}'"
        wait_until(lambda: self.primary.sql(columns.format(0)) not in ("", "0/0"),
                   "an acknowledgement")
        wait_until(lambda: self.primary.sql("SELECT xmin IS NOT NULL FROM pg_replication_slots"
                                            " WHERE slot_name = 'prompt_0'") == "t", "feedback")
        self.assertIn(self.primary.sql(columns.format(1)), ("", "0/0"))
        out, err = fleet.communicate(timeout=60)
        self.assertEqual(fleet.returncode, 0, out + err)
        self.assertEqual(self.primary.sql("SELECT count(*) FROM pg_replication_slots"), "0")


class LoginsTest(E2eCase):
    """Each way to prove a role, with TLS and without, at PostgreSQL."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        authority = Authority(cls.area, "servers")
        certificate, key = authority.issue("server", "/CN=server", alternative="localhost")
        cls.authority = authority.certificate
        cls.primary = PgCluster.create(cls.area, "primary", max_wal_senders=40, ssl="on",
                                       ssl_cert_file=certificate, ssl_key_file=key).start()
        cls.primary.sql("CREATE ROLE scram LOGIN REPLICATION PASSWORD 'sécret one';"
                        "CREATE ROLE plain LOGIN REPLICATION PASSWORD 'two';"
                        "SET password_encryption = md5;"
                        "CREATE ROLE md5 LOGIN REPLICATION PASSWORD 'three'")
        rules = "".join(f"host all,replication {role} 127.0.0.1/32 {method}\n" for role, method in (
            ("scram", "scram-sha-256"), ("plain", "password"), ("md5", "md5"),
            ("postgres", "trust")))
        cls.area.write_file(os.path.join(cls.primary.data, "pg_hba.conf"), rules)
        cls.primary.sql("SELECT pg_reload_conf()")
        wait_until(lambda: "t" == cls.primary.sql(
            "SELECT count(*) = 4 FROM pg_hba_file_rules WHERE error IS NULL"), "the rules")

    def run_groups(self, *groups, **options):
        path = written(self.area, self._testMethodName, "".join(groups))
        return ScenarioFleet(self.area, self.primary.port, path,
                             until=parse_lsn(self.primary.flush_lsn()), **options).finish()

    def test_each_group_has_its_own_way_in(self):
        report, _ = self.run_groups(
            group("scram", 5, user="scram", password="sécret one"),
            group("scram_tls", 3, user="scram", password="sécret one", sslmode="require"),
            group("plain", 2, user="plain", password="two", sslmode="require"),
            group("md5", 2, user="md5", password="three"),
            group("trusted", 2))
        self.assertEqual(report.status, 0, report.output)
        self.assertEqual(report["completed"], 14)
        self.assertNotIn("sécret", json.dumps(report.report, ensure_ascii=False))

    def test_a_wrong_password_is_a_failure_of_its_group(self):
        report, groups = self.run_groups(
            group("wrong", 2, user="scram", password="another"),
            group("none", 1, user="scram"),
            group("right", 1, user="scram", password="sécret one"))
        self.assertEqual(report.status, 1)
        self.assertEqual(groups["wrong"]["failures"], {
            'server error 28P01: password authentication failed for user "scram"': 2})
        self.assertEqual(groups["none"]["failures"], {
            "server asks for a password, and none is given": 1})
        self.assertEqual(groups["right"]["completed"], 1)


if __name__ == "__main__":
    import unittest
    unittest.main()
