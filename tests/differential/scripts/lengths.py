"""The length word of every type of message, between commands and in a stream."""

from play.messages import SEGMENT_SIZE, message, query
from play.script import reply, send, session
from support.lsn import format_lsn

_SMALL, _LARGE = "XSHCDEcf", "QFBPd"
_SMALL_LIMIT, _LARGE_LIMIT = 10_000, 0x3FFFFFFF - 1  # libpq.h: PQ_SMALL_MESSAGE_LIMIT, ...
_BAD = (0, 1, 3, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)

# More than walcast's own limit, and much less than PostgreSQL's.
_BEYOND_OURS = (1 << 20) + 100


def _announced(kind, length, *before):
    """A message whose body may never come: what counts is what is said before the end."""
    return session(f"{kind} of length {length}" + (" in a stream" if before else ""), *before,
                   send(message(kind, b"\0" * 20, length)), farewell=b"")


def _between_commands():
    for kind in _SMALL + _LARGE:
        limit = _SMALL_LIMIT if kind in _SMALL else _LARGE_LIMIT
        for length in (*_BAD, limit, limit + 1):
            yield _announced(kind, length)
        yield session(f"{kind} with nothing in it", send(message(kind) + SEGMENT_SIZE))
    for kind in _SMALL:
        yield session(f"{kind} with all that it may hold",
                      send(message(kind, b"\0" * (_SMALL_LIMIT - 4)) + SEGMENT_SIZE))
        yield session(f"{kind} with a byte too many",
                      send(message(kind, b"\0" * (_SMALL_LIMIT - 3)) + SEGMENT_SIZE))
    for kind in _LARGE:
        yield session(f"{kind} with 100,000 bytes",
                      send(message(kind, b"x" * 99_999 + b"\0") + SEGMENT_SIZE))
    yield session("Q with a megabyte and more",
                  send(message("Q", b"x" * _BEYOND_OURS + b"\0") + SEGMENT_SIZE))
    yield session("a query that overlaps the next",
                  send(message("Q", b"SELECT 1\0", 15) + SEGMENT_SIZE), farewell=b"")
    yield session("a query shorter than its text",
                  send(message("Q", b"SHOW wal_segment_size\0", 10) + SEGMENT_SIZE), farewell=b"")


def _in_a_stream(site):
    start = [send(query(f"START_REPLICATION {format_lsn(site.end)}")), reply("W")]
    for kind in "dcX":
        limit = _SMALL_LIMIT if kind in _SMALL else _LARGE_LIMIT
        for length in (*_BAD, limit, limit + 1):
            yield _announced(kind, length, *start)
    for kind in "QfSHPZ":
        yield _announced(kind, 3, *start)
        yield session(f"only the type {kind} in a stream", *start, send(kind.encode()),
                      farewell=b"")
    yield session("c with all that it may hold in a stream", *start,
                  send(message("c", b"\0" * (_SMALL_LIMIT - 4)) + SEGMENT_SIZE))
    yield session("X with a body in a stream", *start, send(message("X", b"body") + SEGMENT_SIZE))
    yield session("c with a byte too many in a stream", *start,
                  send(message("c", b"\0" * (_SMALL_LIMIT - 3)) + SEGMENT_SIZE))


def scripts(site):
    yield from _between_commands()
    yield from _in_a_stream(site)
