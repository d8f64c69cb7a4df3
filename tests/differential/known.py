"""Where walcast means to differ from PostgreSQL 15. Few, each with its reason; docs/protocol.md
section 5 has the same list in more words. A script that is named here and does not differ fails."""

# "group: name of the script", or the beginning of one and a `*`.
KNOWN = {
    "startup: GSSENCRequest*": "walcast has no encryption, Debian's PostgreSQL has GSSAPI",
    "startup: role: *": "walcast has no roles to look a name up in",
    "startup: no standby: *": "walcast serves physical replication only",
    "settings: time zone *": "walcast has no list of time zones and takes any name as it is given",
    "settings: SHOW of a database's *": "walcast has no database that these could be said of",
    "lengths: Q with a megabyte and more": "walcast takes messages of up to a megabyte",
    "commands: BASE_BACKUP with (*": "walcast refuses base backups, whatever their options",
}

# Of PostgreSQL 15 that is older than this one, where a doubled quote within a quoted identifier does
# not stand for one quote. walcast answers as the newest does.
DOUBLED_QUOTE = b'""'
DOUBLED_QUOTE_SINCE = (15, 20)
_KNOWN_OF_OLDER = {
    'settings: SHOW "say ""x"""': "a doubled quote",
    "slot_names: slot badly named 'a\"\"b'": "a doubled quote",
}


def known(server_version):
    """The differences to a PostgreSQL of this version, (major, minor)."""
    return {**KNOWN, **(_KNOWN_OF_OLDER if server_version < DOUBLED_QUOTE_SINCE else {})}


def matches(pattern, title):
    return title.startswith(pattern[:-1]) if pattern.endswith("*") else title == pattern


def is_known(title, server_version):
    return any(matches(pattern, title) for pattern in known(server_version))


def patterns_of(group, server_version):
    return [pattern for pattern in known(server_version) if pattern.startswith(f"{group}: ")]
