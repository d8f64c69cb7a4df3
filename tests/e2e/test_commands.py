"""Commands outside a stream: walcast's answers beside those of a real walsender."""

import re
import struct

from support.case import WalcastCase
from support.lsn import format_lsn
from support.protocol import parse_fields, parse_row
from support.replication import ReplicationClient
from support.wal import waldump

_SIMPLE = {
    "identify": "IDENTIFY_SYSTEM",
    "identify with semicolon and blanks": " \t\nIDENTIFY_SYSTEM ; ",
    "show segment size": "SHOW wal_segment_size",
    "show directory mode": "SHOW data_directory_mode",
    "show in other case": "SHOW WAL_SEGMENT_SIZE",
    "show quoted": 'SHOW "wal_segment_size"',
    "show unknown": "SHOW no_such_parameter",
    "history of the first timeline": "TIMELINE_HISTORY 1",
    "history of an unknown timeline": "TIMELINE_HISTORY 77",
    "history of timeline 0": "TIMELINE_HISTORY 0",
    "history without a timeline": "TIMELINE_HISTORY",
    "SQL": "SELECT 1",
    "lower case is SQL": "identify_system",
    "empty": "",
    "only a semicolon": ";",
    "comment": "-- nothing",
    "two commands": "IDENTIFY_SYSTEM; IDENTIFY_SYSTEM",
    "unterminated quote": "SHOW \"wal",
    "start on timeline 0": "START_REPLICATION 0/1000000 TIMELINE 0",
    "start without a position": "START_REPLICATION",
    "start at no position": "START_REPLICATION PHYSICAL x/y",
    "start on an unknown timeline": "START_REPLICATION 0/1000000 TIMELINE 7",
    "start on an unknown slot": "START_REPLICATION SLOT \"no_such\" 0/1000000 TIMELINE 1",
    "start far beyond the end": "START_REPLICATION FFF/0 TIMELINE 1",
}


def _packet(message_type, body=b""):
    return message_type.encode() + struct.pack("!I", 4 + len(body)) + body


def _query(text):
    return _packet("Q", text.encode() + b"\0")


_QUERY = _query("SHOW wal_segment_size")

_RAW = {
    "pipelined queries": _QUERY + _QUERY,
    "query without its end": _packet("Q", b"SHOW wal_segment_size"),
    "query with more behind it": _packet("Q", b"SHOW wal_segment_size\0x\0"),
    "parse, then a query that is skipped, then sync":
        _packet("P", b"\0SELECT 1\0\0\0") + _QUERY + _packet("S"),
    "bind": _packet("B", b"\0\0\0\0\0\0\0\0") + _packet("S"),
    "describe": _packet("D", b"S\0") + _packet("S"),
    "execute": _packet("E", b"\0\0\0\0\0") + _packet("S"),
    "function call": _packet("F", b"\0\0\0\1\0\0\0\0\0\0"),
    "flush, then sync": _packet("H") + _packet("S"),
    "left-overs of a copy, then a query": _packet("d", b"x") + _packet("c") + _packet("f", b"\0")
        + _QUERY,
}

_FATAL = {
    "password out of turn": _packet("p", b"secret\0"),
    "no such message": _packet("Z", b"I"),
    "zero byte": b"\0\0\0\0\4",
    "length below its own": b"Q\0\0\0\3",
    "length beyond reason": b"Q\x7f\xff\xff\xff",
    "terminate": _packet("X"),
}

_LOCATION = set("FLR")  # source file, line and function of an error: PostgreSQL's own


def _comparable(answer):
    """An answer without what belongs to one server or one moment."""
    seen = []
    for message in answer.messages:
        if message.type in "EN":
            fields = parse_fields(message.body)
            fields["M"] = re.sub(r"(position of this server) \S+", r"\1 X/X", fields["M"])
            seen.append((message.type, {k: v for k, v in fields.items() if k not in _LOCATION}))
        elif message.type == "D" and answer.columns[0][0] == "systemid":
            system, timeline, _, database = parse_row(message.body)
            seen.append((message.type, (system, timeline, database)))
        else:
            seen.append((message.type, message.body))
    return seen, answer.closed


class WalcastCommands(WalcastCase):
    """PostgreSQL answers first, is stopped, and walcast must then give the same answers."""

    @classmethod
    def while_primary_runs(cls):
        cls.expected = {packets: cls.ask(packets) for packets in cls.everything().values()}

    @staticmethod
    def everything():
        return {**{name: _query(text) for name, text in _SIMPLE.items()}, **_RAW, **_FATAL}

    @classmethod
    def ask(cls, packets):
        """All that a session says to these packets, up to its end."""
        client = ReplicationClient.connect(cls.port)
        client.send_raw(packets)
        if packets not in _FATAL.values():
            client.send("X")
        answer = client.result_to_close()
        client.close()
        return _comparable(answer)

    def compare(self, questions):
        for name, packets in questions.items():
            with self.subTest(name):
                self.assertEqual(self.ask(packets), self.expected[packets])
        self.assert_serves()

    def test_simple_queries(self):
        self.compare({name: _query(text) for name, text in _SIMPLE.items()})

    def test_other_messages_and_pipelines(self):
        self.compare(_RAW)

    def test_what_ends_a_session(self):
        self.compare(_FATAL)

    def test_position_is_the_end_of_wal(self):
        records, _ = waldump(self.area, self.wal, 1, self.wal.begin())
        self.assertEqual(self.session().identify(),
                         (self.system_identifier, 1, format_lsn(records[-1].end)))
