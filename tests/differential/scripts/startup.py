"""From the first byte of a connection to its greeting."""

import struct

from play.messages import (CANCEL_REQUEST, GSSENC_REQUEST, IDENTIFY, PROTOCOL_3_0, SEGMENT_SIZE,
                           SSL_REQUEST, STANDBY, SYNC, TERMINATE, message, pairs, startup, untyped)
from play.pair import MAX_WAL_SENDERS
from play.script import (byte, greet, half_close, pieces, ready, script, send, to_end,
                         untyped_rest)

_BODY = pairs(STANDBY)


def _packet(body, version=PROTOCOL_3_0):
    return untyped(version, body)


def _requests():
    for name, code in ("SSLRequest", SSL_REQUEST), ("GSSENCRequest", GSSENC_REQUEST):
        request = untyped(code)
        yield script(f"{name}, then a start-up", send(request), byte(), send(startup()))
        yield script(f"{name} twice", send(request), byte(), send(request))
        yield script(f"{name} and nothing else", send(request), byte(), farewell=b"")
        yield script(f"{name} with a body", send(untyped(code, b"body")), byte())
        yield script(f"{name}, then garbage", send(request), byte(), send(b"\xff" * 20))
        yield script(f"{name} byte by byte", pieces(request), byte(), send(startup()))
    yield script("SSLRequest with a start-up behind it",
                 send(untyped(SSL_REQUEST) + startup()), byte())
    yield script("SSLRequest, then half a start-up", send(untyped(SSL_REQUEST)), byte(),
                 send(startup()[:20]), farewell=b"")
    yield script("SSLRequest, then another protocol", send(untyped(SSL_REQUEST)), byte(),
                 send(startup(4 << 16)))
    yield script("SSLRequest, then a cancel", send(untyped(SSL_REQUEST)), byte(),
                 send(untyped(CANCEL_REQUEST, struct.pack("!II", 1, 2))), to_end())


def _cancels():
    for name, body in {
        "of nobody": struct.pack("!II", 1, 2),
        "without a key": struct.pack("!I", 1),
        "without anything": b"",
        "with a long key": struct.pack("!II", 1, 2) + b"k" * 28,
        "of the greatest process id": struct.pack("!II", 0xFFFFFFFF, 0),
    }.items():
        yield script(f"CancelRequest {name}", send(untyped(CANCEL_REQUEST, body)), to_end())


def _versions():
    for name, version in {
        "3.0": 0x30000, "3.1": 0x30001, "3.2": 0x30002, "3.9999": 0x3270F, "3.65535": 0x3FFFF,
    }.items():
        yield script(f"version {name}", greet(version=version))
    for name, version in {
        "4.0": 4 << 16, "4.3": 4 << 16 | 3, "65535.65535": 0xFFFFFFFF, "1234.0": 1234 << 16,
        "1234.5676": 1234 << 16 | 5676, "1234.5681": 1234 << 16 | 5681, "32768.1": 0x80000001,
        "0.0": 0,  # counts as a new one
    }.items():
        yield script(f"version {name}", send(startup(version)), to_end())
    for name, version in {"2.0": 2 << 16, "1.0": 1 << 16, "0.3": 3}.items():
        yield script(f"version {name}", send(startup(version)), untyped_rest())
    yield script("version 2.0 with nothing behind it", send(untyped(2 << 16)), untyped_rest())
    yield script("version 3.0 with nothing behind it", send(untyped(PROTOCOL_3_0)), to_end())


def _protocol_options():
    yield script("a protocol option", greet(**{"_pq_.one": "1"}))
    yield script("protocol options", greet(**{"_pq_.one": "1", "_pq_.two": "", "_pq_.": "3"}))
    yield script("protocol option and newer minor", greet(version=0x30005, **{"_pq_.one": "1"}))
    yield script("protocol option of another case", greet(**{"_PQ_.one": "1"}))
    yield script("protocol option and no such parameter",
                 send(startup(**{"_pq_.one": "1", "no_such": "1"})), to_end())
    yield script("protocol option and no user",
                 send(startup(base={"_pq_.one": "1", "replication": "true"})), to_end())
    yield script("a newer minor and a terminator that is missing",
                 send(_packet(_BODY, 0x30002)), to_end())


def _terminators():
    yield script("no terminator", send(_packet(_BODY)), to_end())
    yield script("two terminators", send(_packet(_BODY + b"\0\0")), to_end())
    yield script("bytes behind the terminator", send(_packet(_BODY + b"\0rest")), to_end())
    yield script("a parameter behind the terminator",
                 send(_packet(_BODY + b"\0application_name\0late\0\0")), to_end())
    yield script("a bad value and no terminator",
                 send(_packet(b"replication\0maybe\0" + _BODY)), to_end())
    yield script("no user and no terminator", send(_packet(b"replication\0true\0")), to_end())
    yield script("a name of one byte without an end", send(_packet(_BODY + b"t")))
    yield script("only a terminator", send(_packet(b"\0")), to_end())
    yield script("a name without a value", send(_packet(_BODY + b"application_name\0")), to_end())
    yield script("a name without an end", send(_packet(_BODY + b"application_name")), to_end())
    yield script("a value without an end", send(_packet(_BODY + b"application_name\0e")), to_end())
    yield script("a name, then the terminator",
                 send(_packet(_BODY + b"application_name\0\0")), to_end())


def _lengths():
    for length in (0, 1, 3, 4, 5, 7, 10005, 10006, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF):
        yield script(f"start-up of length {length}",
                     send(struct.pack("!II", length, PROTOCOL_3_0) + _BODY + b"\0"), farewell=b"")
    room = 10004 - 8 - len(_BODY) - len(b"application_name\0\0\0")
    yield script("start-up of the greatest length", greet(application_name="x" * room))
    yield script("start-up of a length too great",
                 send(startup(application_name="x" * (room + 1))), to_end())
    yield script("start-up longer than its length",
                 send(untyped(PROTOCOL_3_0, _BODY + b"\0", 8 + len(_BODY))), to_end())
    yield script("start-up shorter than its length",
                 send(untyped(PROTOCOL_3_0, _BODY + b"\0", 9 + len(_BODY) + 5)), farewell=b"")


def _pieces():
    whole = startup()
    yield script("start-up byte by byte", pieces(whole), ready())
    yield script("start-up and queries byte by byte", pieces(whole + IDENTIFY + SEGMENT_SIZE))
    yield script("start-up in sevens", pieces(whole + IDENTIFY, 7))
    yield script("start-up with queries behind it", send(whole + IDENTIFY + SEGMENT_SIZE))
    yield script("start-up with its end behind it", send(whole + message("X")), farewell=b"")
    yield script("start-up with half a query behind it", send(whole + IDENTIFY[:9]), farewell=b"")
    yield script("a refused start-up with queries behind it",
                 send(startup(no_such="1") + IDENTIFY))
    yield script("nothing at all", half_close(), to_end(), farewell=b"")
    for count in (1, 3, 4, 7, 8, 20, len(whole) - 1):
        yield script(f"{count} bytes of a start-up", send(whole[:count]), farewell=b"")


def _garbage():
    for name, data in {
        "HTTP": b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "TLS": b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00",
        "zeros": b"\0" * 64, "ones": b"\xff" * 64, "a query": IDENTIFY, "Sync": SYNC,
        "a line": b"\n",
    }.items():
        yield script(f"start with {name}", send(data), farewell=b"")


def _parameters():
    good = {
        "an application name": {"application_name": "differential"},
        "an empty application name": {"application_name": ""},
        "an application name with blanks": {"application_name": " a  b "},
        "an application name beyond ASCII": {"application_name": "caf\u00e9 \u2603"},
        "an application name with control bytes": {"application_name": "a\x01\t\x7fb"},
        "an application name too long": {"application_name": "n" * 70},
        "another database": {"database": "no_such_database"},
        "no database": {"database": None},
        "an empty database": {"database": ""},
        "date style": {"DateStyle": "German"},
        "a name in another case": {"APPLICATION_NAME": "loud"},
        "extra float digits": {"extra_float_digits": "3"},
        "replication of another case": {"replication": "TRUE"},
    }
    for name, parameters in good.items():
        yield script(f"parameter: {name}", greet(**parameters), send(IDENTIFY))
    for value in ("t", "tr", "y", "YES", "on", "1", "tRuE"):
        yield script(f"replication={value}", greet(replication=value), send(IDENTIFY))
    bad = {
        "replication=maybe": {"replication": "maybe"},
        "replication=": {"replication": ""},
        "replication=2": {"replication": "2"},
        "replication=o": {"replication": "o"},
        "replication=DATABASE": {"replication": "DATABASE"},
        "replication= true": {"replication": " true"},
        "replication=truely": {"replication": "truely"},
        "no user": {"user": None},
        "an empty user": {"user": ""},
        "no such parameter": {"no_such_parameter": "1"},
        "an empty name of a parameter": {"no such": "x", "": "1"},
        "an unknown one with a dot": {"no.such": "1"},
        "a parameter that is fixed": {"wal_segment_size": "1MB"},
        "a parameter of the server": {"max_wal_senders": "5"},
        "a name with a blank": {"application name": "x"},
    }
    for name, parameters in bad.items():
        yield script(f"parameter: {name}", send(startup(**parameters)), send(IDENTIFY))
    for name, parameters in {"session_authorization": {"session_authorization": "nobody"},
                             "a user that is not there": {"user": "nobody"},
                             "a user with a long name": {"user": "n" * 70}}.items():
        yield script(f"role: {name}", send(startup(**parameters)), send(IDENTIFY))
    for value in ("false", "off", "0", "no", "database", None):
        yield script(f"no standby: replication={value}",
                     send(startup(replication=value, database="no_such_database")), to_end())
    yield script("a parameter twice, the last counts", send(_packet(
        _BODY + b"application_name\0first\0application_name\0second\0\0")), ready())
    yield script("replication twice, the last counts",
                 send(_packet(b"replication\0maybe\0" + _BODY + b"\0")), send(IDENTIFY))
    yield script("user twice, the last counts",
                 send(_packet(b"user\0\0" + _BODY + b"\0")), send(IDENTIFY))
    yield script("database long", greet(database="d" * 100))


def _room():
    """As many sessions as there may be, and one more."""
    held = [greet(on=f"{number:03}") for number in range(MAX_WAL_SENDERS)]
    yield script("more standbys than there is room for", held, send(startup(), "more"),
                 to_end("more"))
    yield script("room again when one has gone", held, send(TERMINATE, "007"), to_end("007"),
                 greet(on="more"))


def scripts(site):
    del site
    for group in (_room, _requests, _cancels, _versions, _protocol_options, _terminators, _lengths,
                  _pieces, _garbage, _parameters):
        yield from group()
