"""The filter of system calls lets a server do all that it is for: TLS, roles of the primary, names,
slots, reloads, lost primaries. Other suites run under it too: tests/e2e/README.md."""

import getpass
import os
import signal

from support.auth_query import AuthQueryCase
from support.attach import MB, AttachCase
from support.certificates import Authority
from support.cluster import pg_program
from support.lsn import parse_lsn
from support.process import SERVER_USER
from support.replication import ReplicationClient
from support.wait import wait_until
from support.walcast import Walcast
from support.workload import wal_of, write_wal

_RULES = """
local   replication peered              peer           map=people
hostssl replication carded 127.0.0.1/32 cert
hostssl replication ann    localhost    scram-sha-256
hostssl replication all    localhost    trust
"""


class FilteredRelayTest(AuthQueryCase):
    """With nearly all options that make a server do something."""

    def setUp(self):
        super().setUp()
        area, name = self.area, self.id()
        self.primary.sql("DROP ROLE IF EXISTS peered, carded")
        authority = Authority(area, "own")
        self.root = authority.certificate
        self.certificate, self.key = authority.issue("server", "/CN=localhost", "localhost")
        self.card = authority.issue("card", "/CN=carded")
        locked, words = area.path(f"locked-{name}"), area.path(f"words-{name}")
        area.run(["openssl", "ec", "-in", self.key, "-aes256", "-passout", "pass:sesame", "-out",
                  locked])
        os.chmod(locked, 0o600)
        area.write_file(words, "sesame\n")
        self.maps, self.sockets = area.path(f"ident-{name}"), area.directory("sockets")
        area.write_file(self.rules, _RULES)
        area.write_file(self.maps, f"people {SERVER_USER or getpass.getuser()} peered\n")
        self.config = area.path(f"conf-{name}")
        area.write_file(self.config, "log_level = 'log'\n")
        self.serve(
            config=self.config, seccomp="on", ident_file=self.maps, auth_cache_time="1s",
            unix_socket_directories=self.sockets, standby_table="200ms", ssl="on",
            ssl_cert_file=self.certificate, ssl_key_file=locked, ssl_ca_file=self.root,
            ssl_passphrase_command=f"cat {words}", ssl_passphrase_command_supports_reload="on",
            primary_conninfo=f"host=localhost port={self.primary.port} user=postgres",
            primary_slot_name="filtered", create_primary_slot=True)
        self.addCleanup(self.drop_slot)
        for role in ("ann", "peered", "carded"):
            self.make(role)
        self.walcast.wait_for_log("started streaming WAL from primary")

    def drop_slot(self):
        if self.primary.process:
            self.primary.sql("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots"
                             " WHERE NOT active")

    def come(self, user, **options):
        options = {"host": "localhost", "port": self.walcast.port, "user": user, "dbname": "some",
                   "replication": "true", "sslmode": "verify-full", "sslrootcert": self.root,
                   "password": "one", "sslcert": "/nowhere", **options}
        done = self.area.run(
            [pg_program("psql"), "-XAtwc", "IDENTIFY_SYSTEM",
             " ".join(f"{name}={value}" for name, value in options.items())], check=False)
        return "in" if done.returncode == 0 else done.stderr

    def log_in_by_each_door(self):
        card = {"sslcert": self.card[0], "sslkey": self.card[1]}
        self.assertEqual(self.come("ann"), "in")
        self.assertEqual(self.come("carded", **card), "in")
        self.assertEqual(self.come("peered", host=self.sockets, sslmode="disable"), "in")
        self.assertIn("password authentication failed", self.come("ann", password="wrong"))
        self.assertIn("no pg_hba.conf entry", self.come("ann", sslmode="disable"))

    def stream(self, begin, slot=None):
        client = self.connect(self.walcast.port, tls=True, user="boss")
        if slot:
            self.assertIsNone(client.query(f"CREATE_REPLICATION_SLOT {slot} PHYSICAL").error)
        self.assertIsNone(client.start(begin, 1, slot))
        end = parse_lsn(self.primary.flush_lsn())
        self.assertEqual(client.receive_until(end)[:end - begin],
                         wal_of(self.primary).read(1, begin, end))
        client.send_status()
        return client

    def reload(self):
        answers = self.walcast.process.count_in_log("logging memory contexts of PID")
        self.walcast.process.send_signal(signal.SIGHUP)
        self.walcast.process.send_signal(signal.SIGUSR1)
        wait_until(lambda: self.walcast.process.count_in_log("logging memory contexts of PID")
                   > answers, "a reload")

    def test_a_relay_does_all_that_it_is_for(self):
        self.log_in_by_each_door()
        self.wait_for_spool(self.primary.flush_lsn())
        begin = self.spool.begin()
        streams = [self.stream(begin), self.stream(begin, "held")]
        write_wal(self.primary, 2)
        self.area.write_file(self.config, "max_client_connections = 500\n")
        self.reload()
        self.assertEqual(self.walcast.process.count_in_log("not reloaded|stay as they were"), 0)
        self.log_in_by_each_door()
        self.primary.crash()
        self.walcast.wait_for_log("could not ask the primary for roles")
        self.assertEqual(self.come("ann"), "in")
        self.primary.start()
        self.walcast.wait_for_log("answers questions for roles again")
        write_wal(self.primary, 1)
        self.wait_for_spool(self.primary.flush_lsn())
        streams.append(self.stream(begin))
        for client in streams:
            client.close()
        dropper = self.connect(self.walcast.port, tls=True, user="boss")
        self.assertIsNone(dropper.query("DROP_REPLICATION_SLOT held WAIT").error)
        dropper.close()
        self.walcast.stop()  # which looks for calls that were refused


class FilteredAttachTest(AttachCase):

    def test_an_attached_one_and_an_archive_do_too(self):
        attached = self.attach(seccomp="on", state_directory=self.area.directory("state"))
        self.write(megabytes=2)
        archive = Walcast(self.area, wal_directory=self.archive.path, seccomp="on")
        synthetic = Walcast(self.area, synthetic="1MB/s", seccomp="on",
                            spool_directory=self.area.path("spool"))
        begin = self.end() // MB * MB
        client = self.connect(attached.port)
        self.assertIsNone(client.query("CREATE_REPLICATION_SLOT one PHYSICAL RESERVE_WAL").error)
        self.assertIsNone(client.start(begin, 1, "one"))
        self.write(megabytes=2)
        client.receive_until(self.end())
        for walcast in (archive, synthetic):
            other = ReplicationClient.connect(walcast.port)
            position = parse_lsn(other.identify()[2])
            self.assertIsNone(other.start(position // MB * MB, 1))
            other.receive_until(position)
            other.close()
        client.close()
        for walcast in (attached, archive, synthetic):
            walcast.stop()
