"""Messages that are no query: the extended protocol, function calls, and what strays in."""

from play.messages import (BIND, CLOSE, COPY_DONE, COPY_FAIL, DESCRIBE, EXECUTE, FLUSH,
                           FUNCTION_CALL, IDENTIFY, PARSE, SEGMENT_SIZE, SYNC, TERMINATE, copy,
                           message, query)
from play.script import pieces, ready, send, session

_EXTENDED = {"Parse": PARSE, "Bind": BIND, "Describe": DESCRIBE, "Execute": EXECUTE, "Close": CLOSE}
_LEFT_OVERS = {"CopyData": copy(b"x"), "CopyDone": COPY_DONE, "CopyFail": COPY_FAIL}


def _skipping():
    for name, data in _EXTENDED.items():
        yield session(f"{name}, then Sync", send(data + SYNC + IDENTIFY))
        yield session(f"{name}, then a query that is skipped", send(data + SEGMENT_SIZE),
                      farewell=b"")
        yield session(f"{name}, with nothing in it", send(message(data[:1]) + SYNC))
        yield session(f"{name}, with garbage in it", send(message(data[:1], b"\xff" * 99) + SYNC))
        yield session(f"{name}, then the end", send(data + TERMINATE + SYNC))
        yield session(f"{name}, then no such message", send(data + message("Z") + SYNC))
        yield session(f"{name} twice, then Sync", send(data + data + SYNC))
        yield session(f"{name}, then a function call", send(data + FUNCTION_CALL + SYNC))
        yield session(f"{name}, then Flush", send(data + FLUSH + SYNC))
    everything = PARSE + BIND + DESCRIBE + EXECUTE + CLOSE + FLUSH
    yield session("all of the extended protocol", send(everything + SYNC + IDENTIFY))
    yield session("all of it, twice", send((everything + SYNC) * 2))
    yield session("all of it, byte by byte", pieces(everything + SYNC + IDENTIFY))
    yield session("an error, its Sync later", send(PARSE), send(SEGMENT_SIZE), send(SYNC), ready(),
                  send(SEGMENT_SIZE))
    for name, data in {**_LEFT_OVERS, "a password": message("p", b"x\0"),
                       "a query without an end": message("Q", b"SHOW x")}.items():
        yield session(f"Parse, then {name}", send(PARSE + data + SYNC))
    yield session("Parse, then half a message", send(PARSE + SEGMENT_SIZE[:9]), farewell=b"")
    yield session("Parse, then a bad length", send(PARSE + message("Q", length=3) + SYNC))


def _syncs():
    yield session("Sync", send(SYNC))
    yield session("many Syncs", send(SYNC * 20))
    yield session("Sync with a body", send(message("S", b"body") + SEGMENT_SIZE))
    yield session("Flush", send(FLUSH + SEGMENT_SIZE))
    yield session("Flush with a body", send(message("H", b"body") + SEGMENT_SIZE))
    yield session("Flush with a body, then a query", send(message("H", b"b") + SEGMENT_SIZE),
                  farewell=b"")


def _function_calls():
    yield session("a function call", send(FUNCTION_CALL + SEGMENT_SIZE))
    yield session("a function call, then Sync", send(FUNCTION_CALL + SYNC))
    yield session("a function call of nothing", send(message("F") + SEGMENT_SIZE))
    yield session("a function call of garbage", send(message("F", b"\xff" * 50) + SEGMENT_SIZE))


def _strays():
    for name, data in _LEFT_OVERS.items():
        yield session(f"{name} between commands", send(data + SEGMENT_SIZE))
        yield session(f"{name} with nothing in it", send(message(data[:1]) + SEGMENT_SIZE))
    yield session("CopyDone with a body", send(message("c", b"body") + SEGMENT_SIZE))
    yield session("CopyFail without an end", send(message("f", b"why") + SEGMENT_SIZE))
    yield session("left-overs of a stream", send(
        copy(b"r" + b"\0" * 33) + copy(b"h" + b"\0" * 24) + copy(b"z") + COPY_DONE + SEGMENT_SIZE))
    yield session("the end twice", send(TERMINATE + TERMINATE), farewell=b"")


def _no_such_message():
    for kind in "pZNRKTW1btvAGIVnszqxu \n0[":
        yield session(f"message {kind!r}", send(message(kind, b"body\0")))
    for kind in (b"\0", b"\x01", b"\x7f", b"\x80", b"\xff"):
        yield session(f"message {kind!r}", send(message(kind, b"body\0")))
    yield session("no such message, only its type", send(b"Z"), farewell=b"")
    yield session("zeros", send(b"\0" * 100))
    yield session("text", send(b"\nhello?\n"))
    yield session("a start-up packet once more", send(b"\0\0\0\x08\x04\xd2\x16\x2f"))
    yield session("a query, then no such message", send(SEGMENT_SIZE + message("Z") + SEGMENT_SIZE))
    yield session("SQL, then no such message", send(query("SELECT 1") + message("\xff".encode())))


def scripts(site):
    del site
    for group in _skipping, _syncs, _function_calls, _strays, _no_such_message:
        yield from group()
