"""Limits, lowered until they are met: new clients are told so, and old ones go on."""

import signal

from support.case import WalcastCase
from support.protocol import ServerError
from support.replication import ReplicationClient
from support.wait import wait_until
from support.walcast import Walcast


class LimitsTest(WalcastCase):

    def serve(self, **options):
        walcast = Walcast.of_directory(self.area, self.wal.path, workers=1, **options)
        self.addCleanup(walcast.stop)
        return walcast

    def refusal(self, walcast, **parameters):
        """(SQLSTATE, text) of what a new client is told; None if it is let in."""
        try:
            self.connect(walcast.port, **parameters).close()
        except ServerError as refused:
            return refused.fields["C"], refused.fields["M"]
        return None

    def assert_goes_on(self, standby):
        begin = standby.position
        self.assertEqual(len(standby.receive_until(begin + (1 << 20))), standby.position - begin)

    def stream(self, walcast, **parameters):
        standby = self.connect(walcast.port, **parameters)
        self.assertIsNone(standby.start(self.wal.begin(), 1))
        return standby

    def ask_and_not_read(self, client):
        """Until the server takes no more."""
        client.set_timeout(1)
        try:
            while True:
                client.send_raw((b"Q\0\0\0\x0dSHOW ALL\0") * 20)
        except TimeoutError:
            pass

    def test_connections_of_an_address(self):
        walcast = self.serve(max_connections_per_address=2)
        standby, other = self.stream(walcast), self.connect(walcast.port)
        told = ("53300", 'too many connections from address "127.0.0.1"')
        self.assertEqual(self.refusal(walcast), told)
        walcast.wait_for_log("too many connections from address .*client 127.0.0.1")
        self.assert_goes_on(standby)
        other.close()
        wait_until(lambda: self.refusal(walcast) is None, "room for another")

    def test_connections_of_a_role(self):
        walcast = self.serve(max_connections_per_role=1)
        standby = self.stream(walcast, user="one")
        self.assertEqual(self.refusal(walcast, user="one"),
                         ("53300", 'too many connections for role "one"'))
        self.assertIsNone(self.refusal(walcast, user="two"))
        self.assert_goes_on(standby)

    def test_connections_in_all_and_a_reload(self):
        options = self.area.path("limits.conf")
        self.area.write_file(options, "max_client_connections = 2\n")
        walcast = self.serve(config=options)
        standby, _ = self.stream(walcast), self.connect(walcast.port)
        self.assertEqual(self.refusal(walcast), ("53300", "sorry, too many clients already"))
        self.area.write_file(options, "max_client_connections = 3\n")
        walcast.process.send_signal(signal.SIGHUP)
        walcast.wait_for_log('parameter "max_client_connections" changed to "3"')
        wait_until(lambda: self.refusal(walcast) is None, "the new limit")
        self.assert_goes_on(standby)

    def test_clients_that_have_not_logged_in(self):
        walcast = self.serve(max_startups_per_address=3, authentication_timeout="2s")
        standby = self.stream(walcast)
        silent = [ReplicationClient(walcast.port) for _ in range(3)]
        for client in silent:
            self.addCleanup(client.close)
        wait_until(lambda: self.refusal(walcast) is not None, "the limit")
        self.assert_goes_on(standby)
        wait_until(lambda: self.refusal(walcast) is None, "the end of the silent ones")

    def test_a_client_that_does_not_read_is_dropped(self):
        walcast = self.serve(client_write_timeout="2s")
        standby = self.stream(walcast)
        client = self.connect(walcast.port, receive_buffer=4096)
        self.ask_and_not_read(client)
        walcast.wait_for_log("it did not read what it was sent within client_write_timeout")
        self.assert_goes_on(standby)

    def test_a_client_that_sends_half_a_command_is_dropped(self):
        walcast = self.serve(client_read_timeout="1s")
        client = self.connect(walcast.port)
        client.send_raw(b"Q\0\0\0\x14IDENT")
        walcast.wait_for_log("it did not send the rest of a message within client_read_timeout")
        self.assertTrue(client.result_to_close().closed)

    def test_out_of_memory(self):
        walcast = self.serve(client_memory="1MB", client_read_timeout=0)
        standby = self.stream(walcast)
        beyond = self.connect(walcast.port)
        hogs = [self.connect(walcast.port) for _ in range(128)]
        for hog in hogs:  # each begins a command, and keeps no more than every client may
            hog.send_raw(b"Q\0\0\x30\0" + b"x" * 12_000)
        wait_until(lambda: self.refusal(walcast) is not None, "the end of all memory")
        self.assertEqual(self.refusal(walcast), ("53200", "out of memory"))
        beyond.send_raw(b"Q\0\0\xc0\0" + b"x" * 40_000)
        self.assertTrue(beyond.result_to_close().closed)
        walcast.wait_for_log("out of memory for the messages of clients")
        self.assert_goes_on(standby)
        for hog in hogs:
            hog.close()
        wait_until(lambda: self.refusal(walcast) is None, "memory for another")
