"""Where walcast means to differ from PostgreSQL 15. Few, each with its reason; docs/protocol.md
section 5 names them too, in more words. A script that is named here and does not differ fails, and
so does one to which walcast answers anything but what is said here."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Known:
    reason: str
    outline: str  # of walcast's answer: a regular expression for all of play.compare's outline()


_GREETING = "R K Z "
_SHOWN = "T D C Z "
_END = "Z <closed>"  # the farewell's Sync is answered

# "group: name of the script", or the beginning of one and a `*`.
KNOWN = {
    "startup: GSSENCRequest*": Known(
        "walcast has no encryption, Debian's PostgreSQL has GSSAPI",
        f"<bytes>b'N' ({_GREETING}{_END}|(FATAL:0A000 )?<closed>)"),
    "startup: role: *": Known(
        "walcast has no roles to look a name up in",
        _GREETING + _SHOWN + _END),
    "startup: no standby: *": Known(
        "walcast serves physical replication only",
        "R FATAL:0A000 <closed>"),
    "settings: time zone *": Known(
        "walcast has no list of time zones and takes any name as it is given",
        _GREETING + _SHOWN + _END),
    "settings: SHOW of a database's *": Known(
        "walcast has no database that these could be said of",
        f"{_GREETING}ERROR:42704 Z {_END}"),
    "settings: SHOW of what the cluster decides: *": Known(
        "only a primary could tell it, and a directory has none",
        f"{_GREETING}ERROR:55000 Z {_END}"),
    "lengths: Q with a megabyte and more": Known(
        "walcast takes queries of up to 256 kB",
        f"{_GREETING}<closed>"),
    "commands: BASE_BACKUP with (*": Known(
        "walcast refuses base backups, whatever their options",
        f"{_GREETING}ERROR:0A000 Z {_SHOWN}{_END}"),
}

# Of PostgreSQL 15 that is older than this one, where a doubled quote within a quoted identifier does
# not stand for one quote. walcast answers as the newest does.
DOUBLED_QUOTE = b'""'
DOUBLED_QUOTE_SINCE = (15, 20)
_KNOWN_OF_OLDER = {
    'settings: SHOW "say ""x"""': Known("a doubled quote", f"{_GREETING}ERROR:42704 Z {_END}"),
    "slot_names: slot badly named 'a\"\"b'": Known(
        "a doubled quote", f"{_GREETING}ERROR:42602 Z {_SHOWN}{_END}"),
}


def known(server_version):
    """The differences to a PostgreSQL of this version, (major, minor)."""
    return {**KNOWN, **(_KNOWN_OF_OLDER if server_version < DOUBLED_QUOTE_SINCE else {})}


def matches(pattern, title):
    return title.startswith(pattern[:-1]) if pattern.endswith("*") else title == pattern


def find(title, server_version):
    """The difference that a script shows; None if it is to show none."""
    return next((difference for pattern, difference in known(server_version).items()
                 if matches(pattern, title)), None)


def patterns_of(group, server_version):
    return [pattern for pattern in known(server_version) if pattern.startswith(f"{group}: ")]
