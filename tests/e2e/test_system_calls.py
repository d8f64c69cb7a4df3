"""What one commit costs a relay in system calls, while nothing else goes on."""

import os
import time
import unittest

from support.lsn import parse_lsn
from support.relay import RelayCase
from support.trace import TracedWalcast

_COMMITS = int(os.environ.get("WALCAST_SYSTEM_CALL_COMMITS", 300))

_CALLS_MAX = 18      # per commit, of all threads
_CALLS_ONCE = 300    # in all: the pool's threads start and spin for a while, a timer is due
_OF_PATHS = ("open", "openat", "close", "stat", "lstat", "newfstatat", "statx")
_OF_PATHS_PER_SEGMENT = 12  # a new segment is made, the one before it is finished
_OF_PATHS_ONCE = 8          # in all: the first use of the pool asks how many processors there are
_WAKES_PER_SECOND = 2       # of a loop that has nothing to do
_PRELUDE = 20               # commits, until all is open that will be used


class SystemCallsTest(RelayCase):
    """One standby; each commit is made when the standby has the one before it."""

    def setUp(self):
        super().setUp()
        if not TracedWalcast.is_possible(self.area):
            raise unittest.SkipTest("no process may be traced here, or strace is missing")
        self.primary.sql("CREATE TABLE IF NOT EXISTS one_by_one (words text)")
        self.walcast = TracedWalcast(self.area, **self.relay_options(workers=2))
        self.addCleanup(self.walcast.process.kill)
        self.sql = self.connect(self.primary.port, replication="false", database="postgres")
        self.standby = self.connect(self.walcast.port)
        self.begin = self.flush_lsn()
        self.assertIsNone(self.standby.start(self.begin - self.begin % (1 << 20), 1))

    def flush_lsn(self):
        return parse_lsn(self.query("SELECT pg_current_wal_flush_lsn()").rows[0][0].decode())

    def query(self, text):
        answer = self.sql.query(text)
        self.assertIsNone(answer.error)
        return answer

    def commit(self, count):
        for _ in range(count):
            self.query("INSERT INTO one_by_one VALUES (repeat('x', 100))")
            self.standby.receive_until(self.flush_lsn())
            self.standby.send_status()

    def test_a_commit_costs_few_calls_and_wakes_no_loop_without_a_session(self):
        self.commit(_PRELUDE)
        first, began = self.flush_lsn(), time.time()
        self.commit(_COMMITS)
        last, ended = self.flush_lsn(), time.time()
        self.query("INSERT INTO one_by_one VALUES ('the last call that strace writes down')")
        self.standby.receive_until(self.flush_lsn())
        calls = self.walcast.calls(began, ended)
        self.standby.close()
        self.walcast.stop()
        table = "\n" + calls.table(_COMMITS)
        self.figure(f"{calls.total() / _COMMITS:.1f} system calls a commit")
        with self.subTest("calls of paths"):
            segments = last // self.primary.segment_size - first // self.primary.segment_size
            self.assertLessEqual(calls.of(*_OF_PATHS),
                                 segments * _OF_PATHS_PER_SEGMENT + _OF_PATHS_ONCE, table)
        with self.subTest("all calls"):
            self.assertLessEqual(calls.total(), _COMMITS * _CALLS_MAX + _CALLS_ONCE, table)
        with self.subTest("the loop without a session"):
            loops = self.walcast.loops()
            self.assertEqual(len(loops), 2, loops)
            idle = min(map(calls.of_thread, loops))
            self.assertLessEqual(idle, _WAKES_PER_SECOND * (1 + ended - began), table)
