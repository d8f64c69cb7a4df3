"""Hosts beside this one, as far as the network goes, and what joins them. All of it needs root, belongs
to the process of the test, and ends with it, however that ends: no name of it is left anywhere."""

import ctypes
import fcntl
import itertools
import os
import select
import struct
import subprocess
import threading
import unittest

_LIBC = ctypes.CDLL(None, use_errno=True)
_CLONE_NEWNET = 0x40000000
_TUNSETIFF = 0x400454CA
_IFF_TUN, _IFF_NO_PI = 0x0001, 0x1000

# Where all networks of this module are.
IPV4_NETWORKS = "10.83.0.0/16"
IPV6_NETWORKS = "fd83::/16"

_numbers = itertools.count(1)  # of networks, so that each has addresses of its own


def _check(status):
    if status != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _this_namespace():
    return os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)


class Host:
    """A network namespace. `with host:` the thread is there, and so is what it starts: sockets,
    processes and threads stay there also when the thread has come back."""

    def __init__(self):
        self._way_back = []
        before = _this_namespace()
        try:
            _check(_LIBC.unshare(_CLONE_NEWNET))
            self._namespace = _this_namespace()
            _check(_LIBC.setns(before, _CLONE_NEWNET))
        finally:
            os.close(before)
        self.configure("link set lo up")

    @staticmethod
    def are_possible():
        """Not without root, nor where there are no devices of user space."""
        try:
            left, right = Host(), Host()
            Cable(left, right).close()
        except (OSError, subprocess.CalledProcessError):
            return False
        left.close()
        right.close()
        return True

    def __enter__(self):
        self._way_back.append(_this_namespace())
        _check(_LIBC.setns(self._namespace, _CLONE_NEWNET))
        return self

    def __exit__(self, *_):
        before = self._way_back.pop()
        _check(_LIBC.setns(before, _CLONE_NEWNET))
        os.close(before)

    @property
    def path(self):
        """Where other programs find the namespace, while this process lives."""
        return f"/proc/{os.getpid()}/fd/{self._namespace}"

    def configure(self, *commands):
        """Each a command of `ip`, without that word."""
        for command in commands:
            self.run("ip", *command.split())

    def run(self, *argv):
        """A program of root's, to its end: what it says."""
        with self:
            return subprocess.run(argv, check=True, capture_output=True, text=True).stdout

    def close(self):
        os.close(self._namespace)


class _Network:
    """Two hosts that reach each other. Each has an address of IPv4 and one of IPv6 there."""

    def __init__(self, left, right):
        number = next(_numbers)
        self.hosts = (left, right)
        self.device = f"walcast{number}"  # the same on both
        self._addresses = {left: (f"10.83.{number}.1", f"fd83:{number}::1"),
                           right: (f"10.83.{number}.2", f"fd83:{number}::2")}

    def address_of(self, host):
        return self._addresses[host][0]

    def ipv6_address_of(self, host):
        return self._addresses[host][1]

    def _bring_up(self, mtu):
        for host, (ipv4, ipv6) in self._addresses.items():
            host.configure(f"address add {ipv4}/24 dev {self.device}",
                           f"address add {ipv6}/64 dev {self.device} nodad",
                           f"link set {self.device} mtu {mtu} up")


class VirtualEthernet(_Network):
    """A pair of veth devices, as between a host and a container on it: one kernel has both ends, and
    hands over what is sent as it is."""

    def __init__(self, left, right, mtu=1500):
        super().__init__(left, right)
        left.configure(f"link add {self.device} type veth"
                       f" peer name {self.device} netns {right.path}")
        self._bring_up(mtu)

    def close(self):
        self.hosts[0].configure(f"link delete {self.device}")


class Cable(_Network):
    """What joins two machines: every packet is taken out of one kernel and given to the other, so that
    neither has the other's memory. It can lose packets, and be mended; nobody is told."""

    def __init__(self, left, right, mtu=1500):
        super().__init__(left, right)
        self._ends = {host: self._open(host) for host in self.hosts}
        self._bytes_max = {host: 1 << 16 for host in self.hosts}  # of a packet on its way to it
        self._stop, self._stopper = os.pipe()
        self._pumps = [threading.Thread(target=self._pump, args=pair, daemon=True)
                       for pair in (self.hosts, self.hosts[::-1])]
        for pump in self._pumps:
            pump.start()
        self._bring_up(mtu)

    def cut(self, to=None):
        """Nothing arrives any more at the host, or at both."""
        self.lose_longer_than(0, to)

    def lose_longer_than(self, size, to=None):
        """Of packets that are longer, none arrives any more, as behind a tunnel that says nothing."""
        for host in self._bytes_max:
            if to in (None, host):
                self._bytes_max[host] = size

    def mend(self):
        self.lose_longer_than(1 << 16)

    def close(self):
        os.close(self._stopper)
        for pump in self._pumps:
            pump.join()
        for end in (self._stop, *self._ends.values()):
            os.close(end)

    def _open(self, host):
        with host:
            end = os.open("/dev/net/tun", os.O_RDWR | os.O_CLOEXEC | os.O_NONBLOCK)
            request = struct.pack("16sH22x", self.device.encode(), _IFF_TUN | _IFF_NO_PI)
            fcntl.ioctl(end, _TUNSETIFF, request)
        return end

    def _pump(self, source, target):
        waiting = select.poll()
        waiting.register(self._ends[source], select.POLLIN)
        waiting.register(self._stop, 0)  # its other end is closed
        while all(end != self._stop for end, _ in waiting.poll()):
            self._pass_on(source, target)

    def _pass_on(self, source, target):
        try:
            while packet := os.read(self._ends[source], 1 << 16):
                if len(packet) <= self._bytes_max[target]:
                    self._deliver(packet, target)
        except BlockingIOError:
            pass  # that was all

    def _deliver(self, packet, target):
        try:
            os.write(self._ends[target], packet)
        except OSError:
            pass  # the device there is down


class HostsMixin:
    """A test class whose servers and own sockets are on a host of its own, `here`, so that others can
    be made beside it."""

    @classmethod
    def setUpClass(cls):
        if not Host.are_possible():
            raise unittest.SkipTest("without root there can be no other hosts")
        cls.here = cls.new_host()
        cls.enterClassContext(cls.here)
        super().setUpClass()

    @classmethod
    def new_host(cls):
        host = Host()
        cls.addClassCleanup(host.close)
        return host

    @classmethod
    def join(cls, kind, left, right):
        network = kind(left, right)
        cls.addClassCleanup(network.close)
        return network

    @staticmethod
    def let_in(cluster):
        """The cluster, which is stopped, listens to other hosts."""
        cluster.configure(listen_addresses="*")
        rules = os.path.join(cluster.data, "pg_hba.conf")
        cluster.area.write_file(rules, "".join(
            f"host {database} all {network} trust\n" for database in ("all", "replication")
            for network in (IPV4_NETWORKS, IPV6_NETWORKS)), mode="a")
