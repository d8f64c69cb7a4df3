#!/usr/bin/env python3
"""What each walcast between a commit and a standby costs, beside a standby of the primary."""

import argparse
import os
import socket
import struct
import sys
import time

_ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(_ROOT, "tests", "e2e"))

# pylint: disable=wrong-import-position
from support.area import Area  # noqa: E402
from support.cluster import PgCluster  # noqa: E402
from support.lsn import parse_lsn  # noqa: E402
from support.replication import Keepalive, ReplicationClient, XLogData  # noqa: E402
from support.walcast import Walcast  # noqa: E402

_CHAIN = 3
_ACKNOWLEDGE_EVERY = 200  # commits
_SO_TIMESTAMPNS = 35  # asm-generic/socket.h
_TIMESPEC = struct.Struct("qq")

_NAMES = ["primary", "1 walcast", *(f"{n} walcasts" for n in range(2, _CHAIN + 1))]


class Receiver(ReplicationClient):
    """A light standby whose WAL has the time at which the kernel received it: it need not be awake
    then, and takes no processor from what is measured."""

    def __init__(self, port, **options):
        super().__init__(port, **options)
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        self._received_at = None

    def arrival_of(self, lsn):
        """When all WAL before `lsn` had come; waits until it has."""
        while self.position < lsn:
            self.receive_some()
        return self._received_at

    def receive_some(self):
        """Waits for a message with WAL."""
        while not isinstance(event := self.next_event(), XLogData):
            assert isinstance(event, Keepalive), f"the stream has ended: {event}"
            if event.reply_requested:
                self.send_status()

    def _receive_some(self, count):
        data, ancillary, _, _ = self._socket.recvmsg(count, socket.CMSG_SPACE(_TIMESPEC.size))
        for level, kind, value in ancillary:
            if (level, kind) == (socket.SOL_SOCKET, _SO_TIMESTAMPNS):
                seconds, nanoseconds = _TIMESPEC.unpack(value)
                self._received_at = seconds * 1_000_000_000 + nanoseconds
        return data


class Course:
    """One SQL session, and a standby at every distance from its server."""

    def __init__(self, primary, ports):
        self._sql = ReplicationClient.connect(primary.port, replication="false",
                                              database="postgres")
        end = parse_lsn(primary.flush_lsn())
        self._standbys = [Receiver.connect(port) for port in ports]
        for standby in self._standbys:
            assert standby.start(end - end % primary.segment_size, 1) is None
            standby.receive_until(end)

    def measure_commit(self):
        """Nanoseconds from the COMMIT that a client sends to its WAL's arrival at each standby."""
        self._run("BEGIN")
        self._run("INSERT INTO hops VALUES (repeat('x', 100))")
        sent = time.time_ns()
        self._sql.send("Q", b"COMMIT\0")
        self._standbys[-1].receive_some()  # until then nothing else is sent
        assert self._sql.result().tags == ["COMMIT"]
        end = parse_lsn(self._run("SELECT pg_current_wal_flush_lsn()").rows[0][0].decode())
        return [standby.arrival_of(end) - sent for standby in self._standbys]

    def acknowledge(self):
        for standby in self._standbys:
            standby.send_status()

    def _run(self, text):
        answer = self._sql.query(text)
        assert answer.error is None, answer.error
        return answer


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def report(delays):
    """A line for each distance, and what one more walcast adds."""
    print(f"{len(delays)} commits, from COMMIT sent to WAL arrived, in us")
    print(f"{'behind':<14}{'p50':>8}{'p99':>8}   ratio to the primary: p50, p99")
    columns = list(zip(*delays))
    first = [percentile(columns[0], share) for share in (0.5, 0.99)]
    for name, column in zip(_NAMES, columns):
        p50, p99 = percentile(column, 0.5), percentile(column, 0.99)
        print(f"{name:<14}{p50 / 1000:8.0f}{p99 / 1000:8.0f}   {p50 / first[0]:.2f}, "
              f"{p99 / first[1]:.2f}")
    for place in range(1, len(columns)):
        added = [after - before for before, after in zip(columns[place - 1], columns[place])]
        print(f"hop {place} adds, commit by commit: p50 {percentile(added, 0.5) / 1000:.0f},"
              f" p99 {percentile(added, 0.99) / 1000:.0f}")


def run(area, commits, warm_up):
    primary = PgCluster.create(area, "primary").start()
    primary.sql("CREATE TABLE hops (words text)")
    ports = [primary.port]
    for place in range(_CHAIN):
        spool = area.path(f"spool{place}")
        ports.append(Walcast(area, spool_directory=spool,
                             primary_conninfo=primary.conninfo(ports[-1])).port)
    course = Course(primary, ports)
    delays = []
    for number in range(warm_up + commits):
        delays.append(course.measure_commit())
        if number % _ACKNOWLEDGE_EVERY == 0:
            course.acknowledge()
    report(delays[warm_up:])


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--commits", type=int, default=2000)
    options.add_argument("--warm-up", type=int, default=100, help="commits that are not counted")
    chosen = options.parse_args()
    area = Area()
    try:
        run(area, chosen.commits, chosen.warm_up)
    finally:
        area.close()


if __name__ == "__main__":
    main()
