"""Streams: how they start, what is said in them, and how they end."""

import struct

from play.messages import (COPY_DONE, COPY_FAIL, FLUSH, IDENTIFY, PARSE, SEGMENT_SIZE, SYNC,
                           TERMINATE, copy, feedback, message, query, status)
from play.script import (ask, cancel, greet, half_close, pieces, ready, reply, script, send,
                         session, to_end, wal_to)
from support.lsn import format_lsn

_GREATEST = 0xFFFFFFFFFFFFFFFF


def _start_text(lsn, suffix=""):
    return f"START_REPLICATION {format_lsn(lsn)}{suffix}"


def _start(lsn, suffix="", on="a"):
    return [send(query(_start_text(lsn, suffix)), on), reply("WZ", on)]


def _stop(on="a"):
    return [send(COPY_DONE, on), ready(on)]


def _starts(site):
    end, size = site.end, site.segment_size
    for name, lsn in {
        "the end": end, "the oldest segment": site.begin, "a segment's start": site.middle,
        "within a page": site.middle + 4711, "a page": site.middle + 8192,
        "the last byte": end - 1, "the first byte": site.begin + 1,
        "a segment's last byte": site.middle - 1,
    }.items():
        yield session(f"a stream from {name}", _start(lsn), [wal_to(end)] if lsn < end else [],
                      _stop(), send(IDENTIFY))
    for offset in (1, 8191, 8192, 8193, 65536, 131071, 131072, 131073, 500_000, size - 8192,
                   size - 1, size):
        yield session(f"a stream from {offset} bytes before a segment",
                      _start(site.middle - offset), wal_to(end), _stop())
    for name, lsn in {
        "one byte ahead": end + 1, "a segment ahead": end + size, "far ahead": 0xFFF << 32,
        "the greatest position": _GREATEST, "nowhere": 0, "the second byte of all": 1,
        "before the oldest segment": site.begin - 1, "the first segment": size,
    }.items():
        yield session(f"a stream from {name}", _start(lsn), ready(), send(IDENTIFY))
        yield session(f"a stream from {name}, its feedback behind it", _start(lsn), ready(),
                      send(status(lsn) + feedback() + COPY_DONE + IDENTIFY))
        for name_behind, behind in {"CopyDone": COPY_DONE, "a query": IDENTIFY}.items():
            yield session(f"a stream from {name}, {name_behind} behind it",
                          send(query(_start_text(lsn)) + behind + SEGMENT_SIZE))
    text = format_lsn(end)
    high, low = text.split("/")
    for spelling in (f"START_REPLICATION PHYSICAL {text}", f"START_REPLICATION {text} TIMELINE 1",
                     f"START_REPLICATION PHYSICAL {text} TIMELINE 1;",
                     f"  START_REPLICATION\n{text.lower()}\t;",
                     f"START_REPLICATION 0000000{high}/0000{low}",
                     f"START_REPLICATION {text} TIMELINE 00000000001",
                     f"START_REPLICATION {text} TIMELINE 4294967297",
                     f"START_REPLICATION {text}TIMELINE 1", f"START_REPLICATION{text}",
                     f"START_REPLICATION {high}/1{low:0>8}", f"START_REPLICATION 1{high:0>8}/{low}",
                     f"START_REPLICATION {'0' * 300}{high}/{low}"):
        yield session(spelling[:60].strip(), send(query(spelling)), reply("WZ"),
                      send(status(end, reply=True)), send(COPY_DONE), send(IDENTIFY))


def _conversations(site):
    """Everything at the end of WAL, where nothing comes that was not asked for."""
    end = site.end
    start = _start(end)
    said = {
        "nothing": b"", "a status": status(end), "many statuses": status(end) * 50,
        "a status that asks": status(end, reply=True),
        "three statuses that ask": status(end, reply=True) * 3,
        "a status that asks with another byte": copy(
            struct.pack("!cQQQqB", b"r", end, end, 0, 0, 255)),
        "positions of nowhere": status(0, 0, 0),
        "positions beyond the end": status(end + 1, end + 2, end + 3),
        "positions that go back": status(end) + status(1),
        "the greatest positions": status(_GREATEST),
        "positions in the wrong order": status(1, end, _GREATEST),
        "a clock of long ago": copy(struct.pack("!cQQQqB", b"r", end, end, 0, -(1 << 63), 1)),
        "a clock far ahead": copy(struct.pack("!cQQQqB", b"r", end, end, 0, (1 << 63) - 1, 1)),
        "a status with more behind it": copy(status(end, reply=True)[5:] + b"more"),
        "feedback": feedback(), "feedback with ids": feedback(100, 0, 50, 0),
        "feedback of the future": feedback(0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF),
        "feedback with more behind it": copy(feedback()[5:] + b"more"),
        "feedback, then a status that asks": feedback(3, 0) + status(end, reply=True),
    }
    for name, data in said.items():
        yield session(f"a stream told {name}", start, send(data), _stop(), send(IDENTIFY))
    for name, data in {
        "a status too short": copy(b"r" + b"\0" * 32), "a status of one byte": copy(b"r"),
        "a status without its end": copy(b"r" + b"\0" * 24),
        "feedback too short": copy(b"h" + b"\0" * 23),
        "feedback of one byte": copy(b"h"), "nothing at all": copy(b""),
    }.items():
        yield session(f"a stream told {name} fails", start, send(data), ready(), send(IDENTIFY))
        yield session(f"a stream told {name} fails, more behind it", start,
                      send(data + status(end, reply=True) + COPY_DONE + IDENTIFY))
    for kind in (b"z", b"p", b"k", b"w", b"\0", b"\xff", b"R", b"s"):
        yield session(f"a stream told {kind!r}", start, send(copy(kind + b"\0" * 33) + IDENTIFY))
        yield session(f"a stream told {kind!r} alone", start, send(copy(kind)))
    yield session("a stream told byte by byte", start,
                  pieces(status(end, reply=True) + feedback() + COPY_DONE + IDENTIFY))


def _intruders(site):
    """Messages that have no place in a stream."""
    start = _start(site.end)
    for name, data in {
        "a query": SEGMENT_SIZE, "SQL": query("SELECT 1"), "Sync": SYNC, "Flush": FLUSH,
        "Parse": PARSE, "CopyFail": COPY_FAIL, "a password": message("p", b"x\0"),
        "no such message": message("Z"), "a quote": message('"'), "a backslash": message("\\"),
        "a zero": message(b"\0"), "byte 80": message(b"\x80"), "byte FF": message(b"\xff"),
        "a line end": message("\n"), "a percent sign": message("%"),
        "a function call": message("F"), "Bind": message("B"),
        "a start": query(_start_text(site.end)),
    }.items():
        yield session(f"{name} in a stream", start, send(data))
        yield session(f"a status, then {name} in a stream", start,
                      send(status(site.end, reply=True) + data + COPY_DONE))
    yield session("CopyDone with a body in a stream", start, send(message("c", b"body") + IDENTIFY))
    for encoding in "UTF8", "LATIN1", "SJIS":
        yield session(f"byte FF in a stream in {encoding}", start, send(message(b"\xff")),
                      client_encoding=encoding)


def _ends(site):
    end = site.end
    start = _start(end)
    yield session("CopyDone", start, _stop())
    yield session("CopyDone twice", start, send(COPY_DONE * 2 + IDENTIFY))
    yield session("CopyDone, then statuses", start,
                  send(COPY_DONE + status(end, reply=True) * 3 + feedback() + IDENTIFY))
    yield session("CopyDone, then commands", start, send(COPY_DONE + IDENTIFY + SEGMENT_SIZE))
    yield session("CopyDone, then SQL", start, send(COPY_DONE + query("SELECT 1") + SEGMENT_SIZE))
    yield session("CopyDone, then Parse", start, send(COPY_DONE + PARSE + SEGMENT_SIZE + SYNC))
    yield session("CopyDone, then no such message", start, send(COPY_DONE + message("Z")))
    yield session("CopyDone, then CopyFail", start, send(COPY_DONE + COPY_FAIL + IDENTIFY))
    yield session("CopyDone, then half a message", start, send(COPY_DONE + IDENTIFY[:7]),
                  farewell=b"")
    yield session("CopyDone, then the end", start, send(COPY_DONE + TERMINATE), farewell=b"")
    yield session("Terminate in a stream", start, send(TERMINATE), to_end())
    yield session("Terminate in a stream, more behind it", start, send(TERMINATE + IDENTIFY))
    yield session("a stream without a word more", start, half_close(), to_end(), farewell=b"")
    for count in (1, 4, 5, 6, 20, 38):
        yield session(f"{count} bytes of a status", start, send(status(end, reply=True)[:count]),
                      farewell=b"")
    yield session("all at once", send(query(_start_text(end)) + status(end, reply=True)
                                      + COPY_DONE + IDENTIFY))
    yield session("all at once, from before a stream is there",
                  send(query(_start_text(end)) + COPY_DONE + query(_start_text(end)) + COPY_DONE
                       + IDENTIFY))
    yield session("all byte by byte", pieces(query(_start_text(end)) + status(end, reply=True)
                                             + COPY_DONE + IDENTIFY))
    yield session("a stream that is refused, and all behind it",
                  send(query(_start_text(end, " TIMELINE 9")) + COPY_DONE + IDENTIFY))
    yield session("a stream that fails, and all behind it",
                  send(query(_start_text(end + 8)) + status(end) + COPY_DONE + IDENTIFY))


def _restarts(site):
    end = site.end
    yield session("two streams on one connection", _start(end), _stop(), _start(end),
                  send(status(end, reply=True)), reply("d"), _stop(), send(IDENTIFY))
    yield session("ten streams on one connection", [[_start(end), _stop()] for _ in range(10)])
    yield session("a stream again from its start", _start(site.middle), wal_to(end), _stop(),
                  _start(site.middle), wal_to(end), _stop())
    yield session("a stream after one that was refused", ask(_start_text(end, " TIMELINE 9")),
                  _start(end), _stop())
    yield session("a stream after one that failed", _start(end + 8), ready(), _start(end), _stop())
    yield session("a stream after an error in it", _start(end), send(copy(b"r")), ready(),
                  _start(end), send(status(end, reply=True)), reply("d"), _stop())
    yield session("a stream after CopyDone on both sides and left-overs", _start(end),
                  send(COPY_DONE), ready(), send(COPY_DONE + copy(b"x")), _start(end), _stop())
    yield script("two streams on two connections", greet(), greet(on="b"), _start(end),
                 _start(end, on="b"), send(status(end, reply=True)), reply("d"),
                 send(status(end, reply=True), "b"), reply("d", "b"), _stop(), _stop("b"))
    yield session("a keepalive behind all WAL", _start(site.middle), wal_to(end),
                  send(status(site.middle, reply=True)), reply("d"), _stop())
    yield session("wal_sender_timeout=0 in a stream", _start(end), send(status(end, reply=True)),
                  reply("d"), _stop(), wal_sender_timeout="0")


def _cancels(site):
    end = site.end
    start, ask_back = _start(end), [send(status(end, reply=True)), reply("d")]

    def cancelled(on="b", key=None):
        return [cancel("a", on, key), to_end(on)]
    yield session("a stream is cancelled", start, cancelled(), ready(), send(IDENTIFY),
                  farewell=SYNC)
    yield session("a stream is cancelled, and the next is not", start, cancelled(), ready(), start,
                  ask_back, _stop())
    yield session("a stream is cancelled twice", start, cancelled(), ready(), start, cancelled("c"),
                  ready(), send(IDENTIFY))
    yield session("a stream is cancelled that has reached the end", _start(site.middle),
                  wal_to(end), cancelled(), ready(), send(COPY_DONE + IDENTIFY))
    yield session("an idle session is cancelled", cancelled(), send(IDENTIFY), ready(), start,
                  ask_back, _stop())
    for name, key in {"a wrong key": b"\0\0\0\0", "half a key": b"\0\0",
                      "no key": b"", "a key too long": b"\0" * 8}.items():
        yield session(f"a stream is cancelled with {name}", start, cancelled("b", key), ask_back,
                      _stop())


def scripts(site):
    for group in _starts, _conversations, _intruders, _ends, _restarts, _cancels:
        yield from group(site)
