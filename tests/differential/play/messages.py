"""What a client sends, as bytes, right or wrong."""

import struct

PROTOCOL_3_0 = 0x00030000
SSL_REQUEST = 80877103
GSSENC_REQUEST = 80877104
CANCEL_REQUEST = 80877102

# What every physical standby says of itself.
STANDBY = {"user": "postgres", "database": "replication", "replication": "true"}


def text(value):
    return value if isinstance(value, bytes) else value.encode()


def message(kind, body=b"", length=None):
    """A typed message; `length` is a lie about its length word."""
    return text(kind) + struct.pack("!I", 4 + len(body) if length is None else length) + body


def untyped(code, body=b"", length=None):
    return struct.pack("!II", 8 + len(body) if length is None else length, code) + body


def pairs(parameters):
    return b"".join(text(word) + b"\0" for pair in parameters.items() for word in pair)


def startup(version=PROTOCOL_3_0, base=None, **parameters):
    """A start-up packet of a standby with more or other parameters; None leaves one out."""
    merged = {**(STANDBY if base is None else base), **parameters}
    return untyped(version, pairs({k: v for k, v in merged.items() if v is not None}) + b"\0")


def query(command):
    return message("Q", text(command) + b"\0")


def copy(body):
    return message("d", body)


def status(write, flush=None, apply=0, reply=False):
    """A standby status update; its clock stands still, since no test compares it."""
    flush = write if flush is None else flush
    return copy(struct.pack("!cQQQqB", b"r", write, flush, apply, 0, reply))


def feedback(xmin=0, epoch=0, catalog_xmin=0, catalog_epoch=0):
    return copy(struct.pack("!cqIIII", b"h", 0, xmin, epoch, catalog_xmin, catalog_epoch))


SYNC = message("S")
FLUSH = message("H")
TERMINATE = message("X")
COPY_DONE = message("c")
COPY_FAIL = message("f", b"changed my mind\0")
PARSE = message("P", b"\0SELECT 1\0\0\0")
BIND = message("B", b"\0\0\0\0\0\0\0\0")
DESCRIBE = message("D", b"S\0")
EXECUTE = message("E", b"\0\0\0\0\0")
CLOSE = message("C", b"S\0")
FUNCTION_CALL = message("F", b"\0\0\0\1\0\0\0\0\0\0")
IDENTIFY = query("IDENTIFY_SYSTEM")
SEGMENT_SIZE = query("SHOW wal_segment_size")
