"""Slots of a server that is killed again and again, while a client creates, moves and drops them."""

import os
import random
import signal
import threading

from support.case import StoppedCase
from support.lsn import format_lsn, parse_lsn
from support.replication import CopyDone, Keepalive
from support.wait import wait_until
from support.walcast import Walcast

STEPS = int(os.environ.get("WALCAST_SLOT_STEPS", 10000))
SAVE_SECONDS_MAX = 30  # positions are saved every ten


class Died(Exception):
    """The server has, in the middle of a step."""


class Slot:
    """What is known of one slot: `exists` is None while a step that changes it is under way."""

    def __init__(self):
        self.exists = False
        self.confirmed = 0     # the newest position that the server has taken
        self.in_flight = None  # one that it was told, and has not said that it has taken
        self.durable = 0       # the oldest that may be on disk


class Ledger:
    """Every slot, by what the server has confirmed."""

    def __init__(self, names):
        self.slots = {name: Slot() for name in names}

    def check(self, test, found, clean):
        """`found` is what a server says that has just started, after a clean end or a crash."""
        for name, slot in self.slots.items():
            position = found[name]
            if slot.exists is not None:
                test.assertEqual(position is not None, slot.exists, name)
            slot.exists = position is not None
            if position is None:
                continue
            if clean:
                test.assertEqual(position, slot.confirmed, name)
            newest = slot.confirmed if slot.in_flight is None else slot.in_flight
            test.assertLessEqual(position, newest, f"{name}: {position:X} was never confirmed")
            test.assertGreaterEqual(position, slot.durable, f"{name} has lost what was on disk")
            slot.durable = slot.confirmed = position
            slot.in_flight = None


class SlotClient:
    """Takes the steps, and tells the ledger before and after each."""

    def __init__(self, client, ledger, end):
        self.client, self.ledger, self.end = client, ledger, end

    def query(self, text):
        answer = self.client.query(text)
        if answer.closed:
            raise Died
        assert answer.error is None, f"{text}: {answer.error}"
        return answer

    def read(self, name):
        """restart_lsn, 0 if there is none; None if there is no such slot."""
        kind, restart_lsn, _ = self.query(f"READ_REPLICATION_SLOT {name}").rows[0]
        if kind is None:
            return None
        return parse_lsn(restart_lsn.decode()) if restart_lsn is not None else 0

    def step(self, name):
        slot = self.ledger.slots[name]
        if not slot.exists:
            self.create(name, slot)
        elif random.random() < 0.3:
            self.drop(name, slot)
        else:
            self.advance(name, slot)

    def create(self, name, slot):
        slot.exists = None
        slot.confirmed = slot.durable = 0
        self.query(f"CREATE_REPLICATION_SLOT {name} PHYSICAL")
        slot.exists = True

    def drop(self, name, slot):
        slot.exists = None
        self.query(f"DROP_REPLICATION_SLOT {name}")
        slot.exists = False

    def advance(self, name, slot):
        client = self.client
        client.send("Q", f"START_REPLICATION SLOT {name} {format_lsn(self.end)}\0".encode())
        self.expect(client.receive())
        client.position = self.end
        slot.in_flight = max(slot.confirmed, 1 << 20) + random.randrange(1, 100)
        client.send_status(flush=slot.in_flight, reply=True)
        event = client.next_event()
        if not isinstance(event, Keepalive):
            raise Died
        slot.confirmed, slot.in_flight = slot.in_flight, None
        client.send("c")
        if not isinstance(client.next_event(), CopyDone) or client.result().closed:
            raise Died

    @staticmethod
    def expect(message):
        if message is None:
            raise Died
        assert message.type == "W", message


class SlotTortureTest(StoppedCase):
    NAMES = [f"slot_{i}" for i in range(6)]

    def setUp(self):
        self.seed = int(os.environ.get("WALCAST_TEST_SEED", random.randrange(1 << 32)))
        random.seed(self.seed)
        self.state = self.area.directory(f"state-{self.id()}")

    def serve_slots(self):
        walcast = Walcast.of_directory(self.area, self.wal.path, state_directory=self.state)
        client = self.connect(walcast.port)
        return walcast, client

    def live(self, ledger, clean, steps_left):
        """One life of a server: the steps taken in it, and whether it ended cleanly."""
        walcast, client = self.serve_slots()
        slots = SlotClient(client, ledger, parse_lsn(client.identify()[2]))
        ledger.check(self, {name: slots.read(name) for name in self.NAMES}, clean)
        killer = threading.Timer(random.uniform(0.01, 0.5), walcast.process.send_signal,
                                 [signal.SIGKILL])
        steps = 0
        killer.start()
        ends_cleanly_after = random.randrange(200) if random.random() < 0.2 else steps_left
        try:
            while steps < ends_cleanly_after:
                slots.step(random.choice(self.NAMES))
                steps += 1
        except (Died, ConnectionError, AssertionError) as error:
            if isinstance(error, AssertionError) and "connection closed" not in str(error):
                raise
        finally:
            killer.cancel()
            killer.join()
            client.close()
        return steps, walcast.process.stop(signal.SIGTERM) == 0

    def test_what_was_confirmed_survives_kill_9(self):
        ledger = Ledger(self.NAMES)
        steps = lives = kills = 0
        clean = True
        try:
            while steps < STEPS:
                taken, clean = self.live(ledger, clean, STEPS - steps)
                steps, lives, kills = steps + taken, lives + 1, kills + (not clean)
        except BaseException:
            print(f"to repeat: WALCAST_TEST_SEED={self.seed}", flush=True)
            raise
        self.live(ledger, clean, 0)
        self.figure(f"{steps} steps in {lives} lives, of which kill -9 ended {kills}")

    def test_positions_are_saved_while_the_server_runs(self):
        ledger = Ledger(self.NAMES)
        walcast, client = self.serve_slots()
        slots = SlotClient(client, ledger, parse_lsn(client.identify()[2]))
        name, slot = next(iter(ledger.slots.items()))
        slots.create(name, slot)
        path = os.path.join(self.state, "pg_replslot", f"{name}.slot")
        before = os.stat(path).st_ino
        slots.advance(name, slot)
        wait_until(lambda: os.stat(path).st_ino != before, f"{path} is not written again",
                   SAVE_SECONDS_MAX)
        walcast.process.kill()
        walcast, client = self.serve_slots()
        self.assertEqual(SlotClient(client, ledger, 0).read(name), slot.confirmed)
        walcast.stop()
