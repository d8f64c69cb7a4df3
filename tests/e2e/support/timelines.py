"""Where timelines part, and how a server says so."""

import struct

from support.lsn import format_lsn, parse_lsn

# RowDescription of the result that ends a historic timeline: int8 and text.
NEXT_TIMELINE_COLUMNS = (b"\0\2"
                         b"next_tli\0" + struct.pack("!IhIhih", 0, 0, 20, 8, -1, 0) +
                         b"next_tli_startpos\0" + struct.pack("!IhIhih", 0, 0, 25, -1, -1, 0))


def fork_of(history_path):
    """Where timeline 2 left timeline 1, from its history file."""
    with open(history_path, encoding="ascii") as history:
        parent, lsn, _ = history.readline().split("\t")
    assert parent == "1", parent
    return parse_lsn(lsn)


def next_timeline_row(lsn):
    text = format_lsn(lsn).encode()
    return struct.pack("!HI", 2, 1) + b"2" + struct.pack("!I", len(text)) + text
