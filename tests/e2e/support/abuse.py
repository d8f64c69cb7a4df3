"""Clients that mean no good, in lots: each kind from a process of its own, until it is told to go."""

import errno
import multiprocessing
import selectors
import socket
import time

from support.protocol import SSL_REQUEST, startup_packet

_IP_BIND_ADDRESS_NO_PORT = 24
_NEW_IN_A_TURN = 50
_TURN = 0.02       # seconds
_SLOW_BYTE = 1.0   # seconds between two bytes of a slow client
_ADDRESSES = 200   # of which the clients of one kind come


class _Client:
    """One connection of a kind; what it does when something happens."""

    reads = True
    buffer_bytes = 0  # what the kernel takes for it; 0: as much as it likes

    def __init__(self, connection):
        self.connection = connection
        self.stands = False  # it does what it has come for

    def on_connected(self):
        self.stands = True

    def on_data(self, data):
        pass

    def on_turn(self, now):
        pass


class _HalfOpen(_Client):
    """Connects, and says nothing."""


class _SlowLoris(_Client):
    """Says who it is, a byte a second."""

    def on_connected(self):
        self._rest = startup_packet(user="reader", database="replication", replication="true",
                                    application_name="x" * 400)
        self._due = 0.0
        self.stands = True

    def on_turn(self, now):
        if now < self._due or not self._rest:
            return
        self._due = now + _SLOW_BYTE
        self.connection.send(self._rest[:1])
        self._rest = self._rest[1:]


class _NeverRead(_Client):
    """Logs in, then asks and asks, and reads no answer."""

    buffer_bytes = 4096
    _ASK = b"Q" + (4 + len(b"SHOW ALL\0")).to_bytes(4, "big") + b"SHOW ALL\0"

    def on_connected(self):
        self._answer = b""
        self.connection.send(startup_packet(user="reader", database="replication",
                                            replication="true"))

    def on_data(self, data):
        self._answer += data
        if b"Z\0\0\0\5I" in self._answer:
            self.stands, self.reads = True, False

    def on_turn(self, now):
        if self.stands:
            self.connection.send(self._ASK * 20)


class _Guesser(_Client):
    """Gives a wrong password, for ever."""

    def on_connected(self):
        self.stands = True
        self.connection.send(startup_packet(user="victim", database="replication",
                                            replication="true"))

    def on_data(self, data):
        if data[:1] == b"R":
            self.connection.send(b"p" + (4 + len(b"guess\0")).to_bytes(4, "big") + b"guess\0")


class _TlsStopper(_Client):
    """Asks for TLS, and stops with the first byte of its handshake."""

    def on_connected(self):
        self.connection.send((8).to_bytes(4, "big") + SSL_REQUEST.to_bytes(4, "big"))

    def on_data(self, data):
        if data == b"S":
            self.connection.send(b"\x16")
            self.stands = True


KINDS = {"half-open": _HalfOpen, "slow-loris": _SlowLoris, "never-read": _NeverRead,
         "guesser": _Guesser, "tls-stopper": _TlsStopper}


class Attack:
    """`count` clients of one kind, each of which comes back when it is sent away. They come from
    addresses of a network that is the kind's own."""

    def __init__(self, kind, port, count):
        context = multiprocessing.get_context("fork")
        self.kind, self.count = kind, count
        self._standing = context.Value("q", 0)
        self._comings = context.Value("q", 0)
        self._ends = context.Event()
        self._process = context.Process(
            target=_attack, args=(KINDS[kind], list(KINDS).index(kind) + 1, port, count,
                                  self._standing, self._comings, self._ends), daemon=True)
        self._process.start()

    @property
    def standing(self):
        """How many do what they have come for."""
        return self._standing.value

    @property
    def comings(self):
        """How many connections there were so far."""
        return self._comings.value

    def stop(self):
        self._ends.set()
        self._process.join(30)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()


class _Lot:
    def __init__(self, kind, network, port, comings):
        self._kind, self._network, self._port = kind, network, port
        self._comings = comings
        self._number = 0
        self._selector = selectors.DefaultSelector()
        self.clients = set()

    def come(self):
        self._number += 1
        connection = socket.socket()
        connection.setblocking(False)
        connection.setsockopt(socket.SOL_IP, _IP_BIND_ADDRESS_NO_PORT, 1)
        if self._kind.buffer_bytes:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF,
                                  self._kind.buffer_bytes)
        connection.bind((f"127.{self._network}.0.{self._number % _ADDRESSES + 1}", 0))
        connection.connect_ex(("127.0.0.1", self._port))
        client = self._kind(connection)
        client.connected = False
        self.clients.add(client)
        self._selector.register(connection, selectors.EVENT_WRITE, client)
        with self._comings.get_lock():
            self._comings.value += 1

    def turn(self):
        for key, _ in self._selector.select(_TURN):
            self._guarded(key.data, self._on_event)
        now = time.monotonic()
        for client in list(self.clients):
            if client.connected:
                self._guarded(client, lambda one: one.on_turn(now))

    def _guarded(self, client, act):
        try:
            act(client)
        except BlockingIOError:
            pass
        except OSError as error:
            if error.errno == errno.EAGAIN:
                return
            self._drop(client)

    def _on_event(self, client):
        if not client.connected:
            failed = client.connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if failed:
                raise OSError(failed, "connect")
            client.connected = True
            self._selector.modify(client.connection, selectors.EVENT_READ, client)
            client.on_connected()
            return
        data = client.connection.recv(65536)
        if not data:
            return self._drop(client)
        client.on_data(data)
        if not client.reads:
            self._selector.unregister(client.connection)

    def _drop(self, client):
        if client not in self.clients:
            return
        self.clients.discard(client)
        try:
            self._selector.unregister(client.connection)
        except KeyError:
            pass
        client.connection.close()

    def close(self):
        for client in list(self.clients):
            self._drop(client)


def _attack(kind, network, port, count, standing, comings, ends):
    lot = _Lot(kind, network, port, comings)
    while not ends.is_set():
        for _ in range(min(_NEW_IN_A_TURN, count - len(lot.clients))):
            lot.come()
        lot.turn()
        standing.value = sum(client.stands for client in lot.clients)
    lot.close()
