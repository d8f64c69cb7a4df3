"""Starting and stopping: what the command line promises, and how it refuses."""

import os
import signal
import socket

from support.case import StoppedCase
from support.walcast import Walcast, WrappedWalcast, fail_to_serve


class ServeTest(StoppedCase):
    """Every refusal is one FATAL line and exit status 1."""

    def test_it_says_where_it_listens_and_ends_on_sigterm(self):
        walcast = self.serve(self.wal)
        self.assertEqual(walcast.address, "127.0.0.1")
        self.assertEqual(self.connect(walcast.port).identify()[0], self.system_identifier)
        walcast.stop()
        with self.assertRaises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", walcast.port))

    def test_it_ends_on_sigint_too(self):
        walcast = self.serve(self.wal)
        self.assertEqual(walcast.process.stop(signal.SIGINT), 0)

    def test_a_public_address_is_refused_while_nobody_is_asked_for_a_password(self):
        for address in ("0.0.0.0", "*", "::"):
            with self.subTest(address):
                message = fail_to_serve(self.area, wal_directory=self.wal.path,
                                        listen_addresses=address)
                self.assertRegex(message, "(?i)authentication")
                self.assertIn(address, message)

    def test_an_address_that_is_not_there_is_left_out_as_long_as_there_is_another(self):
        without_ipv6 = ["unshare", "--user", "--map-root-user", "--net", "sh", "-c",
                        "echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6 && ip link set lo up"
                        ' && exec "$@"', "sh"]
        if self.area.run([*without_ipv6, "true"], check=False).returncode != 0:
            self.skipTest("no user may have a network of its own here")
        walcast = WrappedWalcast(self.area, without_ipv6, wal_directory=self.wal.path,
                                 listen_addresses="::1, 127.0.0.2", allow_root=True)
        self.assertEqual(walcast.address, "127.0.0.2")
        walcast.wait_for_log('LOG: .*could not bind IPv6 address "::1": Cannot assign requested')
        walcast.wait_for_log('WARNING: .*could not create listen socket for "::1"')
        walcast.stop()

    def test_a_port_in_use_is_refused(self):
        walcast = self.serve(self.wal)
        message = fail_to_serve(self.area, wal_directory=self.wal.path, port=walcast.port)
        self.assertRegex(message, "Address already in use")
        self.assertIn(str(walcast.port), message)
        self.connect(walcast.port)

    def test_a_directory_that_another_server_writes_is_refused(self):
        spool, state = self.area.directory("spool"), self.area.directory("state")
        first = Walcast(self.area, synthetic="1MB/s", spool_directory=spool, state_directory=state)
        said = fail_to_serve(self.area, synthetic="1MB/s", spool_directory=spool)
        self.assertIn(f'FATAL:  directory "{spool}" is already in use', said)
        said = fail_to_serve(self.area, wal_directory=spool, state_directory=state)
        self.assertIn(f'FATAL:  directory "{state}" is already in use', said)
        first.process.kill()
        Walcast(self.area, wal_directory=spool, state_directory=state).stop()

    def test_an_empty_directory_is_refused(self):
        path = self.area.directory("empty")
        message = fail_to_serve(self.area, wal_directory=path)
        self.assertIn(path, message)

    def test_a_directory_without_any_segment_is_refused(self):
        path = self.area.directory("no-segments")
        self.area.write_file(f"{path}/00000002.history", "1\t0/1000000\tno reason\n")
        self.assertIn(path, fail_to_serve(self.area, wal_directory=path))

    def test_a_directory_that_is_not_there_is_refused(self):
        path = self.area.path("nowhere")
        self.assertRegex(fail_to_serve(self.area, wal_directory=path),
                         f'"{path}": No such file or directory')

    def test_a_file_in_its_place_is_refused(self):
        path = self.area.path("a-file")
        self.area.write_file(path, "not a directory\n")
        self.assertRegex(fail_to_serve(self.area, wal_directory=path),
                         f'"{path}": Not a directory')

    def test_a_directory_that_may_not_be_read_is_refused(self):
        path = self.area.directory("locked")
        os.chmod(path, 0)
        self.assertRegex(fail_to_serve(self.area, wal_directory=path),
                         f'"{path}": Permission denied')

    def test_a_setting_that_makes_no_sense_is_refused(self):
        for options in ({"wal_sender_timeout": "soon"}, {"port": "70000"}, {"workers": "-1"}):
            with self.subTest(options):
                fail_to_serve(self.area, wal_directory=self.wal.path, **options)
