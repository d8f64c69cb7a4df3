#!/usr/bin/env python3
"""What crowds of clients that mean no good cost the standbys of a walcast: delays alone, and beside
each crowd."""

import argparse
import os
import resource
import sys
import threading
import time

_HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [_HERE, os.path.join(os.path.dirname(_HERE), "tests", "e2e")]

# pylint: disable=wrong-import-position
from hop_cost import Receiver, percentile  # noqa: E402
from support.abuse import KINDS, Attack  # noqa: E402
from support.area import Area  # noqa: E402
from support.cluster import PgCluster  # noqa: E402
from support.lsn import parse_lsn  # noqa: E402
from support.replication import ReplicationClient  # noqa: E402
from support.wait import wait_until  # noqa: E402
from support.walcast import Fleet, Walcast  # noqa: E402

_COUNTS = {"half-open": 5000, "slow-loris": 1000, "never-read": 200, "guesser": 100}
_RULES = """
host replication postgres,reader 127.0.0.0/8 trust
host replication all             127.0.0.0/8 password
"""
_USERS = f'"postgres" "" replication\n"reader" "" replication\n"victim" "md5{"0" * 32}" replication\n'
_WATCHED = 3          # standbys whose delays are measured
_BETWEEN = 0.01       # seconds between two commits
_SETTLES = 3          # seconds that a crowd stands before it counts


class Commits:
    """One SQL session, and the standbys whose WAL is timed by the kernel that receives it."""

    def __init__(self, primary, port):
        self._sql = ReplicationClient.connect(primary.port, replication="false",
                                              database="postgres")
        end = parse_lsn(primary.flush_lsn())
        self._standbys = [Receiver.connect(port) for _ in range(_WATCHED)]
        for standby in self._standbys:
            assert standby.start(end - end % primary.segment_size, 1) is None
            standby.receive_until(end)

    def delays(self, count):
        """Nanoseconds from each COMMIT to its WAL's arrival at each standby that is watched."""
        found = []
        for number in range(count):
            sent = time.time_ns()
            self._run("INSERT INTO hops VALUES (repeat('x', 100))")
            end = parse_lsn(self._run("SELECT pg_current_wal_flush_lsn()").rows[0][0].decode())
            found += [standby.arrival_of(end) - sent for standby in self._standbys]
            if number % 100 == 0:
                for standby in self._standbys:
                    standby.send_status()
            time.sleep(_BETWEEN)
        return found

    def _run(self, text):
        answer = self._sql.query(text)
        assert answer.error is None, answer.error
        return answer


def figures(delays):
    return [percentile(delays, share) / 1000 for share in (0.5, 0.99)]


def beside(commits, port, crowd, count, scale):
    attacks = [Attack(kind, port, max(1, int(_COUNTS[kind] * scale))) for kind in crowd]
    try:
        wait_until(lambda: all(attack.comings >= attack.count for attack in attacks),
                   "the crowd", timeout=120)
        threading.Event().wait(_SETTLES)
        return figures(commits.delays(count)), sum(attack.comings for attack in attacks)
    finally:
        for attack in attacks:
            attack.stop()


def run(area, chosen):
    primary = PgCluster.create(area, "primary").start()
    primary.sql("CREATE TABLE hops (words text)")
    rules, users = area.path("hba"), area.path("users")
    area.write_file(rules, _RULES)
    area.write_file(users, _USERS)
    walcast = Walcast(area, spool_directory=area.path("spool"), hba_file=rules, auth_file=users,
                      primary_conninfo=primary.conninfo(), authentication_timeout="5s",
                      client_write_timeout="5s")
    fleet = Fleet(area, walcast.port, chosen.standbys - _WATCHED)
    commits = Commits(primary, walcast.port)
    commits.delays(50)
    alone = figures(commits.delays(chosen.commits))
    print(f"{chosen.standbys} standbys, {chosen.commits} commits, from COMMIT to arrival, in us")
    print(f"{'beside':<14}{'p50':>8}{'p99':>8}   ratio to alone: p50, p99   connections")
    print(f"{'nobody':<14}{alone[0]:8.0f}{alone[1]:8.0f}   1.00, 1.00")
    for name, crowd in [*((kind, [kind]) for kind in KINDS), ("all of them", list(KINDS))]:
        (p50, p99), comings = beside(commits, walcast.port, crowd, chosen.commits, chosen.scale)
        print(f"{name:<14}{p50:8.0f}{p99:8.0f}   {p50 / alone[0]:.2f}, {p99 / alone[1]:.2f}"
              f"   {comings}", flush=True)
    assert fleet.process.alive(), fleet.process.tail()


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--commits", type=int, default=1000, help="for each line of the table")
    options.add_argument("--standbys", type=int, default=50)
    options.add_argument("--scale", type=float, default=1.0,
                         help=f"the part of the crowds that comes, of {_COUNTS}")
    chosen = options.parse_args()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    area = Area()
    try:
        run(area, chosen)
    finally:
        area.close()


if __name__ == "__main__":
    main()
