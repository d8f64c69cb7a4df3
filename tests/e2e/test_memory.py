"""Memory after a million errors and after crowds of lost connections: where it was before."""

import os
import struct
import threading
import time

from support.case import E2eCase
from support.crowd import Stage, drop_many
from support.lsn import format_lsn, parse_lsn
from support.memory import Memory, descriptors, sockets
from support.protocol import PROTOCOL_3_0, SSL_REQUEST
from support.wait import wait_until
from support.walcast import Walcast, generate

_COMMANDS = int(os.environ.get("WALCAST_MEMORY_COMMANDS", 1_000_000))
_CONNECTIONS = int(os.environ.get("WALCAST_MEMORY_CONNECTIONS", 5_000))  # per stage and way
_WARM_UP = 500  # of them

_WORKERS = 2
_TREES = _WORKERS + 4  # main, acceptor, wal and scan have one too
_HEAP_SLACK = 400 << 10
_RSS_SLACK_KB = 4 << 10

_IN_FLIGHT = 8 << 20  # more than the sockets' buffers hold

_READY = b"Z\0\0\0\5I"
_COPY_BOTH = b"W\0\0\0\7\0\0\0"


def _packet(message_type, body=b""):
    return message_type + struct.pack("!I", 4 + len(body)) + body


def _query(text):
    return _packet(b"Q", (text if isinstance(text, bytes) else text.encode()) + b"\0")


def _startup():
    body = b"user\0postgres\0database\0replication\0replication\0true\0application_name\0crowd\0\0"
    return struct.pack("!II", 8 + len(body), PROTOCOL_3_0) + body


_SYNC = _packet(b"S")
_LONG = "x" * 70

# Packets, and the types of the messages that answer them.
_BAD = [
    (_query("SELECT 1"), "EZ"),
    (_query("select pg_backup_start('x')"), "EZ"),
    (_query(""), "EZ"),
    (_query("IDENTIFY_SYSTEM; IDENTIFY_SYSTEM"), "EZ"),
    (_query("IDENTIFY_SYSTEM IDENTIFY_SYSTEM"), "EZ"),
    (_query("SHOW"), "EZ"),
    (_query("SHOW no_such_parameter"), "EZ"),
    (_query("SHOW \"wal"), "EZ"),
    (_query("CREATE_REPLICATION_SLOT s PHYSICAL 'x"), "EZ"),
    (_query(f"SHOW {_LONG}"), "NEZ"),
    (_query(f"START_REPLICATION SLOT \"{_LONG}\" 0/1000000"), "NEZ"),
    (_query(b"SHOW \xff\xfe"), "EZ"),
    (_query(b"SELECT '\xc3'"), "EZ"),
    (_query("TIMELINE_HISTORY 77"), "TEZ"),
    (_query("START_REPLICATION PHYSICAL x/y"), "EZ"),
    (_query("START_REPLICATION FFF/0 TIMELINE 1"), "WEZ"),
    (_query("START_REPLICATION 0/1000000 TIMELINE 7"), "EZ"),
    (_query("START_REPLICATION SLOT no_such 0/1000000"), "EZ"),
    (_query("START_REPLICATION SLOT s LOGICAL 0/1000000"), "EZ"),
    (_query("CREATE_REPLICATION_SLOT s LOGICAL pgoutput"), "EZ"),
    (_query("CREATE_REPLICATION_SLOT s PHYSICAL (no_such_option 1)"), "EZ"),
    (_packet(b"Q", b"SHOW wal_segment_size"), "EZ"),
    (_packet(b"Q", b"SHOW wal_segment_size\0x\0"), "EZ"),
    (_packet(b"P", b"\0SELECT 1\0\0\0") + _query("SELECT 1") + _SYNC, "EZ"),
    (_packet(b"B", b"\0\0\0\0\0\0\0\0") + _packet(b"E", b"\0\0\0\0\0") + _SYNC, "EZ"),
    (_packet(b"D", b"S\0") + _packet(b"H") + _SYNC, "EZ"),
    (_packet(b"F", b"\0\0\0\1\0\0\0\0\0\0"), "EZ"),
    (_packet(b"d", b"left over") + _packet(b"c") + _packet(b"f", b"\0") + _query("x"), "EZ"),
]
# These wait for the disk, or are large: a few in a batch will do.
_SLOW = [
    (_query("CREATE_REPLICATION_SLOT mine TEMPORARY PHYSICAL"), "TDCZ"),
    (_query("CREATE_REPLICATION_SLOT mine TEMPORARY PHYSICAL"), "EZ"),  # and the first one goes
    (_query("CREATE_REPLICATION_SLOT other TEMPORARY PHYSICAL RESERVE_WAL"), "TDCZ"),
    (_query("SELECT 1"), "EZ"),
    (_query("CREATE_REPLICATION_SLOT \"No Such Name\" PHYSICAL"), "EZ"),
    (_query("DROP_REPLICATION_SLOT no_such"), "EZ"),
    (_query("DROP_REPLICATION_SLOT no_such WAIT"), "EZ"),
    (_query(f"SHOW \"{'y' * 60_000}\""), "NEZ"),
    (_query("SELECT " + "z" * 60_000), "EZ"),
]
_BATCH = _BAD * 70 + _SLOW


class MemoryCase(E2eCase):

    def setUp(self):
        path = self.area.directory(f"{self.id()}-wal")
        generate(self.area, path, size="12MB", wal_segment_size="1MB", seed=5)
        self.walcast = Walcast.of_directory(
            self.area, path, workers=_WORKERS,
            state_directory=self.area.directory(f"{self.id()}-state"))
        self.addCleanup(self.walcast.stop)

    def memory(self):
        return Memory.of(self.walcast, _TREES)

    def assert_same_memory(self, before, after):
        self.figure(f"before: {before}")
        self.figure(f"after:  {after}")
        self.assertEqual(after.contexts, before.contexts)
        if before.allocated is not None:
            self.assertLess(after.allocated - before.allocated, _HEAP_SLACK)
            self.assertLess(after.active - before.active, _RSS_SLACK_KB << 10)
        self.assertLess(after.beside_heap_kb - before.beside_heap_kb, _RSS_SLACK_KB)


class MillionErrorsTest(MemoryCase):

    def test_a_million_bad_commands_on_one_session(self):
        client = self.connect(self.walcast.port, client_encoding="UTF8")
        packets = b"".join(packet for packet, _ in _BATCH)
        client.send_raw(packets)
        answers = self.check_answers(client)
        self.repeat(client, packets, answers, 20_000 // len(_BATCH))
        client.identify()
        before = self.memory()
        batches = -(-_COMMANDS // len(_BATCH))
        begun = time.monotonic()
        self.repeat(client, packets, answers, batches)
        seconds = time.monotonic() - begun
        client.identify()
        self.figure(f"{batches * len(_BATCH)} bad commands in {seconds:.0f} s")
        self.assert_same_memory(before, self.memory())

    def check_answers(self, client):
        """The answers to one batch, command by command, and then as the bytes that they were."""
        answers = b""
        for packet, types in _BATCH:
            messages = [client.receive() for _ in types]
            self.assertEqual("".join(m.type if m else "-" for m in messages), types, packet[:80])
            answers += b"".join(_packet(m.type.encode(), m.body) for m in messages)
        return answers

    def repeat(self, client, packets, answers, batches):
        """Sends batches in one stream; each must be answered as the first one was."""
        sender = threading.Thread(
            target=lambda: [client.send_raw(packets) for _ in range(batches)])
        sender.start()
        for _ in range(batches):
            if client.receive_bytes(len(answers)) != answers:
                client.close()
                self.fail("a batch was answered in another way than the first one")
        sender.join()


class LostConnectionsTest(MemoryCase):

    def stages(self, end):
        startup, identify = (_startup(), _READY), (_query("IDENTIFY_SYSTEM"), _READY)

        def start(lsn):
            return _query(f"START_REPLICATION {format_lsn(lsn)} TIMELINE 1"), _COPY_BOTH

        return [
            Stage("connected"),
            Stage("after 3 bytes", ((startup[0][:3], b""),)),
            Stage("after SSLRequest", ((struct.pack("!II", 8, SSL_REQUEST), b"N"),)),
            Stage("half a start-up packet", ((startup[0][:len(startup[0]) // 2], b""),)),
            Stage("start-up packet, nothing read", ((startup[0], b""),)),
            Stage("ready", (startup,)),
            Stage("half a command", (startup, (identify[0][:9], b""))),
            Stage("after a command", (startup, identify)),
            Stage("idle stream", (startup, start(end))),
            Stage("stream that is blocked", (startup, start(end - _IN_FLIGHT))),
        ]

    def drop_all(self, stages, count):
        """Returns the seconds that each stage took, either way."""
        seconds = {}
        for stage in stages:
            for way in ("FIN", "RST"):
                begun = time.monotonic()
                drop_many(self.walcast.port, stage, count, reset=way == "RST")
                self.await_no_sessions(stage.name)
                seconds[stage.name, way] = time.monotonic() - begun
        return seconds

    def await_no_sessions(self, what):
        """Once a newcomer is ready, all clients that came before it have been accepted."""
        self.connect(self.walcast.port).close()
        process = self.walcast.process
        wait_until(lambda: len(sockets(process)) == self.listening,
                   lambda: f"{what}: {len(sockets(process))} sockets, not {self.listening}")
        wait_until(lambda: self.memory().count("Session") == 0, f"{what}: no session left")

    def test_connections_lost_at_every_stage(self):
        process = self.walcast.process
        self.listening = len(sockets(process))
        client = self.connect(self.walcast.port)
        end = parse_lsn(client.identify()[2])
        client.start(end - _IN_FLIGHT, 1)
        client.receive_until(end)  # so that every segment that a stream may come to is open
        client.close()
        stages = self.stages(end)
        self.drop_all(stages, _WARM_UP)
        before, opened = self.memory(), descriptors(process)
        seconds = self.drop_all(stages, _CONNECTIONS)
        after = self.memory()
        for (name, way), spent in seconds.items():
            self.figure(f"{_CONNECTIONS} times {name}, {way}: {spent:.1f} s")
        self.figure(f"descriptors before: {len(opened)}, after: {len(descriptors(process))}")
        self.assert_same_memory(before, after)
        self.assertEqual(descriptors(process), opened)
        self.assertEqual(self.connect(self.walcast.port).identify()[1], 1)
