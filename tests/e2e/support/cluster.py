"""Real PostgreSQL 15 clusters on loopback."""

import os
import random
import signal
import socket

from support.lsn import format_lsn
from support.wait import wait_until

PG_BIN = "/usr/lib/postgresql/15/bin"

# A cluster for tests need not survive a power cut, but must keep all its WAL to compare with.
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "fsync": "off",
    "wal_level": "replica",
    "max_wal_senders": 10,
    "wal_keep_size": "8GB",
    "max_wal_size": "8GB",
    "checkpoint_timeout": "1h",
    "autovacuum": "off",
    "shared_buffers": "128MB",
    "wal_retrieve_retry_interval": "200ms",
    "timezone": "UTC",
}


def pg_program(name):
    return os.path.join(PG_BIN, name)


def free_port():
    """A port that is free now, below the range from which clients draw theirs."""
    while True:
        port = random.randrange(20000, 32000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


class PgCluster:
    """One data directory and the postmaster on it, a child of the test."""

    def __init__(self, area, name, data, segment_size):
        self.area = area
        self.name = name
        self.data = data
        self.segment_size = segment_size
        self.wal_path = os.path.join(data, "pg_wal")
        self.port = free_port()
        self.process = None

    @classmethod
    def create(cls, area, name, segment_mb=16, **settings):
        """A new primary, not started yet."""
        cluster = cls(area, name, area.path(name), segment_mb << 20)
        area.run([pg_program("initdb"), "-D", cluster.data, "--no-sync", "-A", "trust", "-U",
                  "postgres", "-E", "UTF8", "--locale=C", f"--wal-segsize={segment_mb}"])
        cluster.configure(**{**_SETTINGS, **settings})
        return cluster

    def cold_copy(self, name, **settings):
        """A standby made of this stopped cluster's files."""
        assert not self.process, f"{self.name} runs"
        copy = PgCluster(self.area, name, self.area.copy_tree(self.data, name), self.segment_size)
        self.area.write_file(os.path.join(copy.data, "standby.signal"), "")
        copy.configure(**settings)
        return copy

    def configure(self, **settings):
        lines = "".join(f"{key} = '{value}'\n" for key, value in settings.items())
        self.area.write_file(os.path.join(self.data, "postgresql.conf"), lines, mode="a")

    def start(self):
        argv = [pg_program("postgres"), "-D", self.data, "-p", self.port]
        self.process = self.area.spawn(self.name, argv)
        self.process.wait_for("database system is ready to accept (read-only )?connections")
        return self

    def begin_stop(self):
        """Fast shutdown: every walsender is let go, and a shutdown checkpoint ends the WAL."""
        self.process.send_signal(signal.SIGINT)

    def stop(self):
        self.begin_stop()
        process, self.process = self.process, None
        assert process.wait() == 0, process.tail()

    def kill(self):
        process, self.process = self.process, None
        process.kill()

    def crash(self):
        """SIGKILL for the postmaster and all its children; after kill() they still find out."""
        process, self.process = self.process, None
        process.kill_with_children()

    def sql(self, statement, database="postgres"):
        """The answer of psql, columns separated by `|`."""
        return self.area.run(self._psql(statement, database)).stdout.strip()

    def start_sql(self, statement, database="postgres"):
        """A process that runs a statement which may take its time."""
        return self.area.spawn("psql", self._psql(statement, database))

    def _psql(self, statement, database):
        return [pg_program("psql"), "-XqAt", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p",
                self.port, "-U", "postgres", "-d", database, "-c", statement]

    def pgbench(self, *options):
        return self.area.run([pg_program("pgbench"), "-h", "127.0.0.1", "-p", self.port, "-U",
                              "postgres", *options, "postgres"]).stdout

    def conninfo(self, port=None):
        return f"host=127.0.0.1 port={port or self.port} user=postgres"

    def flush_lsn(self):
        return self.sql("SELECT pg_current_wal_flush_lsn()")

    def wait_for_replay(self, lsn, timeout=120):
        """Until this standby has replayed everything before `lsn`."""
        text = format_lsn(lsn)

        def state():
            return self.sql("SELECT pg_last_wal_replay_lsn(), status, latest_end_lsn FROM (SELECT)"
                            " x LEFT JOIN pg_stat_wal_receiver ON true")
        wait_until(lambda: self.sql(f"SELECT pg_last_wal_replay_lsn() >= '{text}'") == "t",
                   lambda: f"{self.name} replays to {text}; it is at {state()}", timeout)

    def wait_for_replay_of_all(self):
        """Until this standby, whose upstream is dead, has replayed all the WAL that it has: only
        then does it look for more, in vain."""
        looked = self._count_refusals()
        wait_until(lambda: self._count_refusals() > looked,
                   lambda: f"{self.name} wants more WAL\n{self.process.tail()}")

    def _count_refusals(self):
        return self.process.count_in_log("could not connect to the primary server")

    def promote(self):
        self.sql("SELECT pg_promote()")

    def version(self):
        """(major, minor)"""
        number = int(self.sql("SHOW server_version_num"))
        return number // 10000, number % 10000

    def system_identifier(self):
        return self.control()["Database system identifier"]

    def control(self):
        """pg_controldata as a dictionary."""
        lines = self.area.run([pg_program("pg_controldata"), self.data]).stdout.splitlines()
        return {key: value.strip() for key, _, value in (line.partition(":") for line in lines)}

    def checksums(self):
        """One line per table: name, rows and an order-free sum over all its rows."""
        tables = self.sql("SELECT quote_ident(tablename) FROM pg_tables"
                          " WHERE schemaname = 'public' ORDER BY 1").split()
        assert tables, "no tables to compare"
        return [f"{table} " + self.sql("SELECT count(*), sum(hashtextextended(t::text, 0)::numeric)"
                                       f" FROM {table} t") for table in tables]
