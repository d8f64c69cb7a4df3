"""What a long record and the padding of a switch cost behind a relay, beside PostgreSQL's own walsender:
live (the relay has proven the WAL as it came), cold (the relay has started since), and for the live
standbys of the same server meanwhile."""

import argparse
import signal
import statistics
import sys

# tests/e2e/support
from support import machine
from support.area import Area
from support.cluster import PgCluster
from support.lsn import parse_lsn
from support.replication import ReplicationClient
from support.wait import wait_until
from support.walcast import Fleet, Walcast
# perf
from live import Writer, allow_files

_COMMITS = 300
_TIMEOUT = 1800


class Relay:
    """A walcast that may be started again on its spool."""

    def __init__(self, area, primary):
        self._area, self._primary = area, primary
        self._spool = area.path("spool")
        self._walcast = None

    def start(self):
        self._walcast = Walcast(self._area, spool_directory=self._spool,
                                primary_conninfo=self._primary.conninfo())

    def restart(self):
        self.stop()
        self.start()

    def stop(self):
        self._walcast.stop()

    @property
    def port(self):
        return self._walcast.port


def flushed(primary):
    return parse_lsn(primary.sql("SELECT pg_current_wal_flush_lsn()"))


def write_record(primary, megabytes):
    """One record, and behind it enough WAL that no byte of it is among the newest."""
    primary.sql(f"SELECT pg_logical_emit_message(false, 'long', repeat('x', {megabytes} << 20))")
    primary.sql("CREATE TABLE IF NOT EXISTS filler(i int);"
                " INSERT INTO filler SELECT generate_series(1, 60000)")


def write_padding(primary):
    primary.sql("SELECT pg_switch_wal()")
    primary.sql("CREATE TABLE IF NOT EXISTS filler(i int);"
                " INSERT INTO filler SELECT generate_series(1, 60000)")


def written(primary, write):
    """Where the WAL of it begins and ends."""
    begin = flushed(primary)
    write()
    return begin, flushed(primary)


def drain_seconds(area, port, stretch):
    begin, end = stretch
    report = Fleet(area, port, 1, begin, end).finish(timeout=_TIMEOUT)
    if report.status != 0:
        sys.exit(report.output)
    return report["bytes"] / report["bytes_per_second"]


def wait_for_relay(area, port, end):
    """The relay has all up to there when a standby has got it. One that asks for what lies far ahead
    of the relay would be let go."""
    begin = end - end % (1 << 20)
    client = ReplicationClient.connect(port)
    wait_until(lambda: parse_lsn(client.identify()[2]) >= begin, "the relay's WAL", timeout=_TIMEOUT)
    client.close()
    report = Fleet(area, port, 1, begin, end).finish(timeout=_TIMEOUT)
    if report.status != 0:
        sys.exit(report.output)


def commit_p99_us(area, primary, server, label, plan, beside=None):
    """Of commits to live standbys, while one more standby reads the stretch `beside`."""
    start = flushed(primary)
    fleet = Fleet(area, server.port, plan.standbys, start, stamps=label, progress=True)
    fleet.process.wait_for(rf"\s{plan.standbys} streaming", timeout=120)
    writer = Writer(primary.port)
    reader = Fleet(area, server.port, 1, *beside) if beside else None
    writer.commit(label, _COMMITS, plan.rate)
    writer.close()
    if reader is not None and reader.finish(timeout=_TIMEOUT).status != 0:
        sys.exit("the reader beside the live standbys has failed")
    nothing = r" 0 B/s  0 failed$"
    before = fleet.process.count_in_log(nothing)
    wait_until(lambda: fleet.process.count_in_log(nothing) > before, "the last byte", timeout=600)
    fleet.process.send_signal(signal.SIGINT)
    report = fleet.finish()
    if report.status != 0:
        sys.exit(report.output)
    return report["stamp_us"]["p99"]


def play(area, primary, relay, name, write, plan, number):
    """One round: the ratios of what is compared."""
    stretch = written(primary, write)
    wait_for_relay(area, relay.port, stretch[1])
    alone = drain_seconds(area, primary.port, stretch)
    live = drain_seconds(area, relay.port, stretch)
    relay.restart()
    cold = drain_seconds(area, relay.port, stretch)
    again = drain_seconds(area, primary.port, stretch)
    label = f"{name}{number}"
    quiet = commit_p99_us(area, primary, relay, f"{label}.quiet", plan)
    relay.restart()
    busy = commit_p99_us(area, primary, relay, f"{label}.busy", plan, stretch)
    peer_quiet = commit_p99_us(area, primary, primary, f"{label}.peer_quiet", plan)
    peer_busy = commit_p99_us(area, primary, primary, f"{label}.peer_busy", plan, stretch)
    print(f"round {number + 1}, {name}: {(stretch[1] - stretch[0]) >> 20} MB; PostgreSQL"
          f" {alone:.3f} and {again:.3f} s, live {live:.3f} s, cold {cold:.3f} s; p99 of"
          f" {plan.standbys} live standbys {quiet:.0f} us, beside a cold reader {busy:.0f} us;"
          f" PostgreSQL's {peer_quiet:.0f} us, beside a reader {peer_busy:.0f} us", flush=True)
    return live / alone, cold / again, busy / quiet, busy / peer_busy


def measure(name, segment_mb, write, plan):
    with Area() as area:
        primary = PgCluster.create(area, "primary", segment_mb, max_wal_senders=plan.standbys + 20,
                                   max_connections=plan.standbys + 20, fsync="off",
                                   wal_keep_size="16GB", max_wal_size="16GB",
                                   wal_writer_delay="10s").start()
        relay = Relay(area, primary)
        relay.start()
        rounds = [play(area, primary, relay, name, lambda: write(primary), plan, number)
                  for number in range(plan.rounds)]
        relay.stop()
    live, cold, p99, peer = (statistics.median(ratios) for ratios in zip(*rounds))
    print(f"{name}: time / PostgreSQL's live {live:.2f}, cold {cold:.2f}; p99 of live standbys"
          f" beside it / without {p99:.2f}, / PostgreSQL's beside it {peer:.2f}", flush=True)


def parse_arguments():
    parser = argparse.ArgumentParser(prog="perf/long.sh", description=__doc__)
    parser.add_argument("--record-megabytes", type=int, default=256)
    parser.add_argument("--segment-megabytes", type=int, default=1024, help="of the padding")
    parser.add_argument("--standbys", type=int, default=50)
    parser.add_argument("--rate", type=float, default=200, help="commits per second")
    parser.add_argument("--rounds", type=int, default=3)
    return parser.parse_args()


def main():
    plan = parse_arguments()
    allow_files()
    print(machine.described(), flush=True)
    measure("record", 16, lambda primary: write_record(primary, plan.record_megabytes), plan)
    measure("padding", plan.segment_megabytes, write_padding, plan)


if __name__ == "__main__":
    main()
