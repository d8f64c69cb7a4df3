"""Bytes that are nearly right: scripts cut, spliced, flipped, repeated, with other lengths.

One mutant is a function of its seed and of the scripts. Excluded, since the two servers may
rightly differ there, or one from itself at another moment:

- BASE_BACKUP: walcast refuses it by design, and a PostgreSQL that grants it writes WAL, after
  which no position agrees any more.
- GSSENCRequest: walcast has no encryption, Debian's PostgreSQL has GSSAPI.
- A start-up that is no physical standby's or another user's: walcast serves nobody else and knows
  no roles, PostgreSQL begins a session of SQL or looks for the role.
- Start-up parameters beyond those of _PARAMETERS: PostgreSQL has 350 more, and switches in
  `options`. wal_sender_timeout among them: a few milliseconds of it end a stream at some moment.
- Encodings beyond those of _ENCODINGS, once they are mutated: PostgreSQL knows many by many names.
- Pieces in a start-up: what follows an SSLRequest is refused if it is there already when that is
  read, and is served if it comes later. A start-up is therefore sent in one piece.
- Pieces where a stream may start: if the WAL that it asks for is gone, what comes behind it is read
  before that is found out, or after, and then it is a command.
- Half a message behind a start whose WAL is gone: PostgreSQL, once it has read the type, waits for
  the rest before it does anything else, while walcast finds out about the WAL.
- Slots that other mutants can see: what creates one is played while nothing else is, and what it
  leaves is dropped. See test_random.py.
"""

import random
import re
import struct
from dataclasses import dataclass

from play.messages import GSSENC_REQUEST, SEGMENT_SIZE, SSL_REQUEST, SYNC, startup

_PARAMETERS = {b"user", b"database", b"replication", b"application_name", b"client_encoding"}
_ENCODINGS = {b"UTF8", b"SQL_ASCII", b"LATIN1", b"EUC_JP", b"WIN1252"}
_REPLICATION = {b"true", b"on", b"yes", b"1"}
_PROBE = SYNC + SEGMENT_SIZE  # of whether the session lives, and in which state
_BYTES_MAX = 30_000           # so that one write puts all of it into the other's buffer


@dataclass(frozen=True)
class Mutant:
    seed: int
    greeting: bytes  # sent, and answered, before the rest; empty if the start-up itself is mutated
    data: bytes
    piece: int       # bytes per write

    def creates_slots(self):
        return b"CREATE_REPLICATION_SLOT" in self.data

    def __str__(self):
        greeting = "a start-up of its own" if not self.greeting else "a greeting"
        return f"mutant {self.seed}: {greeting}, then in pieces of {self.piece}:\n{self.data!r}"


class Mutator:
    """Makes mutants of the scripts of some groups."""

    def __init__(self, scripts_by_group, oldest):
        self._oldest = oldest  # position of the newest timeline's WAL
        self._sessions = []  # greetings, and what comes after them
        self._startups = []  # with what comes after them
        for group, scripts in scripts_by_group.items():
            for script in scripts:
                data = script.bytes_of("a")
                if len(data) <= _BYTES_MAX // 4:
                    self._add(group, data)

    def mutant(self, seed):
        """The first admissible one of this seed."""
        rng = random.Random(seed)
        while True:
            of_startup = rng.random() < 0.15
            if of_startup:
                greeting, data = b"", rng.choice(self._startups)
            else:
                greeting, data = rng.choice(self._sessions)
            for _ in range(rng.choice((1, 1, 1, 2, 2, 3, 5))):
                data = rng.choice(_MUTATIONS)(rng, data, rng.choice(self._sessions)[1])
            data = data[:_BYTES_MAX] + _PROBE
            if (b"BASE_BACKUP" in data or of_startup and not _is_comparable_startup(data)
                    or _messages(data)[1] and self._asks_for_removed_wal(data)):
                continue
            piece = rng.choice((len(data), len(data), 1, 7, 1000))
            whole = of_startup or b"START_REPLICATION" in data
            return Mutant(seed, greeting, data, len(data) if whole else piece)

    def _asks_for_removed_wal(self, data):
        return any(int(high, 16) << 32 | int(low, 16) < self._oldest
                   for high, low in re.findall(rb"([0-9A-Fa-f]+)/([0-9A-Fa-f]+)", data))

    def _add(self, group, data):
        if not _is_comparable_startup(data):
            return
        if group == "startup":
            self._startups.append(data)
        elif _is_greeting(data):
            length = struct.unpack_from("!I", data)[0]
            self._sessions.append((data[:length], data[length:]))


def _cut_end(rng, data, other):
    return data[:rng.randrange(len(data) + 1)]


def _cut_out(rng, data, other):
    at = rng.randrange(len(data) + 1)
    return data[:at] + data[at + rng.choice((1, 2, 4, 5, 20)):]


def _splice(rng, data, other):
    at, source = rng.randrange(len(data) + 1), rng.randrange(len(other) + 1)
    return data[:at] + other[source:source + rng.choice((1, 5, 40, 1000))] + data[at:]


def _join(rng, data, other):
    return rng.choice((data + other, other + data))


def _flip(rng, data, other):
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 4)) if data else 0):
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def _set_byte(rng, data, other):
    changed = bytearray(data)
    if data:
        changed[rng.randrange(len(changed))] = rng.choice(b"\0\xff\n \"';(),/0QXdcfSHPBDECF")
    return bytes(changed)


def _repeat(rng, data, other):
    begin = rng.randrange(len(data) + 1)
    end = min(len(data), begin + rng.choice((1, 5, 30, 200)))
    return data[:end] + data[begin:end] * rng.choice((1, 2, 10)) + data[end:]


def _messages(data):
    """Whole messages, and the rest that is none."""
    parts, at = [], 0
    while len(data) - at >= 5:
        length = struct.unpack_from("!I", data, at + 1)[0]
        if length < 4 or at + 1 + length > len(data):
            break
        parts.append(data[at:at + 1 + length])
        at += 1 + length
    return parts, data[at:]


def _repeat_message(rng, data, other):
    parts, rest = _messages(data)
    if not parts:
        return data
    at = rng.randrange(len(parts))
    return b"".join(parts[:at] + [parts[at]] * rng.choice((2, 3, 20)) + parts[at + 1:]) + rest


def _move_message(rng, data, other):
    parts, rest = _messages(data)
    rng.shuffle(parts)
    return b"".join(parts) + rest


def _change_length(rng, data, other):
    parts, rest = _messages(data)
    if not parts:
        return data
    at = rng.randrange(len(parts))
    right = len(parts[at]) - 1
    length = rng.choice((0, 3, 4, 5, right - 1, right + 1, right + 5, 9999, 10000, 10001,
                         0x3FFFFFFF, 0x7FFFFFFF, 0xFFFFFFFF))
    parts[at] = parts[at][:1] + struct.pack("!I", length & 0xFFFFFFFF) + parts[at][5:]
    return b"".join(parts) + rest


def _fill(rng, data, other):
    """A message's body replaced by noise of the same length."""
    parts, rest = _messages(data)
    if not parts:
        return data
    at = rng.randrange(len(parts))
    parts[at] = parts[at][:5] + rng.randbytes(len(parts[at]) - 5)
    return b"".join(parts) + rest


_MUTATIONS = (_cut_end, _cut_out, _splice, _join, _flip, _flip, _set_byte, _repeat,
              _repeat_message, _move_message, _change_length, _fill)


def _is_greeting(data):
    """Whether a session follows; of the scripts that are not about start-ups, nearly all."""
    return any(data.startswith(startup(client_encoding=encoding and encoding.decode()))
               for encoding in (None, *_ENCODINGS))


def _is_comparable_startup(data):
    """Whether what PostgreSQL finds in these first bytes, if it finds a start-up, is a physical
    standby's with parameters that mean the same to both."""
    if len(data) < 8:
        return True
    length, code = struct.unpack_from("!II", data)
    if length < 8 or length > 10_004 or len(data) < length:
        return True
    if code == SSL_REQUEST:
        return True  # refused for what is behind it
    if code == GSSENC_REQUEST:
        return False
    if code >> 16 != 3:
        return True
    words = data[8:length].split(b"\0")
    names, values = words[0::2], words[1::2]
    if b"" in names:
        names = names[:names.index(b"")]
    given = dict(zip(names, values))
    return (given.get(b"user") in (b"postgres", b"", None)
            and given.get(b"replication", b"").lower() in _REPLICATION
            and given.get(b"client_encoding", b"UTF8") in _ENCODINGS
            and all(name in _PARAMETERS or name.startswith(b"_pq_.") for name in given))
