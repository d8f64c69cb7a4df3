"""What the tests of roles share that walcast fetches from its primary."""

import re

from support.cluster import pg_program
from support.relay import RelayCase
from support.wait import wait_until
from support.walcast import Walcast

RULES = """
host replication "all"   127.0.0.1/32 reject
host replication grouped 127.0.0.1/32 reject
host replication +staff  127.0.0.1/32 scram-sha-256
host replication clerk   127.0.0.1/32 reject
host replication trusty  127.0.0.1/32 trust
host all         all     127.0.0.1/32 scram-sha-256
host replication all     127.0.0.1/32 scram-sha-256
"""
DOWN = "could not ask the primary for roles; those that are known stay as they are"
UP = "the primary answers questions for roles again"


def refused(role):
    return f'FATAL:  password authentication failed for user "{role}"'


class AuthQueryCase(RelayCase):
    """A primary with roles, and a relay that asks it for them."""

    def setUp(self):
        super().setUp()
        self.primary.sql("DROP ROLE IF EXISTS ann, bob, clerk, trusty, boss, asker, staff")
        self.primary.sql("CREATE ROLE boss LOGIN SUPERUSER")
        self.rules = self.area.path(f"hba-{self.id()}")
        self.area.write_file(self.rules, RULES)

    def options(self, **options):
        # All clients here come from one address, and many of them guess.
        return self.relay_options(**{"hba_file": self.rules, "auth_user": "boss",
                                     "authentication_failure_delay": "0", **options})

    def serve(self, **options):
        self.walcast = Walcast(self.area, **self.options(**options))
        self.addCleanup(lambda: self.walcast.process.alive() and self.walcast.stop())
        return self.walcast

    def make(self, role, password="one", attributes="LOGIN REPLICATION"):
        self.primary.sql(f"CREATE ROLE {role} {attributes} PASSWORD '{password}'")

    def log_in(self, user, password="one", replication="true", options=""):
        """What becomes of a client of libpq: "in", or what it says."""
        done = self.area.run(
            [pg_program("psql"), "-XAtw", "-c", "IDENTIFY_SYSTEM",
             f"host=127.0.0.1 port={self.walcast.port} user={user} dbname=some"
             f" replication={replication} {options}"],
            check=False, variables={"PGPASSWORD": password} if password else {})
        if done.returncode == 0:
            return "in"
        return re.sub(r'^.*connection to server .* failed: ', "", done.stderr, flags=re.S).strip()

    def assert_in(self, user, password="one"):
        self.assertEqual(self.log_in(user, password), "in")

    def wait_a_second(self):
        """What was fetched less than a second ago is not fetched again for a wrong password."""
        client = self.connect(self.primary.port, replication="false", database="postgres")
        client.query("SELECT pg_sleep(1.1)")

    def questions(self):
        """How often the primary was asked for a role."""
        return self.primary.process.count_in_log("execute <unnamed>: SELECT a.rolname")

    def count_questions(self):
        self.primary.sql("ALTER SYSTEM SET log_statement = 'all'")
        self.primary.sql("SELECT pg_reload_conf()")
        self.addCleanup(self._stop_counting)
        wait_until(lambda: self.primary.sql("SHOW log_statement") == "all", "statements are logged")

    def _stop_counting(self):
        if self.primary.process:
            self.primary.sql("ALTER SYSTEM RESET log_statement")
            self.primary.sql("SELECT pg_reload_conf()")
