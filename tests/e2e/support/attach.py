"""What the tests of an attached walcast share: its primary, and readers that are slow."""

from support.case import E2eCase
from support.cluster import PgCluster
from support.lsn import parse_lsn
from support.replication import Closed, Keepalive, ReplicationClient, XLogData
from support.wait import wait_until
from support.wal import WalFiles
from support.walcast import Walcast
from support.workload import bulk_load

MB = 1 << 20


class Reader:
    """A standby that reads no faster than it is told to, and keeps what it reads."""

    def __init__(self, port, begin, receive_buffer=64 * 1024, **options):
        self.client = ReplicationClient.connect(port, receive_buffer=receive_buffer, **options)
        self.begin = begin
        self.pieces = []
        self.end = None  # the event that ended the stream
        assert self.client.start(begin) is None

    def read(self, size):
        """So much WAL, or what comes before the stream ends; what was read is acknowledged."""
        target = self.client.position + size
        try:
            while self.end is None and self.client.position < target:
                event = self.client.next_event()
                if isinstance(event, XLogData):
                    self.pieces.append(event.data)
                elif not isinstance(event, Keepalive):
                    self.end = event
            if self.end is None:
                self.client.send_status()
        except (OSError, AssertionError) as cut:
            if not isinstance(cut, OSError) and "closed inside a message" not in str(cut):
                raise
            self.end = Closed()

    def read_to(self, lsn):
        self.read(lsn - self.client.position)

    @property
    def wal(self):
        return b"".join(self.pieces)


class AttachCase(E2eCase):
    """A primary that recycles its segments as soon as it may, and an archive of what they were."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        archive = cls.area.directory("archive")
        cls.archive = WalFiles(archive, MB)
        cls.primary = PgCluster.create(
            cls.area, "primary", segment_mb=1, wal_keep_size=0, min_wal_size="8MB",
            max_wal_size="8MB", archive_mode="on", archive_command=f"cp %p {archive}/%f").start()
        cls.primary.sql("CREATE TABLE bulk (id int, words text)")
        cls.addClassCleanup(lambda: cls.primary.process and cls.primary.kill())

    def setUp(self):
        if self.primary.sql("SELECT count(*) FROM pg_replication_slots") == "0":
            self.create_slot()

    def create_slot(self):
        self.primary.sql("SELECT pg_create_physical_replication_slot('walcast', true)")

    def attach(self, kind=Walcast, **options):
        options = {"wal_directory": self.primary.wal_path, "primary_slot_name": "walcast",
                   "primary_conninfo": self.primary.conninfo(),
                   "wal_retrieve_retry_interval": "200ms", **options}
        return kind(self.area, **options)

    def end(self):
        return parse_lsn(self.primary.flush_lsn())

    def write(self, megabytes):
        """So much WAL, and a checkpoint that lets go of what is older."""
        target = self.end() + megabytes * MB
        while self.end() < target:
            bulk_load(self.primary, rows=1_000)
        self.primary.sql("CHECKPOINT")

    def archived(self, begin, end):
        self.primary.sql("SELECT pg_switch_wal()")
        last = self.archive.name(1, end)
        wait_until(lambda: self.primary.sql(
            f"SELECT last_archived_wal >= '{last}' FROM pg_stat_archiver") == "t",
            f"{last} is archived")
        return self.archive.read(1, begin, end)

    def slot_lsn(self):
        return parse_lsn(self.primary.sql(
            "SELECT restart_lsn FROM pg_replication_slots WHERE slot_name = 'walcast'"))

    def drop_slot(self):
        """As an operator who wants the space back, and is faster than walcast."""
        self.primary.sql("""DO $$ BEGIN
            LOOP
                BEGIN
                    PERFORM pg_terminate_backend(active_pid) FROM pg_replication_slots;
                    PERFORM pg_drop_replication_slot('walcast');
                    RETURN;
                EXCEPTION WHEN object_in_use THEN NULL;
                END;
            END LOOP; END $$""")

    def limit_slots(self, size):
        self.primary.sql(f"ALTER SYSTEM SET max_slot_wal_keep_size = '{size}'")
        self.primary.sql("SELECT pg_reload_conf()")
