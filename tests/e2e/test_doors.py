"""Who is let in: the same rules, roles and clients at PostgreSQL 15 and at walcast."""

import itertools
import re
import signal

from support.case import StoppedCase
from support.cluster import PgCluster, pg_program
from support.wait import wait_until
from support.walcast import Walcast, fail_to_serve

_RULES = """
local       replication all                        scram-sha-256
host        replication trusty       127.0.0.1/32  trust
host        replication rejected     localhost     reject
host        replication clear        127.0.0.1/32  password
host        replication hash,scram   127.0.0.1/32  md5
host        replication "all"        ::1/128       trust
hostnossl   replication trusty,clear ::1/128       password
host        replication hash         ::1/128       scram-sha-256
hostgssenc  replication all          ::1/128       trust
host        replication all          127.0.0.1     255.255.255.255  scram-sha-256
host        all         all          0.0.0.0/0     scram-sha-256
"""
_PASSWORD = "sésame, öffne dich"
_ROLES = {
    "scram": "LOGIN REPLICATION", "hash": "LOGIN REPLICATION", "clear": "LOGIN REPLICATION",
    "trusty": "LOGIN REPLICATION", "rejected": "LOGIN REPLICATION", "mere": "LOGIN",
    "shut": "NOLOGIN REPLICATION", "empty": "LOGIN REPLICATION", "boss": "LOGIN SUPERUSER",
}


class DoorsTest(StoppedCase):
    """A server of PostgreSQL with roles of every kind, and a walcast that knows the same."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.sockets = cls.area.directory("sockets")
        cls.rules = cls.area.path("hba.conf")
        cls.users = cls.area.path("users")
        cls.area.write_file(cls.rules, _RULES)
        cls.postgres = PgCluster.create(cls.area, "doors", listen_addresses="127.0.0.1, ::1",
                                        unix_socket_directories=cls.sockets, hba_file=cls.rules)
        cls.area.write_file(cls.rules, "local all all trust\n" + _RULES)
        cls.postgres.start()
        for role, attributes in _ROLES.items():
            kind = "md5" if role == "hash" else "scram-sha-256"
            password = "" if role == "empty" else f" PASSWORD '{_PASSWORD}'"
            cls.local_sql(f"SET password_encryption = '{kind}'; CREATE ROLE {role} {attributes}"
                          f"{password}")
        cls.area.write_file(cls.users, cls.local_sql(
            "SELECT format('\"%s\" \"%s\"%s%s%s', rolname, rolpassword,"
            " CASE WHEN rolreplication THEN ' replication' END, CASE WHEN rolsuper THEN ' superuser'"
            " END, CASE WHEN NOT rolcanlogin THEN ' nologin' END) FROM pg_authid"
            " WHERE oid >= 16384") + "\n")
        cls.area.write_file(cls.rules, _RULES)
        cls.postgres.process.send_signal(signal.SIGHUP)
        cls.postgres.process.wait_for("received SIGHUP, reloading configuration files")
        cls.walcast = Walcast(cls.area, wal_directory=cls.wal.path,
                              listen_addresses="127.0.0.1, ::1",
                              unix_socket_directories=cls.sockets, hba_file=cls.rules,
                              auth_file=cls.users, authentication_failure_delay=0)

    @classmethod
    def local_sql(cls, statement):
        return cls.area.run([pg_program("psql"), "-XqAt", "-v", "ON_ERROR_STOP=1", "-h", cls.sockets,
                             "-p", cls.postgres.port, "-U", "postgres", "-d", "postgres", "-c",
                             statement]).stdout.strip()

    def log_in(self, port, host, user, password, replication="true"):
        """What becomes of a client of libpq: "in", or what it says."""
        statement = "IDENTIFY_SYSTEM" if replication == "true" else "SELECT 1"
        done = self.area.run(
            [pg_program("psql"), "-XAtw", "-c", statement,
             f"host={host} port={port} user={user} dbname=some replication={replication}"],
            check=False, variables={"PGPASSWORD": password} if password else {})
        if done.returncode == 0:
            return "in"
        return re.sub(r'^.*connection to server .* failed: ', "", done.stderr, flags=re.S).strip()

    def test_the_same_clients_come_in_and_the_same_are_told_why_not(self):
        hosts = ["127.0.0.1", "::1", self.sockets]
        outcomes = set()
        for host, user, password in itertools.product(
                hosts, [*_ROLES, "nobody"], [_PASSWORD, "wrong", ""]):
            with self.subTest(host=host, user=user, password=password):
                expected = self.log_in(self.postgres.port, host, user, password)
                self.assertEqual(self.log_in(self.walcast.port, host, user, password), expected)
                outcomes.add(re.sub(r'"[^"]*"', '""', expected))
        self.assertGreaterEqual(len(outcomes), 6, outcomes)

    def test_a_normal_connection_proves_itself_before_it_is_let_in(self):
        said = self.log_in(self.walcast.port, "127.0.0.1", "scram", _PASSWORD, replication="false")
        self.assertEqual(said, "in")
        said = self.log_in(self.walcast.port, "127.0.0.1", "mere", _PASSWORD, replication="false")
        self.assertEqual(said, 'FATAL:  permission denied for database "walcast"\n'
                               "DETAIL:  User does not have CONNECT privilege.")
        said = self.log_in(self.walcast.port, "127.0.0.1", "shut", _PASSWORD, replication="false")
        self.assertEqual(said, 'FATAL:  role "shut" is not permitted to log in')
        said = self.log_in(self.walcast.port, "::1", "scram", _PASSWORD, replication="false")
        self.assertEqual(said, 'FATAL:  no pg_hba.conf entry for host "::1", user "scram", database'
                               ' "walcast", no encryption')
        said = self.log_in(self.walcast.port, "127.0.0.1", "scram", "wrong", replication="false")
        self.assertEqual(said, 'FATAL:  password authentication failed for user "scram"')

    def test_the_log_says_which_rule_it_was_and_no_password(self):
        self.log_in(self.walcast.port, "127.0.0.1", "scram", "abracadabra")
        line = 1 + _RULES.splitlines().index(
            next(rule for rule in _RULES.splitlines() if "hash,scram" in rule))
        self.walcast.wait_for_log('password authentication failed for user "scram": .*'
                                  rf'Connection matched file "\S+" line {line}: .*'
                                  r"\(client 127\.0\.0\.1:\d+\)")
        self.assertNotIn("abracadabra", self.walcast.log())

    def test_a_standby_logs_in_with_a_password(self):
        standby = self.primary.cold_copy("standby", hot_standby="on", primary_conninfo=(
            f"host=127.0.0.1 port={self.walcast.port} user=scram password=''{_PASSWORD}''"
            " channel_binding=disable")).start()
        standby.process.wait_for("started streaming WAL from primary")
        standby.stop()


class ReloadedDoorsTest(StoppedCase):
    """The files are read again while the server runs."""

    def setUp(self):
        self.rules = self.area.path(f"{self._testMethodName}.hba")
        self.users = self.area.path(f"{self._testMethodName}.users")
        self.write(self.rules, "host replication all 127.0.0.1/32 trust")
        self.write(self.users, '"one" "" replication')
        self.walcast = Walcast(self.area, wal_directory=self.wal.path, hba_file=self.rules,
                               auth_file=self.users)
        self.addCleanup(self.walcast.stop)

    def write(self, path, text):
        self.area.write_file(path, text + "\n")

    def reload(self, awaited):
        seen = self.walcast.process.count_in_log(awaited)
        self.walcast.process.send_signal(signal.SIGHUP)
        wait_until(lambda: self.walcast.process.count_in_log(awaited) > seen, awaited)

    def log_in(self, user):
        done = self.area.run(
            [pg_program("psql"), "-XAtw", "-c", "IDENTIFY_SYSTEM",
             f"host=127.0.0.1 port={self.walcast.port} user={user} replication=true"], check=False)
        return "in" if done.returncode == 0 else done.stderr.strip().split("failed: ")[-1]

    def test_a_session_goes_on_while_rules_and_roles_change(self):
        session = self.connect(self.walcast.port, user="one")
        self.assertEqual(self.log_in("two"), 'FATAL:  role "two" does not exist')
        self.write(self.users, '"two" "" replication')
        self.reload("received SIGHUP")
        wait_until(lambda: self.log_in("two") == "in", "the new role")
        self.assertEqual(self.log_in("one"), 'FATAL:  role "one" does not exist')
        self.write(self.rules, "host replication all 127.0.0.1/32 reject")
        self.reload("received SIGHUP")
        wait_until(lambda: "pg_hba.conf rejects replication connection" in self.log_in("two"),
                   "the new rule")
        self.assertEqual(session.identify()[0], self.system_identifier)

    def test_a_file_that_is_wrong_changes_nothing(self):
        for path, right, wrong, why in (
                (self.rules, "host replication all 127.0.0.1/32 trust",
                 "host replication all 127.0.0.1/32 frobnicate",
                 'invalid authentication method "frobnicate"'),
                (self.users, '"one" "" replication', '"one" secret replication', "line 1")):
            with self.subTest(wrong):
                self.write(path, "# a comment\n" + wrong if path == self.rules else wrong)
                self.reload("the rules and roles stay as they were")
                self.assertIn(why, self.walcast.log())
                self.assertIn(path, self.walcast.log())
                self.assertEqual(self.log_in("one"), "in")
                self.write(path, right)
        self.assertIn(f'At line 2 of configuration file "{self.rules}".', self.walcast.log())

    def test_no_server_begins_with_a_file_that_is_wrong(self):
        self.write(self.rules, "hots replication all 127.0.0.1/32 trust")
        said = fail_to_serve(self.area, wal_directory=self.wal.path, hba_file=self.rules)
        self.assertIn('invalid connection type "hots"', said)
        self.assertIn(f"FATAL:  could not load {self.rules}", said)

    def test_with_rules_every_address_may_be_listened_on(self):
        walcast = Walcast(self.area, wal_directory=self.wal.path, hba_file=self.rules,
                          listen_addresses="0.0.0.0")
        self.assertEqual(self.connect(walcast.port).identify()[0], self.system_identifier)
        walcast.stop()
