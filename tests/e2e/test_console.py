"""SQL on a normal connection, as psql, psycopg2, psycopg 3 and tools ask it; `walcast status`,
`top` and `ctl`."""

import ast
import json
import re

from support.cluster import pg_program
from support.relay import RelayCase
from support.wait import wait_until
from support.walcast import binary

# Debian's own, which has Debian's modules.
_PYTHON = "/usr/bin/python3"

_PSYCOPG2 = """
import sys, psycopg2
session = psycopg2.connect(sys.argv[1])
cursor = session.cursor()
cursor.execute("SELECT %s::int + 1, version(), pg_is_in_recovery()", (41,))
row = cursor.fetchone()
assert row[0] == 42 and row[1].startswith("PostgreSQL ") and row[2] is True, row
try:
    cursor.execute("SELECT no_such")
    raise SystemExit("no error")
except psycopg2.errors.UndefinedColumn:
    pass
session.rollback()
cursor.execute("SELECT application_name FROM pg_stat_replication")
print(cursor.fetchall())
"""
_PSYCOPG = """
import sys, psycopg
for binary in (False, True):
    with psycopg.connect(sys.argv[1], autocommit=True) as session:
        cursor = session.cursor(binary=binary)
        for _ in range(7):  # the sixth is a prepared statement
            row = cursor.execute("SELECT %s::int4 + 1 AS n, %s::text AS t, %s::bool AS b",
                                 (41, "x", True)).fetchone()
            assert row == (42, "x", True), row
        cursor.execute("SELECT pid, application_name, sent_lsn, reply_time"
                       " FROM pg_stat_replication")
        assert isinstance(cursor.fetchone()[0], int)
    with psycopg.connect(sys.argv[1]) as session:
        with session.transaction():
            session.execute("SELECT 1")
        with session.pipeline():
            a = session.execute("SELECT 1")
            b = session.execute("SELECT 2")
        assert (a.fetchone(), b.fetchone()) == ((1,), (2,))
print("done")
"""
# Cancels again and again, so that it does not matter when the statement begins.
_CANCELLED = """
import sys, threading, psycopg2
session = psycopg2.connect(sys.argv[1])
done = threading.Event()
def cancel():
    while not done.wait(0.05):
        session.cancel()
canceller = threading.Thread(target=cancel)
canceller.start()
try:
    session.cursor().execute("SELECT count(*) FROM generate_series(1, 100000) a,"
                             " generate_series(1, 100000) b")
except psycopg2.Error as error:
    print(error.pgcode, str(error).strip())
finally:
    done.set()
    canceller.join()
"""
# The columns that must be PostgreSQL's, in their order and with their types.
_COLUMNS = ("SELECT a.attname, a.atttypid::regtype FROM pg_attribute a WHERE a.attrelid ="
            " 'pg_catalog.{}'::regclass AND a.attnum > 0 ORDER BY a.attnum")


class ConsoleTest(RelayCase):
    def setUp(self):
        super().setUp()
        self.walcast = self.relay()
        self.standby_server = self.standby(
            "standby", self.walcast.port, cluster_name="console_standby")
        wait_until(lambda: "console_standby" in self.ask(
            "SELECT application_name FROM pg_stat_replication"), "the standby is seen")

    def conninfo(self, **options):
        return " ".join(f"{name}={value}" for name, value in {
            "host": "127.0.0.1", "port": self.walcast.port, "user": "u", "dbname": "any",
            **options}.items())

    def psql(self, *statements, check=True, flags="-XAtw"):
        words = [word for statement in statements for word in ("-c", statement)]
        return self.area.run([pg_program("psql"), flags, "-v", "ON_ERROR_STOP=1", *words,
                              self.conninfo()], check=check)

    def ask(self, statement):
        return self.psql(statement).stdout.strip()

    def run_python(self, script):
        return self.area.run([_PYTHON, "-c", script, self.conninfo()]).stdout.strip()

    def walcast_command(self, *words, check=True):
        return self.area.run([binary(self.area, "walcast"), *words], check=check)

    def test_psql_asks_and_is_told_what_is_wrong(self):
        self.assertEqual(self.ask("SELECT 1; SELECT 2"), "1\n2")
        self.assertTrue(self.ask("SELECT version()").startswith("PostgreSQL 15"))
        done = self.psql("SELECT no_such", check=False)
        self.assertRegex(done.stderr, r'ERROR:  column "no_such" does not exist\n'
                                      "LINE 1: SELECT no_such")
        self.assertEqual(self.ask("SHOW wal_level"), "replica")

    def test_psycopg2_asks(self):
        self.assertIn("console_standby", self.run_python(_PSYCOPG2))

    def test_psycopg3_asks_in_text_and_binary_prepared_and_in_a_pipeline(self):
        self.assertEqual(self.run_python(_PSYCOPG), "done")

    def test_columns_are_those_of_postgresql(self):
        for relation in ("pg_stat_replication", "pg_replication_slots", "pg_stat_wal_receiver"):
            with self.subTest(relation=relation):
                expected = self.primary.sql(_COLUMNS.format(relation)).splitlines()
                self.assertEqual(self.described(relation), expected)

    def described(self, relation):
        """Names and types, as the server describes an answer."""
        script = ("import sys, psycopg\n"
                  "with psycopg.connect(sys.argv[1]) as session:\n"
                  f"    columns = session.execute('SELECT * FROM {relation}').description\n"
                  "    print([(c.name, c.type_code) for c in columns])\n")
        columns = ast.literal_eval(self.run_python(script))
        names = self.primary.sql(
            "SELECT string_agg(oid || '=' || oid::regtype, ',') FROM pg_type WHERE oid < 10000")
        types = dict(pair.split("=", 1) for pair in names.split(",") if "=" in pair)
        return [f"{name}|{types[str(oid)]}" for name, oid in columns]

    def test_a_statement_is_cancelled_from_outside(self):
        self.assertEqual(self.run_python(_CANCELLED),
                         "57014 canceling statement due to user request")

    def test_verbs_do_what_they_say_and_the_log_has_who(self):
        self.assertEqual(self.ask("SELECT pg_reload_conf()"), "t")
        self.walcast.wait_for_log(r'configuration is read again, as asked by role "u" '
                                  r'\(application_name "psql", PID \d+, client 127\.0\.0\.1:\d+\)')
        self.ask("SELECT pg_create_physical_replication_slot('s', true)")
        self.assertEqual(self.ask("SELECT slot_name, active FROM pg_replication_slots"), "s|f")
        self.walcast_command("ctl", f"--conninfo={self.conninfo()}", "drop-slot", "s")
        self.assertEqual(self.ask("SELECT count(*) FROM pg_replication_slots"), "0")
        done = self.walcast_command("ctl", f"--conninfo={self.conninfo()}", "terminate", "1",
                                    check=False)
        self.assertEqual((done.returncode, done.stderr),
                         (1, "walcast: there is no session of PID 1\n"))

    def test_a_paused_standby_gets_no_wal_and_catches_up(self):
        ctl = ["ctl", f"--conninfo={self.conninfo()}"]
        done = self.walcast_command(*ctl, "pause", "console_standby")
        self.assertEqual(done.stdout, "1 standbys are paused\n")
        self.primary.sql("INSERT INTO bulk VALUES (1, 'while it is paused')")
        end = self.primary.flush_lsn()
        wait_until(lambda: self.ask(f"SELECT pg_last_wal_receive_lsn() >= '{end}'") == "t",
                   "the relay has it")
        behind = "SELECT sent_lsn < '{}' FROM pg_stat_replication".format(end)
        self.assertEqual(self.ask(behind), "t")
        self.walcast_command(*ctl, "resume", "console_standby")
        wait_until(lambda: self.ask(behind) == "f", "the standby goes on")

    def test_wal_comes_from_where_an_admin_says(self):
        self.psql("SELECT walcast_switch_upstream('host=127.0.0.1 port="
                  f"{self.primary.port} user=postgres application_name=switched')")
        wait_until(lambda: "switched" in self.walsenders(), "the relay has come again")
        self.primary.sql("INSERT INTO bulk VALUES (2, 'behind the switch')")
        end = self.primary.flush_lsn()
        wait_until(lambda: self.ask(f"SELECT pg_last_wal_receive_lsn() >= '{end}'") == "t",
                   "WAL comes")

    def test_status_and_top_show_the_standby(self):
        status = json.loads(self.walcast_command("status", "--json", self.conninfo()).stdout)
        self.assertEqual(status["standbys"][0]["application_name"], "console_standby")
        self.assertIsInstance(status["standbys"][0]["pid"], int)
        self.assertIn("console_standby", self.walcast_command("status", self.conninfo()).stdout)
        top = self.walcast_command("top", "--looks=2", "--interval=100ms", self.conninfo()).stdout
        self.assertEqual(len(re.findall(r"console_standby", top)), 2)
        self.assertIn("1 standbys, 1 streaming", top)
        done = self.walcast_command("status", self.conninfo(port=1), check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("Connection refused", done.stderr)

    def test_a_replication_connection_is_told_of_recovery_as_pgmoneta_asks(self):
        client = self.connect(self.walcast.port)
        self.assertEqual(client.query("SELECT * FROM pg_is_in_recovery();").rows, [(b"t",)])
