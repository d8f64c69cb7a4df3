"""Pages under TLS, on a kernel that plays the one that encrypts: tests/faults/kernel_tls.cc."""

from support.certificates import Authority
from support.faults import FailingFiles, FaultyWalcast
from support.lsn import parse_lsn
from support.receivewal import Receivewal
from support.relay import RelayCase
from support.wait import wait_until
from support.workload import wal_of, write_wal


class KernelTlsTest(RelayCase):

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        certificate, key = Authority(cls.area, "own").issue("server", "/CN=localhost")
        cls.tls = {"ssl": "on", "ssl_cert_file": certificate, "ssl_key_file": key}

    def setUp(self):
        super().setUp()
        self.files = FailingFiles(self.area, f"fault-{self.id()}", kernel_tls=True)
        self.walcast = FaultyWalcast(self.area, self.files, **self.relay_options(**self.tls))
        self.addCleanup(lambda: self.walcast.process.alive() and self.walcast.stop())
        write_wal(self.primary, 8)
        self.primary.sql("SELECT pg_switch_wal()")
        self.end = parse_lsn(self.primary.flush_lsn())
        self.wait_for_spool(self.primary.flush_lsn())
        self.begin = self.spool.begin()
        self.expected = wal_of(self.primary).read(1, self.begin, self.end)

    def receive_all(self, **options):
        client = self.connect(self.walcast.port, tls=True, **options)
        self.assertIsNone(client.start(self.begin, 1))
        self.assertTrue(client.receive_until(self.end).startswith(self.expected))
        client.close()

    def test_every_byte_arrives(self):
        self.receive_all()
        self.walcast.wait_for_log("kernel_tls: a page was sent")
        # A socket that is always full.
        self.receive_all(receive_buffer=4096)
        self.walcast.stop()

    def test_pg_receivewal_gets_every_segment(self):
        receiver = Receivewal(self.area, self.area.directory("received"),
                              self.primary.segment_size)
        write_wal(self.primary, 1)  # a segment that is begun
        receiver.start(self.walcast.port, "-d", "sslmode=require")
        receiver.wait_for_partial()
        write_wal(self.primary, 8)
        end = parse_lsn(self.primary.flush_lsn())
        last = end - end % self.primary.segment_size - self.primary.segment_size
        wait_until(lambda: last in map(receiver.files.start_of, receiver.files.complete()),
                   "pg_receivewal has all segments but the newest")
        self.assert_same_segments(receiver.files, wal_of(self.primary), receiver.files.complete())
        self.walcast.wait_for_log("kernel_tls: a page was sent")

    def test_a_file_that_cannot_be_read_is_told_of_and_ends_no_other_stream(self):
        self.receive_all()  # so that all is proven, and is not read any more
        self.files.fail("send", self.spool.file(1, self.begin + self.spool.segment_size))
        client = self.connect(self.walcast.port, tls=True)
        self.assertIsNone(client.start(self.begin, 1))
        with self.assertRaises((AssertionError, OSError)):
            client.receive_until(self.end)
        self.walcast.wait_for_log("could not read from log segment .*: Input/output error")
        other = self.connect(self.walcast.port, tls=True)
        skipped = 2 * self.spool.segment_size
        self.assertIsNone(other.start(self.begin + skipped, 1))
        self.assertTrue(other.receive_until(self.end).startswith(self.expected[skipped:]))
        self.files.mend()
        self.receive_all()
