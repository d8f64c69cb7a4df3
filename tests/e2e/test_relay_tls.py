"""A relay's way to its primary by TLS and SCRAM-SHA-256, as libpq has them."""

import os

from support.lsn import parse_lsn
from support.relay import RelayCase
from support.walcast import Walcast, fail_to_serve
from support.workload import bulk_load

PASSWORD = "open sesame"


class TlsTest(RelayCase):
    """The primary takes replication connections by TLS and password only."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.authority = cls.make_certificate(os.path.join(cls.primary.data, "server"))
        cls.stranger = cls.make_certificate(cls.area.path("stranger"))
        cls.primary.configure(ssl="on", log_connections="on")
        hba = os.path.join(cls.primary.data, "pg_hba.conf")
        with open(hba, encoding="utf-8") as file:
            others = file.read()
        cls.area.write_file(hba, "hostssl replication walcast 127.0.0.1/32 scram-sha-256\n"
                                 f"host replication walcast all reject\n{others}")
        cls.primary.start()
        cls.primary.sql(f"CREATE ROLE walcast LOGIN REPLICATION PASSWORD '{PASSWORD}'")
        cls.primary.stop()

    @classmethod
    def make_certificate(cls, path):
        """One that signs itself, in PATH.crt, and its key in PATH.key."""
        cls.area.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", 2,
                      "-subj", "/CN=primary.walcast.test", "-addext",
                      "subjectAltName=DNS:primary.walcast.test",
                      "-keyout", f"{path}.key", "-out", f"{path}.crt"])
        return f"{path}.crt"

    def conninfo(self, authority=None, host="primary.walcast.test", extra=""):
        return (f"host={host} hostaddr=127.0.0.1 port={self.primary.port} user=walcast"
                f" sslmode=verify-full sslrootcert={authority or self.authority} {extra}")

    def file_of_password(self, password):
        path = self.area.path(f"passwords-{self.id()}")
        self.area.write_file(path, f"*:*:*:walcast:{password}\n")
        os.chmod(path, 0o600)
        return path

    def assert_password_is_not_shown(self, walcast):
        client = self.connect(walcast.port)
        shown = client.query("SHOW ALL").bodies("D") + client.query(
            "SHOW primary_conninfo").bodies("D")
        self.assertGreater(len(shown), 10)
        for name in ("cmdline", "environ"):
            with open(f"/proc/{walcast.process.pid}/{name}", "rb") as file:
                shown.append(file.read())
        for text in (*shown, walcast.log().encode(), walcast.process.stdout().encode()):
            self.assertNotIn(PASSWORD.encode(), text)

    def assert_streams(self, walcast):
        """WAL comes to the relay by TLS, and to a standby behind it."""
        self.assertEqual(self.primary.sql(
            "SELECT usename, ssl FROM pg_stat_replication JOIN pg_stat_ssl USING (pid)"),
            "walcast|t")
        standby = self.standby("standby", walcast.port)
        bulk_load(self.primary, rows=5_000)
        end = parse_lsn(self.primary.flush_lsn())
        standby.wait_for_replay(end)
        self.assertEqual(standby.checksums(), self.primary.checksums())
        self.assert_spool_is_the_primarys_wal(end)

    def test_wal_comes_with_a_password_file_and_a_certificate_that_is_verified(self):
        passwords = self.file_of_password(PASSWORD)
        walcast = self.relay(self.conninfo(extra=f"passfile={passwords}"), log_level="debug")
        walcast.wait_for_log("started streaming WAL from primary")
        self.assert_streams(walcast)
        self.assert_password_is_not_shown(walcast)
        walcast.stop()

    def test_a_password_in_the_configuration_file_stays_there(self):
        path = self.area.path(f"walcast-{self.id()}.conf")
        conninfo = self.conninfo(extra=f"password='{PASSWORD}'")
        quoted = conninfo.replace("'", "''")
        self.area.write_file(path, f"primary_conninfo = '{quoted}'\n")
        os.chmod(path, 0o600)
        walcast = Walcast(self.area, config=path, spool_directory=self.spool.path,
                          log_level="debug")
        walcast.wait_for_log("started streaming WAL from primary")
        self.assert_streams(walcast)
        self.assert_password_is_not_shown(walcast)
        walcast.stop()

    def assert_refused(self, conninfo, why):
        said = fail_to_serve(self.area, spool_directory=self.spool.path, primary_conninfo=conninfo)
        self.assertIn(why, said)
        self.assertNotIn(PASSWORD, said)

    def test_what_is_wrong_is_said_in_libpqs_words(self):
        right = self.file_of_password(PASSWORD)
        self.assert_refused(self.conninfo(extra="password=wrong"),
                            'password authentication failed for user "walcast"')
        self.assert_refused(self.conninfo(extra="passfile=/nowhere"),
                            "fe_sendauth: no password supplied")
        self.assert_refused(self.conninfo(self.stranger, extra=f"passfile={right}"),
                            "SSL error: certificate verify failed")
        self.assert_refused(self.conninfo(host="localhost", extra=f"passfile={right}"),
                            'server certificate for "primary.walcast.test" does not match host name'
                            ' "localhost"')
        self.assert_refused(
            self.primary.conninfo().replace("postgres", "walcast") + " sslmode=disable",
            "pg_hba.conf rejects replication connection")
