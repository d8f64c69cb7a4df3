"""The start of a connection, the same tests for PostgreSQL's walsender and for walcast: what the
differential scripts `startup` leave out of their comparison."""

from support.case import PostgresCase, WalcastCase

# What differs by machine or installation, not by protocol.
_LOCAL_PARAMETERS = {"server_version", "TimeZone"}


class StartupTests:
    """Mixed into one class per server."""

    def test_reported_parameters(self):
        parameters = self.session(application_name="e2e").parameters
        self.assertRegex(parameters["server_version"], r"^15\b")
        self.assertIn("TimeZone", parameters)
        others = {k: v for k, v in parameters.items() if k not in _LOCAL_PARAMETERS}
        self.assertEqual(others, {
            "DateStyle": "ISO, MDY",
            "IntervalStyle": "postgres",
            "application_name": "e2e",
            "client_encoding": "SQL_ASCII",
            "default_transaction_read_only": "off",
            "in_hot_standby": "off",
            "integer_datetimes": "on",
            "is_superuser": "on",
            "server_encoding": "SQL_ASCII",
            "session_authorization": "postgres",
            "standard_conforming_strings": "on",
        })

    def test_sessions_have_pids_of_their_own(self):
        pids = {self.session().backend_pid for _ in range(20)}
        self.assertEqual(len(pids), 20)


class PostgresStartup(StartupTests, PostgresCase):
    SETTINGS = {"max_wal_senders": 40}


class WalcastStartup(StartupTests, WalcastCase):
    pass
