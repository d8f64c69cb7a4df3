"""An attached walcast and standbys on other hosts, to whom it sends pages of the primary's own files.
Every byte that arrives is compared with the primary's archive."""

import os
import signal
import time
import unittest

from support.attach import MB, AttachCase, Reader
from support.netns import (IPV4_NETWORKS, IPV6_NETWORKS, Cable, Host, HostsMixin, VirtualEthernet)
from support.receivewal import Receivewal
from support.replication import Closed
from support.trace import TracedWalcast
from support.wait import wait_until
from support.walcast import Walcast

CUT_SECONDS = float(os.environ.get("WALCAST_CUT_SECONDS", 3))


class OtherHostsCase(HostsMixin, AttachCase):
    """The primary, walcast and the test are on one host, `here`."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.primary.stop()
        cls.let_in(cls.primary)
        cls.primary.start()
        cls.rules = cls.area.path("hba.conf")
        cls.area.write_file(cls.rules, "".join(
            f"host replication all {network} trust\n"
            for network in ("127.0.0.1/32", "::1/128", IPV4_NETWORKS, IPV6_NETWORKS)))

    def setUp(self):
        super().setUp()
        self.readers = []

    def attach(self, kind=Walcast, host=None, **options):
        """One that holds its primary's files already, so that pages of whatever comes may be sent."""
        with host or self.here:
            walcast = super().attach(kind, **{"listen_addresses": "0.0.0.0,::",
                                              "hba_file": self.rules,
                                              "wal_sender_timeout": "10min",  # readers are slow
                                              **options})
        self.addCleanup(walcast.process.kill)
        self.write(megabytes=1)
        wait_until(lambda: self.slot_lsn() >= self.end(), "the slot follows")
        return walcast

    def reader(self, walcast, host, address, **options):
        """One that begins with the segment that is written now, and has read the begin of it."""
        begin = self.end() // MB * MB
        with host:
            reader = Reader(walcast.port, begin, host=address, **options)
        self.addCleanup(reader.client.close)
        self.readers.append(reader)
        reader.read_to(self.end())
        self.assertIsNone(reader.end)
        return reader

    def overwrite(self):
        """All that is there now is recycled, if nothing holds it, and written over."""
        for _ in range(3):
            self.write(megabytes=8)

    def read_on(self):
        """What comes until the end of WAL, or of their streams; every byte is compared."""
        end = self.end()
        for reader in self.readers:
            reader.read_to(end)
        expected = self.archived(min(reader.begin for reader in self.readers), end)
        for reader in self.readers:
            first = reader.begin - min(reader.begin for reader in self.readers)
            read = reader.wal[:len(expected) - first]
            self.assertTrue(read == expected[first:first + len(read)], "other bytes arrive")
        return end

    def read_to_the_lost_wal(self):
        self.read_on()
        for reader in self.readers:
            self.assertIsNotNone(reader.end, "the WAL that it was to read was overwritten")

    def assert_received(self, receiver, end):
        """pg_receivewal gets all whole segments before the end, and they are the archive's."""
        files = receiver.files
        wait_until(lambda: files.name(1, end - MB) in files.complete(), "pg_receivewal has it all")
        names = [name for name in files.complete() if files.start_of(name) + MB <= end]
        self.assert_same_segments(files, self.archive, names)

    def read_all(self):
        end = self.read_on()
        for reader in self.readers:
            self.assertIsNone(reader.end)
        return end


class AwayTest(OtherHostsCase):
    """Another host at the other end of a cable."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.other = cls.new_host()
        cls.cable = cls.join(Cable, cls.here, cls.other)
        cls.address = cls.cable.address_of(cls.here)

    def setUp(self):
        super().setUp()
        self.addCleanup(self.cable.mend)

    def slow_readers(self, walcast):
        """Three of them have pages in the sockets: what they have read is little."""
        for address in (self.address, self.cable.ipv6_address_of(self.here), self.address):
            self.reader(walcast, self.other, address)
        self.write(megabytes=12)
        for number, reader in enumerate(self.readers):
            reader.read(MB * (number + 1))

    def test_what_slow_standbys_there_need_is_not_recycled(self):
        self.primary.stop()
        standby = self.primary.cold_copy("standby")
        self.primary.start()
        walcast = self.attach()
        standby.configure(primary_conninfo=f"host={self.address} port={walcast.port} user=postgres")
        receiver = Receivewal(self.area, self.area.directory("received"), MB, self.address)
        with self.other:
            standby.start()
            receiver.start(walcast.port)
        self.addCleanup(standby.kill)
        self.slow_readers(walcast)
        self.reader(walcast, self.here, "127.0.0.1")
        for _ in range(6):
            self.write(megabytes=4)
            for number, reader in enumerate(self.readers):
                reader.read(MB * (number + 1))
        end = self.read_all()
        with self.other:
            standby.wait_for_replay(end)
            there = standby.checksums()
        self.assertEqual(there, self.primary.checksums())
        self.assert_received(receiver, end)
        wait_until(lambda: self.slot_lsn() >= end, "the slot follows")
        walcast.stop()

    def test_without_the_slot_their_streams_end_and_no_byte_is_wrong(self):
        walcast = self.attach()
        self.slow_readers(walcast)
        self.drop_slot()
        self.overwrite()
        self.read_to_the_lost_wal()
        walcast.stop()

    def test_an_invalidated_slot_ends_them_too(self):
        self.addCleanup(self.limit_slots, "-1")
        self.addCleanup(self.drop_slot)
        walcast = self.attach()
        self.slow_readers(walcast)
        self.limit_slots("4MB")
        wait_until(lambda: self.write(megabytes=4) or self.primary.sql(
            "SELECT wal_status = 'lost' FROM pg_replication_slots") == "t", "the slot is lost")
        self.overwrite()
        self.read_to_the_lost_wal()
        walcast.stop()

    def test_a_primary_that_is_killed_takes_no_byte_with_it(self):
        walcast = self.attach()
        self.slow_readers(walcast)
        self.primary.crash()
        self.primary.start()
        wait_until(lambda: self.primary.sql("SELECT active FROM pg_replication_slots") == "t",
                   "it is found again")
        self.overwrite()
        self.read_on()
        self.readers.clear()
        self.reader(walcast, self.other, self.address)
        self.write(megabytes=2)
        self.read_all()
        walcast.stop()

    def test_a_walcast_that_is_killed_leaves_no_page_on_its_way(self):
        """What it had in its sockets the kernel would send on, and no slot holds it any more."""
        walcast = self.attach()
        self.slow_readers(walcast)
        walcast.process.kill()
        self.attach()
        self.overwrite()
        self.read_on()
        for reader in self.readers:
            self.assertIsInstance(reader.end, Closed)

    def test_a_line_that_is_cut_for_a_while_brings_the_same_bytes(self):
        walcast = self.attach()
        self.slow_readers(walcast)
        for host in (self.other, self.here, None):
            self.cable.cut(host)
            began = time.monotonic()
            self.write(megabytes=4)
            wait_until(lambda: time.monotonic() - began > CUT_SECONDS, "the cut", CUT_SECONDS + 60)
            self.cable.mend()
            for reader in self.readers:
                reader.read(2 * MB)
        self.read_all()
        walcast.stop()

    def test_who_is_gone_without_a_word_holds_nothing_for_long(self):
        walcast = self.attach(wal_sender_timeout="2s")
        self.slow_readers(walcast)
        self.cable.cut()
        wait_until(lambda: self.slot_lsn() >= self.end(), "the slot follows")
        self.assertEqual(walcast.process.count_in_log("due to replication timeout"), 3)
        self.overwrite()
        self.cable.mend()
        self.read_on()
        for reader in self.readers:
            self.assertIsInstance(reader.end, Closed)
        walcast.stop()

    def test_whoever_is_stopped_goes_on_with_the_same_bytes(self):
        walcast = self.attach()
        receiver = Receivewal(self.area, self.area.directory("stopped"), MB, self.address)
        with self.other:
            receiver.start(walcast.port)
        receiver.wait_for_partial()
        self.slow_readers(walcast)
        walsender = self.primary.sql("SELECT active_pid FROM pg_replication_slots")
        for pid in (receiver.process.pid, walcast.process.pid, int(walsender)):
            os.kill(pid, signal.SIGSTOP)
            self.overwrite()
            os.kill(pid, signal.SIGCONT)
        end = self.read_all()
        self.assert_received(receiver, end)
        walcast.stop()


class NearTest(OtherHostsCase):
    """Hosts that share the kernel with the primary's, though none of its addresses: containers."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.container = cls.new_host()
        cls.network = cls.join(VirtualEthernet, cls.here, cls.container)
        cls.other = cls.new_host()
        cls.cable = cls.join(Cable, cls.here, cls.other)

    def test_what_a_container_has_in_its_queue_is_not_overwritten(self):
        walcast = self.attach()
        reader = self.reader(walcast, self.container, self.network.address_of(self.here),
                             receive_buffer=8 * MB)
        self.write(megabytes=8)  # into its queue, and TCP has acknowledged that
        self.drop_slot()
        self.overwrite()
        self.read_on()
        self.assertIsNotNone(reader.end)
        walcast.stop()

    def test_pages_go_to_other_hosts_and_to_no_other_address(self):
        if not TracedWalcast.is_possible(self.area):
            raise unittest.SkipTest("no process may be traced here, or strace is missing")
        walcast = self.attach(TracedWalcast)
        self.here.configure(f"address add 10.83.250.1/24 dev {self.cable.device}")  # just now
        masked = self.behind_a_router()
        for host, address, are_pages in (
                (self.other, self.cable.address_of(self.here), True),
                (self.other, self.cable.ipv6_address_of(self.here), True),
                (self.here, "127.0.0.1", False),
                (self.here, "::1", False),
                (self.here, self.cable.address_of(self.here), False),
                (self.here, self.cable.ipv6_address_of(self.here), False),
                (self.here, "10.83.250.1", False),
                (self.container, self.network.address_of(self.here), False),
                (self.container, self.network.ipv6_address_of(self.here), False),
                (masked, self.network.address_of(self.here), False)):
            with self.subTest(address=address, of=self.name(host)):
                self.assertEqual(self.pages_sent(walcast, host, address) > 0, are_pages)
        walcast.stop()

    def name(self, host):
        return {self.here: "here", self.other: "other", self.container: "container"}.get(
            host, "masked")

    def behind_a_router(self):
        """A host beyond the container, whose address the container puts in the place of its own."""
        masked = self.new_host()
        inner = self.join(VirtualEthernet, self.container, masked)
        masked.configure(f"route add default via {inner.address_of(self.container)}")
        self.container.run("sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward")
        self.container.run("nft", "add table ip nat; add chain ip nat out { type nat hook"
                           " postrouting priority 100; }; add rule ip nat out masquerade")
        return masked

    def pages_sent(self, walcast, host, address):
        """How often pages were sent to a reader there that reads two segments."""
        reader = self.reader(walcast, host, address)
        began = time.time()
        self.write(megabytes=2)
        self.readers = [reader]
        self.read_all()
        ended = time.time()
        reader.client.close()
        self.write(megabytes=1)  # for the last call that strace writes down
        return walcast.calls(began, ended).of("sendfile")


class SidecarTest(OtherHostsCase):
    """walcast in a container of its own, with the primary's files, and a network to the primary."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.container, cls.other = cls.new_host(), cls.new_host()
        cls.cable = cls.join(Cable, cls.here, cls.container)
        cls.outer = cls.join(Cable, cls.container, cls.other)

    def test_a_primary_that_falls_silent_may_overwrite_what_it_likes(self):
        conninfo = f"host={self.cable.address_of(self.here)} port={self.primary.port} user=postgres"
        walcast = self.attach(host=self.container, primary_conninfo=conninfo)
        walcast.wait_for_log("the primary is reached over a network")
        self.reader(walcast, self.other, self.outer.address_of(self.container))
        self.write(megabytes=12)
        self.readers[0].read(MB)
        self.cable.cut()  # walcast hears nothing of what follows
        self.drop_slot()
        self.overwrite()
        self.read_on()
        self.assertIsNotNone(self.readers[0].end)
        self.cable.mend()
        self.create_slot()
