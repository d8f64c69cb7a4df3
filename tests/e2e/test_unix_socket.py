"""Unix sockets: stock clients over them, whose they are, and sockets that a service manager has
opened."""

import os
import stat
import sys

from support.case import StoppedCase
from support.cluster import PgCluster, free_port, pg_program
from support.walcast import Walcast, WrappedWalcast, binary, fail_to_serve, option_list

# Opens a socket, then goes on as the program of its arguments, to which it passes the socket as a
# service manager does.
_SERVICE_MANAGER = [sys.executable, "-c", """
import os, socket, sys
listener = socket.create_server(("127.0.0.1", 0))
os.dup2(listener.fileno(), 3)
os.set_inheritable(3, True)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1")
os.execv(sys.argv[1], sys.argv[1:])
"""]


class UnixSocketTest(StoppedCase):
    """A server with a socket in a directory of its own."""

    def setUp(self):
        self.directory = self.area.directory(f"run-{self._testMethodName[5:25]}")

    def serve_here(self, **options):
        walcast = Walcast(self.area, wal_directory=self.wal.path,
                          unix_socket_directories=self.directory, **options)
        return walcast, os.path.join(self.directory, f".s.PGSQL.{walcast.port}")

    def test_a_standby_follows_over_it(self):
        walcast, _ = self.serve_here()
        standby = self.primary.cold_copy(
            "standby", hot_standby="on",
            primary_conninfo=f"host={self.directory} port={walcast.port} user=postgres").start()
        standby.process.wait_for("started streaming WAL from primary")
        self.assertEqual(standby.sql("SELECT sender_host FROM pg_stat_wal_receiver"), self.directory)
        standby.stop()
        walcast.stop()

    def test_pg_receivewal_gets_every_byte_over_it(self):
        walcast, _ = self.serve_here()
        archive = self.area.directory("archive")
        names = self.wal.complete()
        self.area.run([pg_program("pg_receivewal"), "-D", archive, "-h", self.directory, "-p",
                       walcast.port, "-U", "postgres", "--no-loop", f"--endpos={self.last_lsn()}"])
        received = sorted(name for name in os.listdir(archive) if "." not in name)
        self.assertTrue(set(received) <= set(names), received)
        for name in received:
            self.area.run(["cmp", f"{archive}/{name}", f"{self.wal.path}/{name}"])
        walcast.stop()

    def last_lsn(self):
        start = self.wal.start_of(self.wal.complete()[-1])
        return f"{start >> 32:X}/{start & 0xFFFFFFFF:X}"

    def test_its_files_go_with_the_server(self):
        walcast, path = self.serve_here(unix_socket_permissions="0700")
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o700)
        with open(path + ".lock", encoding="ascii") as lock:
            self.assertEqual(int(lock.readline()), walcast.process.pid)
        walcast.stop()
        self.assertEqual(os.listdir(self.directory), [])

    def test_what_a_killed_server_has_left_is_taken_over(self):
        walcast, path = self.serve_here()
        walcast.process.kill()
        self.assertTrue(os.path.exists(path))
        again, _ = self.serve_here(port=walcast.port)
        again.stop()

    def test_a_postmaster_and_walcast_respect_each_others(self):
        port = free_port()
        postgres = PgCluster.create(self.area, "other")
        postgres.configure(unix_socket_directories=self.directory, listen_addresses="")
        postgres.port = port
        postgres.start()
        message = fail_to_serve(self.area, wal_directory=self.wal.path, port=port,
                                unix_socket_directories=self.directory)
        self.assertRegex(message, r'FATAL:  lock file "\S+\.s\.PGSQL\.\d+\.lock" already exists')
        self.assertIn(f"Is another postmaster (PID {postgres.process.pid}) using", message)
        postgres.stop()
        walcast, _ = self.serve_here(port=port, listen_addresses="")
        said = self.area.run([pg_program("postgres"), "-D", postgres.data, "-p", port], check=False)
        self.assertRegex(said.stderr, "FATAL:  lock file .* already exists")
        walcast.stop()

    def test_without_tcp_there_is_only_the_socket(self):
        port = free_port()
        walcast, path = self.serve_here(port=port, listen_addresses="")
        walcast.wait_for_log(rf'listening on Unix socket "{path}"')
        self.assertRaises(ConnectionRefusedError, self.connect, port)
        walcast.stop()
        said = fail_to_serve(self.area, wal_directory=self.wal.path, listen_addresses="")
        self.assertIn("FATAL:  no socket created for listening", said)

    def test_a_directory_that_cannot_be_had_is_left_out_if_there_is_another(self):
        walcast = Walcast(self.area, wal_directory=self.wal.path,
                          unix_socket_directories=f"/nonexistent, {self.directory}")
        walcast.wait_for_log("WARNING:  could not create Unix-domain socket in directory"
                             ' "/nonexistent"')
        walcast.stop()
        said = fail_to_serve(self.area, wal_directory=self.wal.path,
                             unix_socket_directories="/nonexistent")
        self.assertIn("FATAL:  could not create any Unix-domain sockets", said)


class PassedSocketTest(StoppedCase):
    """A socket that was there before the server."""

    def test_it_is_listened_on_and_no_other(self):
        walcast = WrappedWalcast(self.area, _SERVICE_MANAGER, wal_directory=self.wal.path,
                                 port=free_port())
        self.assertEqual(self.connect(walcast.port).identify()[0], self.system_identifier)
        self.assertEqual(walcast.process.count_in_log("listening on"), 1)
        walcast.stop()

    def test_one_that_clients_of_other_hosts_reach_is_refused(self):
        public = [*_SERVICE_MANAGER[:-1], _SERVICE_MANAGER[-1].replace("127.0.0.1", "0.0.0.0")]
        done = self.area.run([*public, *self.command()], check=False, timeout=30)
        self.assertEqual(done.returncode, 1)
        self.assertIn('will not listen on "0.0.0.0" without authentication', done.stderr)

    def command(self):
        return [binary(self.area, "walcast"), "serve", *option_list({"wal_directory": self.wal.path})]
