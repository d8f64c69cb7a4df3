"""What the tests of a relay share: its primary, its standbys, its spool, and clients that write."""

import os
import random
import threading

from support.case import E2eCase
from support.cluster import PgCluster, pg_program
from support.lsn import parse_lsn
from support.replication import ReplicationClient
from support.wait import wait_until
from support.wal import WalFiles, waldump_of_spool
from support.walcast import Walcast
from support.workload import wal_of

_NEVER = threading.Event()  # what a random time is waited by


def random_pause(seconds_min, seconds_max):
    """Lets a random time pass: for what is to come at any moment."""
    _NEVER.wait(random.uniform(seconds_min, seconds_max))


class RelayCase(E2eCase):
    """A primary that runs, and a cold copy of what it was before, to make standbys of."""

    SETTINGS = {}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.primary = PgCluster.create(cls.area, "primary", segment_mb=1, **cls.SETTINGS).start()
        cls.primary.pgbench("-i", "-q", "-s", 2)
        cls.primary.sql("CREATE TABLE bulk (id int, words text)")
        cls.primary.stop()

    def setUp(self):
        self.primary.start()
        self.addCleanup(self.stop_primary)
        self.take_base()
        self.spool = WalFiles(self.area.path(f"spool-{self.id()}"), self.primary.segment_size)

    def take_base(self, name="base"):
        """A copy that ends early in a segment: a spool begins in the one that it asks for."""
        self.primary.sql("SELECT pg_switch_wal()")
        self.primary.stop()
        self.base = self.primary.cold_copy(f"{name}-{self.id()}")
        self.primary.start()

    def seed_chance(self):
        """So that WALCAST_TEST_SEED repeats what a failure has printed."""
        self.seed = int(os.environ.get("WALCAST_TEST_SEED", random.randrange(1 << 32)))
        random.seed(self.seed)
        self.figure(f"WALCAST_TEST_SEED={self.seed}")

    def stop_primary(self):
        if self.primary.process:
            self.primary.stop()

    def relay(self, conninfo=None, **options):
        return Walcast(self.area, **self.relay_options(conninfo, **options))

    def relay_options(self, conninfo=None, **options):
        return {"spool_directory": self.spool.path, "wal_retrieve_retry_interval": "100ms",
                "primary_conninfo": conninfo or self.primary.conninfo(), **options}

    def standby(self, name, port, **settings):
        standby = self.base.cold_copy(f"{name}-{self.id()}",
                                      primary_conninfo=self.primary.conninfo(port), **settings)
        self.addCleanup(lambda: standby.process and standby.kill())
        return standby.start()

    def walsenders(self, cluster=None):
        return (cluster or self.primary).sql(
            "SELECT application_name FROM pg_stat_replication").split()

    def wait_for_spool(self, lsn):
        """Until the primary knows that the relay has flushed so much."""
        wait_until(lambda: self.primary.sql(
            f"SELECT bool_or(flush_lsn >= '{lsn}') FROM pg_stat_replication") == "t",
            lambda: f"the spool has {lsn}; walsenders: {self.walsenders()}")

    def assert_spool_is_the_primarys_wal(self, end, timeline=1, source=None):
        wal = wal_of(source or self.primary)
        begin = self.spool.begin(timeline)
        self.assertEqual(self.spool.read(timeline, begin, end), wal.read(timeline, begin, end))

    def end_of_spool_files(self, near):
        """Where the WAL ends that pg_waldump finds in the files of a relay that is dead; a record
        may begin in the segment before `near`."""
        records = waldump_of_spool(self.area, self.spool, 1, near - self.spool.segment_size)
        return records[-1].end if records else 0

    def commits_in_spool(self, begin):
        """The transactions whose commit pg_waldump finds in these files, from `begin` on."""
        return {record.xid for record in waldump_of_spool(self.area, self.spool, 1, begin)
                if record.rmgr == "Transaction" and record.description.startswith("COMMIT")}

    def make_commits_wait(self):
        """From now on the primary's commits wait for the relay, until the test ends."""
        self.primary.sql("ALTER SYSTEM SET synchronous_standby_names = 'walcast'")
        self.primary.sql("SELECT pg_reload_conf()")
        self.addCleanup(self._let_commits_go)
        self.wait_until_synchronous()

    def _let_commits_go(self):
        if self.primary.process:
            self.primary.sql("ALTER SYSTEM RESET synchronous_standby_names")
            self.primary.sql("SELECT pg_reload_conf()")

    def wait_until_synchronous(self):
        wait_until(lambda: self.primary.sql(
            "SELECT sync_state FROM pg_stat_replication") == "sync", "the relay is synchronous")

    def load(self, seconds, clients=4):
        """pgbench beside the test; its result is waited for by join()."""
        thread = threading.Thread(target=self.primary.pgbench,
                                  args=("-n", "-c", clients, "-T", seconds), daemon=True)
        thread.start()
        return thread

    def load_of_long_records(self, cluster):
        """Until it is killed, or `cluster`: records longer than a segment between small ones."""
        script = self.area.path("long-records.sql")
        self.area.write_file(script, "INSERT INTO bulk SELECT i, repeat(md5(i::text), 1 + i % 40)"
                                     " FROM generate_series(1, 500) i;\n"
                                     "SELECT pg_logical_emit_message(true, 'load',"
                                     " repeat('long record ', 120000));\n")
        load = self.area.spawn("pgbench", [
            pg_program("pgbench"), "-h", "127.0.0.1", "-p", cluster.port, "-U", "postgres", "-n",
            "-c", 2, "-R", 40, "-T", 600, "-f", script, "postgres"])
        self.addCleanup(load.kill)
        return load

    def wait_for_all_of(self, port, standby):
        """Until the standby has all that the relay has: what only the relay had would be lost."""
        client = self.connect(port)
        end = parse_lsn(client.identify()[2])
        client.close()
        standby.wait_for_replay(end)
        return end


class Writer(threading.Thread):
    """Inserts numbers, and remembers those whose commit the primary has confirmed."""

    def __init__(self, port, numbers, patience_seconds=60):
        super().__init__(daemon=True)
        self._client = ReplicationClient.connect(port, replication="false", database="postgres")
        self._client.set_timeout(patience_seconds)
        self._numbers = numbers
        self.confirmed = []
        self.transactions = []  # the xids of those

    def run(self):
        try:
            for number in self._numbers:
                answer = self._client.query(f"INSERT INTO committed VALUES ({number})"
                                            " RETURNING pg_current_xact_id()")
                if answer.closed or answer.error:
                    break
                self.confirmed.append(number)
                self.transactions.append(int(answer.rows[0][0]))
        except (OSError, AssertionError):
            pass  # the primary was killed
        finally:
            self._client.close()
