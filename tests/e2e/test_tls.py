"""TLS for clients: the same files, clients and failures at PostgreSQL 15 and at walcast."""

import os
import re
import signal
import socket

from support.case import StoppedCase
from support.certificates import Authority
from support.cluster import PgCluster, pg_program
from support.lsn import parse_lsn
from support.receivewal import Receivewal
from support.relay import RelayCase
from support.wait import wait_until
from support.walcast import Fleet, Walcast, binary, fail_to_serve, option_list
from support.workload import wal_of, write_wal

_HOST = "walcast.test"
_SETTINGS = ("ssl", "ssl_cert_file", "ssl_key_file", "ssl_ca_file", "ssl_crl_file", "ssl_crl_dir",
             "ssl_min_protocol_version", "ssl_max_protocol_version", "ssl_ciphers",
             "ssl_ecdh_curve", "ssl_prefer_server_ciphers", "ssl_dh_params_file",
             "ssl_passphrase_command_supports_reload")


class TlsCase(StoppedCase):
    """An authority for servers, one for clients, and certificates of both."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.servers = Authority(cls.area, "servers")
        cls.clients = Authority(cls.area, "clients")
        cls.certificate, cls.key = cls.servers.issue("server", f"/CN={_HOST}", _HOST)
        cls.options = {"ssl": "on", "ssl_cert_file": cls.certificate, "ssl_key_file": cls.key}

    def log_in(self, port, **parameters):
        """What becomes of a client of libpq: "in", or what it says."""
        conninfo = {"host": _HOST, "hostaddr": "127.0.0.1", "port": port, "user": "postgres",
                    "replication": "true", "sslmode": "verify-full",
                    "sslrootcert": self.servers.certificate, **parameters}
        done = self.area.run(
            [pg_program("psql"), "-XAtw", "-c", "IDENTIFY_SYSTEM",
             " ".join(f"{name}='{value}'" for name, value in conninfo.items())], check=False)
        if done.returncode == 0:
            return "in"
        return re.sub(r"^.*connection to server .* failed: ", "", done.stderr, flags=re.S).strip()


class BothTest(TlsCase):
    """PostgreSQL and walcast with the same files; each test compares what they do."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.good = cls.clients.issue("good", "/CN=postgres")
        cls.expired = cls.clients.issue("expired", "/CN=postgres", days=-1)
        cls.revoked = cls.clients.issue("revoked", "/CN=postgres")
        cls.stranger = Authority(cls.area, "strangers").issue("stranger", "/CN=postgres")
        cls.options.update(ssl_ca_file=cls.clients.certificate,
                           ssl_crl_file=cls.clients.revoke(cls.revoked[0]))
        cls.postgres = PgCluster.create(cls.area, "tls", **cls.options).start()
        cls.walcast = Walcast(cls.area, wal_directory=cls.wal.path, **cls.options)

    def compare(self, **parameters):
        expected = self.log_in(self.postgres.port, **parameters)
        self.assertEqual(self.log_in(self.walcast.port, **parameters), expected)
        return expected

    def test_clients_that_are_content_come_in(self):
        for parameters in ({}, {"sslmode": "require"}, {"sslmode": "verify-ca"},
                           {"sslmode": "disable"}, {"sslmode": "prefer"}, {"sslmode": "allow"},
                           {"ssl_max_protocol_version": "TLSv1.2"},
                           {"ssl_min_protocol_version": "TLSv1.3"}, {"sslcompression": "1"},
                           {"sslcert": self.good[0], "sslkey": self.good[1]}):
            with self.subTest(parameters):
                self.assertEqual(self.compare(**parameters), "in")

    def test_clients_that_are_not_say_the_same(self):
        for parameters in ({"host": "other.test"}, {"sslrootcert": self.clients.certificate},
                           {"host": "other.test", "sslmode": "verify-ca",
                            "sslrootcert": self.clients.certificate}):
            with self.subTest(parameters):
                self.assertNotEqual(self.compare(**parameters), "in")

    def test_certificates_that_do_not_hold_are_refused_alike(self):
        told = set()
        for name in ("expired", "revoked", "stranger"):
            certificate, key = getattr(self, name)
            for version in ("TLSv1.2", "TLSv1.3"):
                with self.subTest(name, version=version):
                    told.add(self.compare(sslcert=certificate, sslkey=key,
                                          ssl_max_protocol_version=version))
        self.assertEqual(len(told), 3, told)
        line = "could not accept SSL connection: certificate verify failed"
        self.postgres.process.wait_for(line)
        self.walcast.wait_for_log(line + " Client certificate verification failed: "
                                         "certificate revoked")

    def test_show_shows_the_same(self):
        clients = [self.connect(server.port) for server in (self.postgres, self.walcast)]
        for name in _SETTINGS:
            expected, shown = (client.query(f"SHOW {name}").bodies("D") for client in clients)
            self.assertEqual(shown, expected, name)

    def test_what_is_no_handshake_is_logged_alike(self):
        for server in (self.postgres, self.walcast):
            client = self.connect_raw(server.port)
            client.send_bytes(b"\0\0\0\x08\x04\xd2\x16\x2f")
            self.assertEqual(client.receive_exactly(1), b"S")
            client.send_bytes(b"GET / HTTP/1.1\r\n\r\n")
            client.receive_to_end()
        line = "could not accept SSL connection: http request"
        self.postgres.process.wait_for(line)
        self.walcast.wait_for_log(line)

    def connect_raw(self, port):
        client = Raw(port)
        self.addCleanup(client.close)
        return client


class Raw:
    """A socket, and no more."""

    def __init__(self, port):
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=30)

    def send_bytes(self, data):
        self._socket.sendall(data)

    def receive_exactly(self, count):
        data = b""
        while len(data) < count:
            more = self._socket.recv(count - len(data))
            assert more, "the connection has ended"
            data += more
        return data

    def receive_to_end(self):
        data = b""
        try:
            while more := self._socket.recv(4096):
                data += more
        except ConnectionResetError:
            pass
        return data

    def close(self):
        self._socket.close()


class FilesTest(TlsCase):
    """Files that are wrong, at a start and at a reload."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.postgres = PgCluster.create(cls.area, "wrong")

    def refusal_of_postgres(self, options):
        argv = [pg_program("postgres"), "-D", self.postgres.data, "-p", self.postgres.port]
        for name, value in options.items():
            argv += ["-c", f"{name}={value}"]
        done = self.area.run(argv, check=False)
        return re.search(r"FATAL:  (.*)$", done.stderr, re.M)[1]

    def test_files_that_are_wrong_stop_a_start_with_the_same_words(self):
        open_key = self.area.path("open.key")
        self.area.copy_file(self.key, open_key)
        os.chmod(open_key, 0o644)
        garbage = self.area.path("garbage")
        self.area.write_file(garbage, "no certificate\n")
        other = self.servers.issue("other", "/CN=other")[1]
        for wrong in ({"ssl_cert_file": "/nowhere.crt"}, {"ssl_cert_file": garbage},
                      {"ssl_key_file": "/nowhere.key"}, {"ssl_key_file": open_key},
                      {"ssl_key_file": other}, {"ssl_key_file": self.area.root},
                      {"ssl_ca_file": "/nowhere.crt"}, {"ssl_ca_file": garbage},
                      {"ssl_crl_file": garbage}, {"ssl_ciphers": "NONE"},
                      {"ssl_ecdh_curve": "none"},
                      {"ssl_min_protocol_version": "TLSv1.3",
                       "ssl_max_protocol_version": "TLSv1.2"},
                      {"ssl_dh_params_file": "/nowhere.dh"}):
            with self.subTest(wrong):
                options = {**self.options, **wrong}
                said = fail_to_serve(self.area, wal_directory=self.wal.path, **options)
                self.assertIn("FATAL:  " + self.refusal_of_postgres(options), said)

    def serve(self, **options):
        """walcast with a certificate that a reload can replace."""
        certificate, key = self.area.path(f"{self.id()}.crt"), self.area.path(f"{self.id()}.key")
        self.replace(certificate, key, self.certificate, self.key)
        walcast = Walcast(self.area, wal_directory=self.wal.path, ssl="on",
                          ssl_cert_file=certificate, ssl_key_file=key, **options)
        self.addCleanup(walcast.stop)
        return walcast, certificate, key

    def replace(self, certificate, key, new_certificate, new_key):
        self.area.copy_file(new_key, key)
        os.chmod(key, 0o600)
        self.area.copy_file(new_certificate, certificate)

    def reload(self, walcast, awaited="received SIGHUP"):
        seen = walcast.process.count_in_log(awaited)
        walcast.process.send_signal(signal.SIGHUP)
        wait_until(lambda: walcast.process.count_in_log(awaited) > seen, awaited)

    def test_new_clients_see_a_new_certificate_and_old_ones_go_on(self):
        walcast, certificate, key = self.serve()
        session = self.connect(walcast.port)
        renewing = Authority(self.area, "renewing")
        self.assertEqual(self.log_in(walcast.port), "in")
        self.replace(certificate, key, *renewing.issue("server", f"/CN={_HOST}", _HOST))
        self.reload(walcast)
        wait_until(lambda: self.log_in(walcast.port, sslrootcert=renewing.certificate) == "in",
                   "the new certificate")
        self.assertIn("certificate verify failed", self.log_in(walcast.port))
        session.identify()

    def test_a_bad_file_keeps_what_was_and_the_log_names_it(self):
        walcast, certificate, key = self.serve()
        self.area.write_file(certificate, "broken\n")
        self.reload(walcast, "SSL configuration was not reloaded")
        walcast.wait_for_log(f'could not load server certificate file "{certificate}": ')
        self.assertEqual(self.log_in(walcast.port), "in")
        self.area.copy_file(self.certificate, certificate)
        os.chmod(key, 0o640)
        self.reload(walcast, "SSL configuration was not reloaded")
        walcast.wait_for_log(f'private key file "{key}" has group or world access')
        self.assertEqual(self.log_in(walcast.port), "in")

    def test_a_check_looks_at_the_files(self):
        argv = [binary(self.area, "walcast"), "serve", "--check", *option_list(
            {"port": 0, "wal_directory": self.wal.path, **self.options})]
        done = self.area.run(argv)
        self.assertIn(f'OK: file "{self.certificate}" has a certificate', done.stdout)
        done = self.area.run([*argv, "--ssl-ca-file=/nowhere"], check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn('ERROR: could not load root certificate file "/nowhere": ', done.stdout)


class StreamTest(RelayCase):
    """What streams over TLS, to PostgreSQL's own clients."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.servers = Authority(cls.area, "servers")
        certificate, key = cls.servers.issue("server", f"/CN={_HOST}", _HOST)
        cls.options = {"ssl": "on", "ssl_cert_file": certificate, "ssl_key_file": key}

    def conninfo_of(self, port, **parameters):
        known = {"host": _HOST, "hostaddr": "127.0.0.1", "port": port, "user": "postgres",
                 "sslmode": "verify-full", "sslrootcert": self.servers.certificate, **parameters}
        return " ".join(f"{name}={value}" for name, value in known.items())

    def standby_over_tls(self, port, version):
        standby = self.base.cold_copy(
            f"standby-{version}", hot_standby="on",
            primary_conninfo=self.conninfo_of(port, ssl_max_protocol_version=version))
        self.addCleanup(lambda: standby.process and standby.kill())
        return standby.start()

    def test_a_standby_and_pg_receivewal_get_every_byte(self):
        walcast = self.relay(self.primary.conninfo(), **self.options)
        walcast.wait_for_log("started streaming WAL from primary")
        standbys = [self.standby_over_tls(walcast.port, version)
                    for version in ("TLSv1.2", "TLSv1.3")]
        receiver = Receivewal(self.area, self.area.directory("received"),
                              self.primary.segment_size)
        receiver.start(walcast.port, "-d", self.conninfo_of(walcast.port, sslmode="verify-ca"))
        receiver.wait_for_partial()
        write_wal(self.primary, int(os.environ.get("WALCAST_TLS_MEGABYTES", "32")))
        end = parse_lsn(self.primary.flush_lsn())
        last = end - end % self.primary.segment_size - self.primary.segment_size
        wait_until(lambda: last in map(receiver.files.start_of, receiver.files.complete()),
                   "pg_receivewal has all segments but the newest")
        self.assert_same_segments(receiver.files, wal_of(self.primary), receiver.files.complete())
        for standby in standbys:
            standby.wait_for_replay(end)
            self.assertEqual(standby.checksums(), self.primary.checksums())
            standby.stop()

    def drain(self, port, begin, end, **options):
        return Fleet(self.area, port, 3, begin, end, verify=wal_of(self.primary).path, **options)

    def test_walbench_reads_every_byte(self):
        """From walcast, and from PostgreSQL: walbench says nothing that only walcast understands."""
        self.primary.stop()
        self.primary.configure(**self.options)
        self.primary.start()
        walcast = self.relay(self.primary.conninfo(), **self.options)
        begin = parse_lsn(self.primary.sql("SELECT pg_switch_wal(); SELECT pg_current_wal_lsn()")
                          .split()[-1])
        write_wal(self.primary, 4)
        end = parse_lsn(self.primary.flush_lsn())
        for port in (self.primary.port, walcast.port):
            with self.subTest(port=port):
                report = self.drain(port, begin, end, sslmode="require").finish()
                self.assertEqual(report["completed"], 3, report.output)
                self.assertGreaterEqual(report["bytes"], 3 * (end - begin))
                refused = self.drain(port, begin, end, sslmode="verify-full",
                                     sslrootcert=self.servers.certificate).finish()
                self.assertIn("certificate verify failed", refused.output)
                self.assertNotEqual(refused.status, 0)
