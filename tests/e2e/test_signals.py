"""What the operator may do to a running server: reload it, look into it, stop it, and stop waiting."""

import signal
import socket

from support.case import StoppedCase
from support.lsn import parse_lsn
from support.replication import Closed, Keepalive, Shutdown
from support.walcast import Walcast, binary, generate


class SignalTest(StoppedCase):
    def configured(self, text):
        """A server with a configuration file, whose name comes with it."""
        path = self.area.path(f"{self.id()}.conf")
        self.area.write_file(path, text)
        return Walcast.of_directory(self.area, self.wal.path, config=path), path

    def relay_without_primary(self, **options):
        """One that has WAL to serve already."""
        spool = self.area.path(f"spool-{self.id()}")
        generate(self.area, spool, size="2MB", wal_segment_size="1MB")
        options = options or {"primary_conninfo": "host=127.0.0.1 port=1"}
        return Walcast(self.area, spool_directory=spool, adopt_spool=True, **options)

    def shown(self, walcast, name):
        return self.connect(walcast.port).query(f"SHOW {name}").rows[0][0]

    def test_a_reload_changes_what_can_change_and_names_the_rest(self):
        walcast, path = self.configured("wal_sender_timeout = 30s\nio_threads = 2\n")
        self.assertEqual(self.shown(walcast, "wal_sender_timeout"), b"30s")
        streaming = self.connect(walcast.port)
        streaming.start(self.wal.begin(), 1)
        self.area.write_file(path, "wal_sender_timeout = 1s\nio_threads = 3\n")
        walcast.process.send_signal(signal.SIGHUP)
        walcast.wait_for_log('parameter "wal_sender_timeout" changed to "1s"')
        walcast.wait_for_log('parameter "io_threads" cannot be changed without restarting')
        self.assertNotIn("wal_segment_size", walcast.log())
        self.assertEqual(self.shown(walcast, "wal_sender_timeout"), b"1s")
        self.assertEqual(self.shown(walcast, "io_threads"), b"2")
        # The stream that runs has the new timeout as well.
        streaming.receive_to_end(answer_pings=False)
        walcast.wait_for_log("terminating walsender process due to replication timeout")
        walcast.stop()

    def test_a_changed_conninfo_is_named_and_not_shown(self):
        path = self.area.path("conninfo.conf")
        self.area.write_file(path, "primary_conninfo = 'host=127.0.0.1 port=1 password=old'\n")
        walcast = self.relay_without_primary(config=path)
        self.area.write_file(path, "primary_conninfo = 'host=127.0.0.1 port=1 password=new'\n")
        walcast.process.send_signal(signal.SIGHUP)
        walcast.wait_for_log('parameter "primary_conninfo" cannot be changed without restarting')
        self.assertNotRegex(walcast.log(), "password")
        self.assertEqual(self.shown(walcast, "primary_conninfo"), b"********")
        walcast.stop()

    def test_a_file_with_an_error_changes_nothing(self):
        walcast, path = self.configured("wal_sender_timeout = 30s\n")
        for text in ("wal_sender_timeout = soon\n", "no_such_setting = 1\n"):
            self.area.write_file(path, text)
            errors = walcast.process.count_in_log("contains errors")
            walcast.process.send_signal(signal.SIGHUP)
            walcast.wait_for_log(r"(?s)(contains errors.*){%d}" % (errors + 1))
        self.assertEqual(self.shown(walcast, "wal_sender_timeout"), b"30s")
        walcast.stop()

    def test_sigusr1_logs_every_threads_memory(self):
        walcast = self.serve(self.wal)
        session = self.connect(walcast.port)
        session.identify()
        walcast.process.send_signal(signal.SIGUSR1)
        self.wait_for_memory_of(walcast, "walcast", "acceptor-0", "loop-0", "wal")
        walcast.wait_for_log("  Session: ")
        walcast.stop()

    def test_sigusr1_logs_the_memory_of_a_relays_threads(self):
        walcast = self.relay_without_primary()
        walcast.process.send_signal(signal.SIGUSR1)
        self.wait_for_memory_of(walcast, "walcast", "walreceiver", "walflusher")
        walcast.stop()

    def wait_for_memory_of(self, walcast, *threads):
        for thread in threads:
            walcast.wait_for_log(rf"(?s)\] {thread} LOG:  memory contexts of this thread:\n"
                                 "\tTopMemoryContext: .*Grand total: ")

    def test_a_second_signal_does_not_wait_for_standbys(self):
        walcast = self.serve(self.wal, shutdown_timeout="1h")
        silent = self.connect(walcast.port)
        silent.start(parse_lsn(silent.identify()[2]), 1)
        walcast.begin_stop()
        event = silent.next_event()
        self.assertIsInstance(event, Keepalive)
        self.assertTrue(event.reply_requested)
        walcast.process.send_signal(signal.SIGINT)
        self.assertEqual(silent.next_event(), Shutdown("COPY 0"))
        self.assertEqual(silent.next_event(), Closed())
        self.assertEqual(walcast.process.wait(), 0)
        walcast.wait_for_log("due to replication shutdown timeout")

    def test_signals_end_it_while_it_waits_for_a_primary_that_says_nothing(self):
        with socket.create_server(("127.0.0.1", 0)) as silent:
            silent.settimeout(60)
            port = silent.getsockname()[1]
            for signum, status in ((signal.SIGTERM, 0), (signal.SIGINT, 0), (signal.SIGQUIT, 2)):
                walcast = self.area.spawn("walcast", [
                    binary(self.area, "walcast"), "serve", "--port", 0,
                    "--spool-directory", self.area.path(f"empty-{signum}"),
                    "--primary-conninfo", f"host=127.0.0.1 port={port}"])
                with silent.accept()[0]:
                    self.assertEqual(walcast.stop(signum, timeout=20), status)

    def test_sigquit_ends_it_on_the_spot(self):
        walcast = Walcast.of_directory(self.area, self.wal.path)
        session = self.connect(walcast.port)
        session.start(parse_lsn(session.identify()[2]), 1)
        self.assertEqual(walcast.process.stop(signal.SIGQUIT), 2)
        self.assertEqual(session.next_event(), Closed())
