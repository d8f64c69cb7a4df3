"""What HTTP shows of a server: metrics, health, JSON and events, and who is let in."""

import contextlib
import http.client
import os
import re
import shutil
import subprocess
import unittest

from support.case import E2eCase
from support.certificates import Authority
from support.http import Window, basic, bearer, family_names
from support.relay import RelayCase
from support.secrets import ScramPassword
from support.wait import wait_until
from support.walcast import Fleet, Walcast, fail_to_serve, generate

_TOKEN = "0123456789abcdef0123456789abcdef"


class HttpTest(RelayCase):
    def serve(self, **options):
        walcast = self.relay(http_listen_addresses="127.0.0.1:0", **options)
        return walcast, Window(walcast)

    def test_metrics_are_right_and_promtool_finds_no_fault(self):
        walcast, window = self.serve()
        standby = self.standby("metered", walcast.port, cluster_name="metered")
        wait_until(lambda: any('application_name="metered"' in series and 'streaming' in series
                               for series in window.metrics()), "the standby has metrics")
        self.primary.sql("CREATE TABLE metered (); SELECT pg_switch_wal()")
        end = self.primary.flush_lsn()
        standby.wait_for_replay(int(end.split("/")[0], 16) << 32 | int(end.split("/")[1], 16))
        wait_until(lambda: window.metrics()["walcast_delivery_seconds_count"] > 0,
                   "the deliveries are counted, a second later")
        answer = window.ask("/metrics")
        self.assertEqual(answer.headers["content-type"],
                         "text/plain; version=0.0.4; charset=utf-8")
        values = window.metrics()
        self.assertEqual(values["walcast_upstream_up"], 1)
        self.assertEqual(values['walcast_standbys{state="streaming"}'], 1)
        diff = [value for series, value in values.items()
                if series.startswith("pg_stat_replication_pg_wal_lsn_diff{")
                and 'client_addr="127.0.0.1"' in series]
        self.assertEqual(len(diff), 1)
        self.assertGreater(len(family_names(answer.text)), 30)
        if shutil.which("promtool"):
            checked = subprocess.run(["promtool", "check", "metrics"], input=answer.text,
                                     capture_output=True, text=True, check=False)
            self.assertEqual((checked.returncode, checked.stdout, checked.stderr), (0, "", ""))

    def test_health_follows_the_primary_and_a_standby(self):
        walcast, window = self.serve(wal_retrieve_retry_interval="100ms")
        self.assertEqual(window.ask("/livez").text, "ok\n")
        wait_until(lambda: window.ask("/readyz").status == 200, "WAL comes")
        self.assertIn("streaming from host=", window.ask("/readyz").text)
        self.assertEqual(window.ask("/readyz", method="HEAD").status, 200)
        self.assertEqual(window.ask("/readyz", method="OPTIONS").status, 200)
        self.assertEqual(window.ask("/readyz?lag=much").status, 400)

        self.assertEqual(window.ask("/standby/reader").status, 503)
        standby = self.standby("reader", walcast.port, cluster_name="reader")
        wait_until(lambda: window.ask("/standby/reader?lag=16MB").status == 200, "it is near")
        standby.stop()
        wait_until(lambda: window.ask("/standby/reader?lag=16MB").status == 503, "it has gone")

        self.stop_primary()
        wait_until(lambda: window.ask("/readyz").status == 503, "the primary is lost")
        self.assertIn("the primary is failing", window.ask("/readyz").text)
        self.assertEqual(window.ask("/livez").status, 200)
        self.assertEqual(window.snapshot()["upstream"]["state"], "failing")

    def test_the_snapshot_is_that_of_the_server(self):
        walcast, window = self.serve()
        fleet = Fleet(self.area, walcast.port, standbys=3, duration="600s")
        wait_until(lambda: len([row for row in window.snapshot()["standbys"]
                                if row["state"] == "streaming"]) == 3, "three standbys stream")
        snapshot = window.snapshot()
        self.assertEqual(snapshot["server"]["system_identifier"],
                         str(self.primary.system_identifier()))
        self.assertEqual(snapshot["upstream"]["port"], self.primary.port)
        self.assertNotIn("password", snapshot["upstream"]["conninfo"].replace("********", ""))
        self.assertIn("listening on", str(snapshot["log"]))
        self.assertIn("walreceiver", [thread["thread"] for thread in snapshot["threads"]])
        self.assertGreater(snapshot["spool"]["free_bytes"], 0)

        first, second = window.events(2)
        self.assertEqual(len(first["standbys"]), 3)
        self.assertEqual(first["columns"], list(snapshot["standbys"][0]))
        self.assertGreater(second["time"], first["time"])
        fleet.process.kill()

    def test_nothing_is_changed_and_no_other_site_can_ask(self):
        _, window = self.serve()
        for method in ("POST", "PUT", "DELETE", "PATCH"):
            self.assertEqual(window.ask("/metrics", method=method).status, 405)
        self.assertEqual(window.ask("/no/such/page").status, 404)
        self.assertEqual(window.ask("/metrics", Host="evil.example").status, 421)
        self.assertEqual(window.ask("/metrics", Host="localhost:1").status, 200)
        page = window.ask("/")
        self.assertIn("script-src 'sha256-", page.headers["content-security-policy"])
        self.assertNotRegex(page.text, r"(src|href)=\"(https?:)?//")

    def test_too_many_listeners_to_events_are_told(self):
        _, window = self.serve()
        streams = []
        for _ in range(16):
            connection = window.connect()
            self.addCleanup(connection.close)
            connection.request("GET", "/events")
            answer = connection.getresponse()
            self.assertEqual(answer.status, 200)
            streams.append(answer)
        self.assertEqual(window.ask("/events").status, 503)
        self.assertEqual(window.ask("/livez").status, 200)
        self.assertIn(b"event: snapshot", streams[-1].readline())

    def test_a_server_that_stops_ends_its_connections(self):
        walcast, window = self.serve()
        connection = window.connect()
        self.addCleanup(connection.close)
        connection.request("GET", "/events")
        answer = connection.getresponse()
        walcast.stop()
        with contextlib.suppress(http.client.IncompleteRead):  # an end, but not of the events
            answer.read()


class HttpsTest(E2eCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.wal = cls.area.path("wal")
        generate(cls.area, cls.wal, size="2MB", wal_segment_size="1MB")
        cls.authority = Authority(cls.area, "authority")
        cls.certificate, cls.key = cls.authority.issue("server", "/CN=localhost",
                                                       alternative="localhost")
        cls.tokens = cls.area.path("tokens")
        cls.users = cls.area.path("users")

    def setUp(self):
        self.area.write_file(self.tokens, f"# of Prometheus\n{_TOKEN}\n")
        verifier = ScramPassword("wonder").verifier()
        self.area.write_file(self.users, f'"alice" "{verifier}"\n')

    def serve(self, **options):
        return Walcast(self.area, wal_directory=self.wal, http_listen_addresses="127.0.0.1:0",
                       ssl="on", ssl_cert_file=self.certificate, ssl_key_file=self.key,
                       http_ssl="on", http_token_file=self.tokens, http_user_file=self.users,
                       **options)

    def test_a_token_or_a_password_lets_in(self):
        walcast = self.serve()
        window = Window(walcast, self.authority.certificate)
        refused = window.ask("/metrics")
        self.assertEqual(refused.status, 401)
        self.assertIn("Basic", refused.headers["www-authenticate"])
        for wrong in (bearer(_TOKEN[:-1]), bearer(""), basic("alice", "wondex"),
                      basic("bob", "wonder"), {"Authorization": "Basic !"}):
            self.assertEqual(window.ask("/metrics", **wrong).status, 401, wrong)
        for right in (bearer(_TOKEN), basic("alice", "wonder"), basic("alice", "wonder")):
            self.assertEqual(window.ask("/metrics", **right).status, 200, right)
        walcast.wait_for_log(r"HTTP authentication failed \(client 127\.0\.0\.1:\d+\)")
        self.assertNotIn("wonde", walcast.log())

        self.assertEqual(window.ask("/readyz").text, "ok\n")  # and no more than that
        self.assertEqual(window.ask("/readyz", **bearer(_TOKEN)).text, "ok: serving WAL\n")

    def test_a_reload_takes_other_tokens_and_another_certificate(self):
        walcast = self.serve()
        window = Window(walcast, self.authority.certificate)
        fresh = _TOKEN[::-1]
        self.area.write_file(self.tokens, fresh + "\n")
        walcast.process.send_signal(1)
        wait_until(lambda: window.ask("/metrics", **bearer(fresh)).status == 200, "it is let in")
        self.assertEqual(window.ask("/metrics", **bearer(_TOKEN)).status, 401)
        self.area.write_file(self.tokens, "short\n")
        walcast.process.send_signal(1)
        walcast.wait_for_log(r"a token in file .* is too short")
        self.assertEqual(window.ask("/metrics", **bearer(fresh)).status, 200)

    def test_it_refuses_to_be_open(self):
        def refusal(**options):
            return fail_to_serve(self.area, wal_directory=self.wal, **options)
        self.assertIn("HTTP on 0.0.0.0:9187 would be open to other machines",
                      refusal(http_listen_addresses="0.0.0.0:9187"))
        self.assertIn("--http-ssl needs --ssl",
                      refusal(http_listen_addresses="127.0.0.1:0", http_ssl="on"))
        self.assertIn("--http-token-file needs --http-listen-addresses",
                      refusal(http_token_file=self.tokens))
        self.assertIn("could not open file",
                      refusal(http_listen_addresses="127.0.0.1:0",
                              http_token_file=self.area.path("none")))

    def test_an_address_that_is_taken_is_an_error(self):
        walcast = Walcast(self.area, wal_directory=self.wal, http_listen_addresses="127.0.0.1:0")
        port = re.search(r":(\d+)/$", Window(walcast).url)[1]
        said = fail_to_serve(self.area, wal_directory=self.wal,
                             http_listen_addresses=f"127.0.0.1:{port}")
        self.assertIn(f'could not bind HTTP address "127.0.0.1:{port}": {os.strerror(98)}', said)


if __name__ == "__main__":
    unittest.main()
