"""Who is let in over TLS: the same rules, roles, certificates and clients at PostgreSQL 15 and at
walcast."""

import itertools
import re
import signal

from support.case import StoppedCase
from support.certificates import Authority
from support.cluster import PgCluster, pg_program
from support.wait import wait_until
from support.walcast import Walcast

_RULES = """
hostssl     replication encrypted  127.0.0.1/32  trust
hostnossl   replication plain      127.0.0.1/32  trust
hostssl     replication signed     127.0.0.1/32  trust          clientcert=verify-ca
hostssl     replication named      127.0.0.1/32  trust          clientcert=verify-full
hostssl     replication dn         127.0.0.1/32  cert           clientname=DN map=dns
hostssl     replication secret     127.0.0.1/32  scram-sha-256  clientcert=verify-full
hostssl     replication hash       127.0.0.1/32  md5            clientcert=verify-ca
hostssl     replication carded     127.0.0.1/32  cert
hostssl     replication mapped     127.0.0.1/32  cert           map=people
hostssl     replication rejected   127.0.0.1/32  reject
host        replication scram      127.0.0.1/32  scram-sha-256
"""
_MAPS = """
people  "/^(.*) of walcast$"  \\1
people  other                 nobody
dns     "/^CN=(.*),O=walcast$"  \\1
"""
_PASSWORD = "open sesame"
_ROLES = ["encrypted", "plain", "signed", "named", "dn", "secret", "hash", "carded", "mapped",
          "rejected", "scram"]
# Of how a client binds its channel and what password it has, for the roles that have one.
_WITH_PASSWORD = ["secret", "hash", "scram"]


class _TlsDoors(StoppedCase):
    """A PostgreSQL and a walcast with the same rules, roles and certificates."""

    SSL = "on"
    AUTHORITIES = True

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        area = cls.area
        ours, theirs = Authority(area, "ours"), Authority(area, "theirs")
        cls.certificates = {
            "none": None, "other": ours.issue("other", "/CN=other"),
            "nameless": ours.issue("nameless", "/O=walcast"),
            "expired": ours.issue("expired", "/CN=named", days=-1),
            "unknown": theirs.issue("unknown", "/CN=named"),
            **{role: ours.issue(role, f"/CN={role}") for role in ("named", "secret", "carded",
                                                                  "hash")},
            "mapped": ours.issue("mapped", "/CN=mapped of walcast"),
            "dn": ours.issue("dn", "/O=walcast/CN=dn"),
        }
        cls.authority, cls.other_authority = ours.certificate, theirs.certificate
        certificate, key = ours.issue("server", "/CN=localhost", "localhost")
        cls.tls = {"ssl": cls.SSL, "ssl_cert_file": certificate, "ssl_key_file": key}
        if cls.AUTHORITIES:
            cls.tls["ssl_ca_file"] = cls.authority
        cls.rules, cls.maps = area.path("hba.conf"), area.path("ident.conf")
        cls.sockets, cls.users = area.directory("sockets"), area.path("users")
        area.write_file(cls.maps, _MAPS)
        area.write_file(cls.rules, "local all all trust\n" + _RULES)
        cls.postgres = PgCluster.create(area, "doors", unix_socket_directories=cls.sockets,
                                        hba_file=cls.rules, ident_file=cls.maps, **cls.tls)
        cls.postgres.start()
        for role in _ROLES:
            kind = "md5" if role == "hash" else "scram-sha-256"
            cls.local_sql(f"SET password_encryption = '{kind}'; CREATE ROLE {role} LOGIN REPLICATION"
                          f" PASSWORD '{_PASSWORD}'")
        area.write_file(cls.users, cls.local_sql(
            "SELECT format('\"%s\" \"%s\" replication', rolname, rolpassword) FROM pg_authid"
            " WHERE oid >= 16384") + "\n")
        area.write_file(cls.rules, _RULES)
        cls.postgres.process.send_signal(signal.SIGHUP)
        cls.postgres.process.wait_for("received SIGHUP, reloading configuration files")
        cls.walcast = Walcast(area, wal_directory=cls.wal.path, hba_file=cls.rules,
                              ident_file=cls.maps, auth_file=cls.users, **cls.tls)

    @classmethod
    def local_sql(cls, statement):
        return cls.area.run([pg_program("psql"), "-XqAt", "-v", "ON_ERROR_STOP=1", "-h", cls.sockets,
                             "-p", cls.postgres.port, "-U", "postgres", "-d", "postgres", "-c",
                             statement]).stdout.strip()

    def log_in(self, port, user, certificate="none", password="", **options):
        """What becomes of a client of libpq: "in", or what it says."""
        options = {"host": "127.0.0.1", "port": port, "user": user, "replication": "true",
                   "dbname": "some", "sslmode": "require", **options}
        if self.certificates[certificate]:
            options["sslcert"], options["sslkey"] = self.certificates[certificate]
        else:
            options["sslcert"] = "/nowhere"
        done = self.area.run(
            [pg_program("psql"), "-XAtw", "-c", "IDENTIFY_SYSTEM",
             " ".join(f"{name}={value}" for name, value in options.items())],
            check=False, variables={"PGPASSWORD": password} if password else {})
        if done.returncode == 0:
            return "in"
        return re.sub(r'^.*connection to server .* failed: ', "", done.stderr, flags=re.S).strip()

    def assert_same(self, user, **client):
        """Returns what becomes of the client at both. What it says of a handshake that fails depends
        on whether it reads the alert before the connection is reset."""
        with self.subTest(user=user, **client):
            expected = self.log_in(self.postgres.port, user, **client)
            found = [self.log_in(self.walcast.port, user, **client)]
            while found[-1] != expected and "SSL" in found[-1] and len(found) < 5:
                found.append(self.log_in(self.walcast.port, user, **client))
                expected = self.log_in(self.postgres.port, user, **client)
            self.assertEqual(found[-1], expected, found)
            return expected

    @staticmethod
    def kinds(outcomes):
        return {re.sub(r'"[^"]*"', '""', outcome) for outcome in outcomes}


class TlsDoorsTest(_TlsDoors):
    """With an authority for the certificates of clients."""

    def test_the_same_certificates_come_in_and_the_same_are_told_why_not(self):
        outcomes = []
        for user in _ROLES:
            own = [user] if user in self.certificates else []
            for certificate in ["none", "other", "nameless", "expired", "unknown", *own]:
                outcomes.append(self.assert_same(user, certificate=certificate, password=_PASSWORD))
            outcomes.append(self.assert_same(user, sslmode="disable", password=_PASSWORD))
        self.assertGreaterEqual(len(outcomes), 60)
        self.assertGreaterEqual(len(self.kinds(outcomes)), 9, self.kinds(outcomes))

    def test_the_same_channels_are_bound(self):
        outcomes = []
        for user, binding, sslmode, password in itertools.product(
                _WITH_PASSWORD, ["require", "prefer", "disable"], ["require", "disable"],
                [_PASSWORD, "wrong", ""]):
            certificate = user if user in self.certificates else "none"
            outcomes.append(self.assert_same(user, certificate=certificate, password=password,
                                             channel_binding=binding, sslmode=sslmode))
        self.assertGreaterEqual(len(self.kinds(outcomes)), 6, self.kinds(outcomes))

    def test_who_the_server_is_can_be_verified(self):
        for host, mode, root in itertools.product(["localhost", "127.0.0.1"],
                                                  ["verify-ca", "verify-full"],
                                                  [self.authority, self.other_authority]):
            self.assert_same("encrypted", host=host, hostaddr="127.0.0.1", sslmode=mode,
                             sslrootcert=root)

    def test_the_log_has_what_the_client_is_not_told(self):
        self.log_in(self.walcast.port, "named", certificate="other")
        line = 1 + next(number for number, rule in enumerate(_RULES.splitlines())
                        if " named " in rule)
        self.walcast.wait_for_log(
            r'"trust" authentication failed for user "named": provided user name \(named\) and '
            r'authenticated user name \(other\) do not match: certificate validation '
            r'\(clientcert=verify-full\) failed for user "named": CN mismatch Connection matched '
            rf'file "\S+" line {line}: ')
        self.log_in(self.walcast.port, "mapped", certificate="other")
        self.walcast.wait_for_log(
            r'certificate authentication failed for user "mapped": no match in usermap "people" for '
            'user "mapped" authenticated as "other"')

    def test_a_standby_logs_in_with_a_certificate_and_a_bound_password(self):
        certificate, key = self.certificates["secret"]
        standby = self.primary.cold_copy("standby", hot_standby="on", primary_conninfo=(
            f"host=localhost hostaddr=127.0.0.1 port={self.walcast.port} user=secret"
            f" password=''{_PASSWORD}'' channel_binding=require sslmode=verify-full"
            f" sslrootcert={self.authority} sslcert={certificate} sslkey={key}")).start()
        standby.process.wait_for("started streaming WAL from primary")
        standby.stop()


class NoAuthorityTest(_TlsDoors):
    """Rules ask for certificates, and no authority vouches for one."""

    AUTHORITIES = False

    def test_the_same_clients_are_told_the_same(self):
        outcomes = [self.assert_same(user, certificate=certificate, password=_PASSWORD)
                    for user in _ROLES for certificate in ("none", "other")]
        self.assertIn("FATAL:  client certificates can only be checked if a root certificate store "
                      "is available", outcomes)

    def test_the_log_warns_of_the_rules(self):
        self.walcast.wait_for_log("WARNING:  client certificates can only be checked if a root "
                                  "certificate store is available")


class TlsOffTest(_TlsDoors):
    """The rules are of TLS, and the server has none."""

    SSL = "off"

    def test_the_same_clients_are_told_the_same(self):
        outcomes = [self.assert_same(user, sslmode=mode, password=_PASSWORD)
                    for user in _ROLES for mode in ("disable", "prefer", "require")]
        self.assertIn("server does not support SSL, but SSL was required", outcomes)
        self.assertIn('FATAL:  no pg_hba.conf entry for replication connection from host '
                      '"127.0.0.1", user "named", no encryption', outcomes)

    def test_both_logs_warn_of_the_rules(self):
        for log in (self.postgres.process, self.walcast.process):
            log.wait_for("hostssl record cannot match because SSL is disabled")

    def test_rules_of_tls_match_once_a_reload_has_turned_it_on(self):
        path = self.area.path("walcast.conf")
        self.area.write_file(path, "".join(f"{name} = '{value}'\n"
                                           for name, value in self.tls.items()))
        walcast = Walcast(self.area, config=path, wal_directory=self.wal.path, hba_file=self.rules,
                          ident_file=self.maps, auth_file=self.users)
        self.assertIn("server does not support SSL", self.log_in(walcast.port, "encrypted"))
        self.area.write_file(path, "ssl = on\n", mode="a")
        walcast.process.send_signal(signal.SIGHUP)
        wait_until(lambda: self.log_in(walcast.port, "encrypted") == "in", "TLS")
        self.assertEqual(self.log_in(walcast.port, "carded", certificate="carded"), "in")
        walcast.stop()
