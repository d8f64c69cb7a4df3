"""A tap on the one connection from a relay to its primary: passes every byte on, and times the
commits whose stamps it finds in the WAL. At SIGTERM it prints what it has seen, as JSON: how long
after they were due commits have arrived here, by the kernel's receive time, and how long after it
they were sent on. Over loopback what is sent on has arrived when the send returns.

    python3 -B perf/tap.py PRIMARY_PORT LABEL
"""

import json
import re
import selectors
import signal
import socket
import struct
import sys
import time

_SO_TIMESTAMPNS = 35
_READ_BYTES = 1 << 20


class Stamps:
    """Those of a label, in bytes that come in pieces."""

    def __init__(self, label):
        self._pattern = re.compile(re.escape(label).encode() + rb"@([0-9a-f]{16})")
        self._bytes = len(label) + 17
        self._held = b""

    def find(self, piece):
        """The times of those that end in this piece, in nanoseconds since the epoch."""
        text = self._held + piece
        found = list(self._pattern.finditer(text))
        begin = max(found[-1].end() if found else 0, len(text) - self._bytes + 1, 0)
        self._held = text[begin:]
        return [int(stamp[1], 16) for stamp in found]


class Means:
    """How long after they were due commits have arrived here, and left."""

    def __init__(self):
        self._count = self._arrived_ns = self._left_ns = 0

    def add(self, due, arrived, left):
        self._count += 1
        self._arrived_ns += arrived - due
        self._left_ns += left - due

    def as_json(self):
        count = max(self._count, 1)
        return json.dumps({"count": self._count, "arrived_us": self._arrived_ns / count / 1e3,
                           "left_us": self._left_ns / count / 1e3})


def receive(sock):
    """What has come, and when the kernel had the last byte of it."""
    data, extra, _, _ = sock.recvmsg(_READ_BYTES, socket.CMSG_SPACE(16))
    for level, kind, value in extra:
        if (level, kind) == (socket.SOL_SOCKET, _SO_TIMESTAMPNS):
            seconds, nanos = struct.unpack("qq", value)
            return data, seconds * 1_000_000_000 + nanos
    return data, time.time_ns()


def pass_on(primary, relay, stamps, means):
    """Until one of them closes."""
    with selectors.DefaultSelector() as selector:
        selector.register(primary, selectors.EVENT_READ)
        selector.register(relay, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                data, arrived = receive(key.fileobj)
                if not data:
                    return
                if key.fileobj is relay:
                    primary.sendall(data)
                    continue
                left = time.time_ns()
                relay.sendall(data)
                for due in stamps.find(data):
                    means.add(due, arrived, left)


def no_delay(sock):
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def main():
    primary_port, label = sys.argv[1:]
    means = Means()

    def stop(*_):
        print(means.as_json(), flush=True)
        sys.exit(0)

    signal.signal(signal.SIGTERM, stop)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        print(f"tap: ready on {listener.getsockname()[1]}", flush=True)
        while True:
            with no_delay(listener.accept()[0]) as relay, \
                    no_delay(socket.create_connection(("127.0.0.1", int(primary_port)))) as primary:
                primary.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
                pass_on(primary, relay, Stamps(label), means)


if __name__ == "__main__":
    main()
