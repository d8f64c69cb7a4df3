"""What a server said on one connection, in a form that two servers can share."""

import hashlib
import re
import struct

from support.lsn import format_lsn, parse_lsn
from support.protocol import parse_columns, parse_row

# The columns of SHOW ALL. Its rows are each server's own.
_SHOW_ALL = ["name", "setting", "description"]

_LOCATION = "FLR"  # source file, line and function of an error: PostgreSQL's own


class _SlotPosition(bytes):
    """The restart_lsn of a slot."""


class Transcript:
    """Messages in order, decoded; WAL that follows WAL is one entry."""

    def __init__(self):
        self.entries = []
        self.process_id = None
        self.cancel_key = b""  # with the process id before it, as CancelRequest wants them
        self.position = 0     # the end of the last WAL
        self._digest = None

    def add(self, kind, body):
        if kind == "d" and body[:1] == b"w" and len(body) >= 25:
            self._add_wal(body)
            return
        self._digest = None
        if kind == "W":
            self.position = 0
        try:
            decoded = self._decode(kind, body)
        except (IndexError, ValueError, struct.error):
            decoded = ("malformed", body)
        if decoded != ("of a parameter",) or self.entries[-1] != (kind, *decoded):
            self.entries.append((kind, *decoded))

    def add_bytes(self, data):
        self.entries.append(("bytes", data))

    def add_close(self):
        self.entries.append(("closed",))

    def add_silence(self):
        self.entries.append(("silence",))

    def types(self):
        return "".join(entry[0] if len(entry[0]) == 1 else f"<{entry[0]}>"
                       for entry in self.entries)

    def comparable(self, names, sent):
        """The entries with process ids replaced by the names that `names` has for them, and the
        positions of slots left out that did not come from the client: what RESERVE_WAL reserves is
        the server's choice."""
        def rename(value):
            if isinstance(value, str):
                return re.sub(r"\bPID (\d+)", lambda m: names.get(int(m[1]), m[0]), value)
            if isinstance(value, _SlotPosition):
                return value if struct.pack("!Q", parse_lsn(value.decode())) in sent else "reserved"
            return tuple(map(rename, value)) if isinstance(value, tuple) else value
        return [rename(entry) for entry in self.entries]

    def _add_wal(self, body):
        begin, wal_end = struct.unpack_from("!QQ", body, 1)
        data = body[25:]
        self.position = begin + len(data)
        if self._digest is None or self.entries[-1][2] != format_lsn(begin):
            self._digest = hashlib.sha256()
            self.entries.append(("WAL", format_lsn(begin), None, None, None))
        self._digest.update(data)
        _, start, *_ = self.entries[-1]
        self.entries[-1] = ("WAL", start, format_lsn(self.position), format_lsn(wal_end),
                            self._digest.hexdigest()[:16])

    def _decode(self, kind, body):
        if kind in "EN":
            fields = [(chr(item[0]), item[1:].decode("latin-1"))
                      for item in body.split(b"\0") if item]
            return tuple(field for field in fields if field[0] not in _LOCATION)
        if kind == "S":
            name, value, _ = body.decode("latin-1").split("\0")
            return name, _local(name, value)
        if kind == "K":
            self.process_id = struct.unpack_from("!I", body)[0]
            self.cancel_key = body
            return ("process id and key", len(body))
        if kind == "T":
            self._columns = parse_columns(body)
            return tuple(self._columns)
        if kind == "D":
            names = [column[0] for column in self._columns]
            if names == _SHOW_ALL:
                return ("of a parameter",)
            return tuple(_local(name, value) for name, value in zip(names, parse_row(body)))
        if kind == "d" and body[:1] == b"k":
            position, _, asks = struct.unpack("!QqB", body[1:])
            return ("keepalive", format_lsn(position), asks)
        return (body,)


def _local(name, value):
    """A parameter or column without the minor version, which WAL does not tell."""
    if name == "server_version":
        return re.sub(r"^15\.\d+ .*", "15.x", value if isinstance(value, str) else value.decode())
    if name == "restart_lsn" and value is not None:
        return _SlotPosition(value)
    if name == "server_version_num":
        return re.sub(r"^15\d{4}$", "15xxxx", value.decode())
    return value
