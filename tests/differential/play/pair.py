"""The two servers: an idle PostgreSQL that runs, and walcast on a copy of its WAL."""

from dataclasses import dataclass, field

from support.cluster import PgCluster
from support.lsn import parse_lsn
from support.wait import wait_until
from support.wal import waldump
from support.walcast import Walcast
from support.workload import wal_of

MAX_WAL_SENDERS = 40
MAX_SLOTS = 4

_SETTINGS = {
    "max_wal_senders": MAX_WAL_SENDERS,
    "max_replication_slots": MAX_SLOTS,
    "max_connections": 20,
    "wal_sender_timeout": "60s",
    "authentication_timeout": "60s",
    "log_min_messages": "log",
}
_WALCAST_OPTIONS = {"max_wal_senders": MAX_WAL_SENDERS, "max_replication_slots": MAX_SLOTS,
                    "wal_keep_size": "8GB", "log_level": "fatal"}


@dataclass(frozen=True)
class Site:
    """Where things are in the WAL that both serve; scripts take their positions from it."""
    begin: int        # of the oldest segment
    end: int          # of all WAL
    middle: int       # a segment's start between the two
    segment_size: int
    timeline: int
    forks: dict = field(default_factory=dict)  # timeline -> where the next one left it

    @property
    def oldest(self):
        """The start of the first segment of the newest timeline."""
        first = max(self.forks.values(), default=self.begin)
        return first // self.segment_size * self.segment_size


class Pair:
    """Owns both servers. Nothing writes WAL while they are compared, so every position agrees."""

    def __init__(self, area, cluster):
        self._area = area
        self.cluster = cluster
        self.postgres_port = cluster.port
        self.postgres_version = cluster.version()
        end = _wait_until_idle(area, cluster)
        wal = wal_of(cluster)
        copy = area.copy_tree(wal.path, "wal-for-walcast")
        self.walcast = Walcast.of_directory(
            area, copy, state_directory=area.directory("state-of-walcast"),
            max_console_connections=0, **_WALCAST_OPTIONS)
        self.walcast_port = self.walcast.port
        timeline = max(int(name[:8], 16) for name in _segments(wal))
        begin = min(map(wal.start_of, _segments(wal)))
        middle = (begin + end) // 2 // wal.segment_size * wal.segment_size
        self.site = Site(begin, end, middle, wal.segment_size, timeline, _forks(wal, timeline))

    @classmethod
    def create(cls, area):
        cluster = _new_cluster(area).start()
        _write_wal(cluster)
        cluster.stop()
        return cls(area, cluster.start())

    @classmethod
    def create_promoted(cls, area):
        """On timeline 2, with all of timeline 1 still there."""
        primary = _new_cluster(area).start()
        _write_wal(primary)
        primary.stop()
        standby = primary.cold_copy("standby").start()
        standby.promote()
        wait_until(lambda: standby.sql("SELECT pg_is_in_recovery()") == "f", "the promotion")
        _write_wal(standby)
        standby.stop()
        return cls(area, standby.start())

    def assert_idle(self):
        """What was compared was comparable: no WAL has come since."""
        now = parse_lsn(self.cluster.flush_lsn())
        assert now == self.site.end, "PostgreSQL has written WAL while scripts were played"


def _new_cluster(area):
    return PgCluster.create(area, "primary", segment_mb=1, **_SETTINGS)


def _write_wal(cluster):
    """Two segments and more, and yet little enough for a socket to hold."""
    cluster.sql("SELECT pg_logical_emit_message(false, 'differential', repeat('wal ', 100000))"
                " FROM generate_series(1, 6)")


def _segments(wal):
    return [name for timeline in range(1, 4) for name in wal.complete(timeline)]


def _forks(wal, timeline):
    if timeline == 1:
        return {}
    with open(f"{wal.path}/{timeline:08X}.history", encoding="ascii") as history:
        lines = [line.split("\t") for line in history if line.strip()]
    return {int(parent): parse_lsn(lsn) for parent, lsn, _ in lines}


def _wait_until_idle(area, cluster):
    """A server that has just started logs its running transactions once, and then is silent."""
    control = cluster.control()
    timeline = int(control["Latest checkpoint's TimeLineID"])
    checkpoint = parse_lsn(control["Latest checkpoint location"])

    def end_of_wal():
        records, _ = waldump(area, wal_of(cluster), timeline, checkpoint)
        settled = records and records[-1].rmgr == "Standby"
        flushed = parse_lsn(cluster.flush_lsn())
        return flushed if settled and flushed == records[-1].end else None
    return wait_until(end_of_wal, "an idle PostgreSQL")
