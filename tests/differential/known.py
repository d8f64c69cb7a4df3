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


def matches(pattern, title):
    return title.startswith(pattern[:-1]) if pattern.endswith("*") else title == pattern


def is_known(title):
    return any(matches(pattern, title) for pattern in KNOWN)


def patterns_of(group):
    return [pattern for pattern in KNOWN if pattern.startswith(f"{group}: ")]
