"""A server with few descriptors, and more clients than these."""

from support.lsn import parse_lsn
from support.protocol import ServerError
from support.relay import RelayCase
from support.replication import ReplicationClient
from support.walcast import WrappedWalcast
from support.wait import wait_until
from support.workload import bulk_load, wal_of

_LIMIT = 100
_CLIENTS = 300


class DescriptorsTest(RelayCase):

    def test_clients_take_none_that_a_stream_needs_and_are_told_when_there_are_too_many(self):
        walcast = WrappedWalcast(self.area, ["prlimit", f"--nofile={_LIMIT}:{_LIMIT}"],
                                 **self.relay_options(workers=2))
        walcast.wait_for_log(f"WARNING: .*a limit of {_LIMIT} open files leaves room for")
        self.wait_for_spool(self.primary.flush_lsn())
        standby = self.connect(walcast.port)
        begin = self.spool.begin()
        self.assertIsNone(standby.start(begin, 1))
        clients = [ReplicationClient(walcast.port) for _ in range(_CLIENTS)]
        for client in clients:
            self.addCleanup(client.close)
        walcast.wait_for_log("new connections have to wait")

        bulk_load(self.primary, rows=10_000)
        end = parse_lsn(self.primary.flush_lsn())
        self.assertGreater(end - begin, 4 * self.spool.segment_size)
        self.assertEqual(standby.receive_until(end)[:end - begin],
                         wal_of(self.primary).read(1, begin, end))
        self.wait_for_spool(self.primary.flush_lsn())
        self.assertNotIn("Too many open files", walcast.log())

        for client in clients:
            client.send_startup(user="postgres", database="replication", replication="true")
        ready = [client for client in clients if self.is_ready(client)]
        self.assertGreater(len(ready), 10)
        self.assertLess(len(ready), _LIMIT // 2)
        for client in (standby, *clients):
            client.close()
        # It hears of their ends one by one, on loops of its own.
        wait_until(lambda: self.is_let_in(walcast.port), "room for another client")
        walcast.stop()

    def is_let_in(self, port):
        client = ReplicationClient(port)
        client.send_startup(user="postgres", database="replication", replication="true")
        ready = self.is_ready(client)
        client.close()
        return ready

    def is_ready(self, client):
        try:
            client.finish_startup()
        except ServerError as refused:
            self.assertEqual((refused.fields["S"], refused.fields["C"], refused.fields["M"]),
                             ("FATAL", "53300", "sorry, too many clients already"))
            client.close()
            return False
        return True
