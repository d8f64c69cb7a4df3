"""A stranger cannot tell from the time of an answer which names are roles.

The statistic is Mann and Whitney's U as a z: how far the share of pairs in which the try of the role
took longer, ties counting half, is from a half, in standard deviations of what chance makes of it.
Which of the two names is tried next is drawn each time, so that a machine that is busy, and gets
busier, makes no difference between them."""

import base64
import bisect
import gc
import math
import os
import random
import socket
import struct
import threading
import time

from support.case import StoppedCase
from support.protocol import Wire, parse_fields
from support.walcast import Walcast

_TRIES = int(os.environ.get("WALCAST_TIMING_TRIES", "500"))  # of each
_WARM_UP_TRIES = 50
_Z_MAX = 4  # by chance in one measurement of 16,000
_MEASUREMENTS_MAX = 3  # the names are told apart if each of so many says so
_PLANTED_SECONDS = 2e-3

_ROLE, _NOBODY = "role_1", "nosuch"
_VERIFIER = ("SCRAM-SHA-256$4096:r8OePk5kPHGzeRUBpPXo5w==$m3Xm2igVW0YKNrH+9sekPzP593OYH5uStKpzZ6LDGJ"
             "Y=:5jXKaY+87oGyFV6Y1U2gtjZmPizHjtPXmnk42SH+7B0=")
_PROOF = base64.b64encode(b"x" * 32)


def z_of(known, unknown):
    """Mann and Whitney's U, as standard deviations from what equal times would have."""
    ordered = sorted(unknown)
    wins = sum((bisect.bisect_left(ordered, time_) + bisect.bisect_right(ordered, time_)) / 2
               for time_ in known)
    pairs = len(known) * len(unknown)
    return (wins - pairs / 2) / math.sqrt(pairs * (len(known) + len(unknown) + 1) / 12)


def try_wrong_proof(port, user):
    """How long the server takes, from the name to the refusal, in seconds."""
    wire = Wire(port)
    begin = time.perf_counter()
    wire.send_startup(user=user, replication="true")
    wire.receive()
    first = b"n,,n=,r=abcdefgh"
    wire.send("p", b"SCRAM-SHA-256\0" + struct.pack("!I", len(first)) + first)
    challenge = wire.receive().body[4:]
    nonce = challenge[:challenge.index(b",")]
    wire.send("p", b"c=biws," + nonce + b",p=" + _PROOF)
    answer = wire.receive()
    spent = time.perf_counter() - begin
    wire.close()
    refusal = parse_fields(answer.body)
    assert answer.type == "E" and refusal["C"] == "28P01", answer
    return spent


class Proxy:
    """Hands bytes on between clients and a server, one client at a time, and answers those of one
    name late."""

    def __init__(self, port, late_name, delay):
        self._target, self._late_name, self._delay = port, late_name.encode(), delay
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._run, daemon=True).start()

    def close(self):
        self._listener.close()

    def _run(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            with client, socket.create_connection(("127.0.0.1", self._target)) as server:
                for end in (client, server):
                    end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._serve(client, server)

    def _serve(self, client, server):
        is_late = False
        while question := client.recv(4096):
            is_late = is_late or self._late_name in question
            server.sendall(question)
            answer = server.recv(4096)
            if is_late and answer[:1] == b"E":
                until = time.perf_counter() + self._delay
                while time.perf_counter() < until:
                    pass
            client.sendall(answer)


class LoginTimingTest(StoppedCase):

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        rules, users = cls.area.path("hba"), cls.area.path("users")
        cls.area.write_file(rules, "host replication all 127.0.0.1/32 scram-sha-256\n")
        cls.area.write_file(users, f'"{_ROLE}" "{_VERIFIER}" replication\n')
        cls.walcast = Walcast(cls.area, wal_directory=cls.wal.path, hba_file=rules, auth_file=users,
                              state_directory=cls.area.directory("state"),
                              authentication_failure_delay="0")

    def measure(self, port, chance):
        times = {_ROLE: [], _NOBODY: []}
        for _ in range(_WARM_UP_TRIES):
            for name in times:
                try_wrong_proof(port, name)
        gc.disable()
        try:
            while open_names := [name for name in times if len(times[name]) < _TRIES]:
                name = chance.choice(open_names)
                times[name].append(try_wrong_proof(port, name))
        finally:
            gc.enable()
        return z_of(times[_ROLE], times[_NOBODY])

    def are_told_apart(self, what, port):
        seed = int(os.environ.get("WALCAST_TEST_SEED", random.randrange(1 << 32)))
        chance = random.Random(seed)
        found = []
        while len(found) < _MEASUREMENTS_MAX and all(abs(z) > _Z_MAX for z in found):
            found.append(self.measure(port, chance))
        self.figure(f"{what}: z = {', '.join(f'{z:.1f}' for z in found)} (seed {seed})")
        return all(abs(z) > _Z_MAX for z in found)

    def test_a_role_and_a_name_that_is_none_are_refused_alike(self):
        self.assertFalse(self.are_told_apart("directly", self.walcast.port))

    def test_a_planted_difference_is_found_and_not_the_proxy_that_plants_it(self):
        for delay in (0, _PLANTED_SECONDS):
            proxy = Proxy(self.walcast.port, _NOBODY, delay)
            self.addCleanup(proxy.close)
            told = self.are_told_apart(f"{delay * 1e6:.0f} us late", proxy.port)
            self.assertEqual(told, delay > 0)

    def test_the_statistic(self):
        self.assertEqual(z_of([1, 2, 3], [1, 2, 3]), 0)
        self.assertGreater(z_of(list(range(100, 200)), list(range(100))), 10)
        self.assertLess(z_of(list(range(100)), list(range(100, 200))), -10)
        chance = random.Random(1)
        even = [chance.gauss(0, 1) for _ in range(4000)]
        self.assertLess(abs(z_of(even[:2000], even[2000:])), 3)
