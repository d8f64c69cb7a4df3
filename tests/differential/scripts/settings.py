"""Run-time parameters: given at the start, and shown."""

from play.messages import query, startup
from play.script import ask, greet, script, send, session

_SHOWN = (
    # what pg_receivewal, pg_basebackup and walreceiver ask for
    "wal_segment_size", "data_directory_mode",
    # what libpq asks for by target_session_attrs
    "transaction_read_only", "in_hot_standby", "default_transaction_read_only",
    # what drivers and tools ask for
    "application_name", "client_encoding", "server_encoding", "server_version",
    "server_version_num", "DateStyle", "IntervalStyle", "TimeZone", "integer_datetimes",
    "standard_conforming_strings", "is_superuser", "session_authorization", "search_path",
    "wal_block_size", "max_wal_senders", "max_replication_slots",
    "wal_sender_timeout", "authentication_timeout", "wal_keep_size", "max_slot_wal_keep_size",
    "statement_timeout", "idle_session_timeout", "extra_float_digits", "bytea_output",
    "transaction_isolation", "lc_messages", "ssl",
)

# Of what walcast has no equivalent: see known.py.
_OF_A_DATABASE = (
    "archive_command", "archive_mode", "cluster_name", "fsync", "hot_standby",
    "synchronous_standby_names",
)

# What a primary tells and a directory of WAL does not: see known.py.
_OF_THE_CLUSTER = (
    "block_size", "data_checksums", "full_page_writes", "max_connections", "max_wal_size",
    "max_worker_processes", "segment_size", "track_commit_timestamp", "wal_level",
)

_SPELLED = ("WAL_SEGMENT_SIZE", "Wal_Segment_Size", "timezone", "TIMEZONE", "datestyle",
            '"wal_segment_size"', '"WAL_SEGMENT_SIZE"', '"TimeZone"', "no_such_parameter",
            "no.such", "a.b.c", '"no such"', "wal_segment_siz", "\"it's\"", '"say ""x"""',
            "x" * 70, "wal_segment_size_", '"%s%n"', "timeline", "ALL", "all", '"all"', '"ALL"',
            '"All"')

_TIMEOUTS = ("5s", "5000", "60s", "60000ms", "90s", "1min", "60min", "1h", "24h", "1d", "0", "1.5s",
             "1.0004s", " 7s ", "7 s", "0x10", "010", "5e3", "2147483647", "+5s", "1000000us",
             "500us", "0.5ms", "1h ")

_BAD_TIMEOUTS = ("", "abc", "-1", "5x", "5S", "5 sec", "2147483648", "1e30", "25d", "1.5.2", "--5",
                 "s", "nan", "inf", "5s5s", "5,s", "60 000", "-1s", "99999999999999999999")


def _shown():
    for name in _SHOWN:
        yield session(f"SHOW {name}", ask(f"SHOW {name}"))
    for name in _OF_A_DATABASE:
        yield session(f"SHOW of a database's {name}", ask(f"SHOW {name}"))
    for name in _OF_THE_CLUSTER:
        yield session(f"SHOW of what the cluster decides: {name}", ask(f"SHOW {name}"))
    for name in _SPELLED:
        yield session(f"SHOW {name[:30]}", ask(f"SHOW {name}"))
    yield session("SHOW of what the client has set",
                  ask("SHOW application_name"), ask("SHOW client_encoding"),
                  application_name="differential", client_encoding="UTF8")
    yield session("SHOW of a date style that the client has set",
                  ask("SHOW DateStyle"), ask("SHOW extra_float_digits"),
                  DateStyle="German", extra_float_digits="3")


def _given():
    """Parameters that mean something to a session without SQL, or are reported."""
    for name, value in (("TimeZone", "Europe/Berlin"), ("timezone", "UTC"),
                        ("IntervalStyle", "iso_8601"), ("intervalstyle", "SQL_STANDARD"),
                        ("DateStyle", "ISO, YMD"), ("DateStyle", "sql"),
                        ("DateStyle", "postgres,dmy"),
                        ("default_transaction_read_only", "yes"), ("transaction_read_only", "on"),
                        ("standard_conforming_strings", "off"), ("search_path", "a, b"),
                        ("statement_timeout", "2min"), ("lock_timeout", "1s"),
                        ("extra_float_digits", "-2"), ("bytea_output", "escape"),
                        ("client_min_messages", "error"), ("work_mem", "64kB"),
                        ("tcp_keepalives_idle", "60"), ("tcp_keepalives_idle", "0.5min"),
                        ("geqo", "off"), ("seed", "0.5"),
                        ("application_name", "a\\b"), ("is_superuser", "off"),
                        ("server_version", "9.0"), ("integer_datetimes", "off"),
                        ("in_hot_standby", "on"), ("server_encoding", "UTF8"), ("port", "1"),
                        ("log_min_messages", "error"), ("wal_level", "logical"),
                        ("DateStyle", "nonsense"), ("IntervalStyle", ""),
                        ("default_transaction_read_only", "maybe"), ("extra_float_digits", "9"),
                        ("client_min_messages", "loud"), ("statement_timeout", "-5"),
                        ("work_mem", "1"), ("work_mem", "1XB"), ("bytea_output", "octal"),
                        ("work_mem", "30.1GB"), ("work_mem", "100.7kB"), ("temp_buffers", "1.3GB"),
                        ("vacuum_cost_delay", "1.5"), ("vacuum_cost_delay", "0.0015"),
                        ("vacuum_cost_delay", "0.3ms"), ("vacuum_cost_delay", "0x10us"),
                        ("vacuum_cost_delay", "101"), ("vacuum_cost_delay", "1 kB"),
                        ("statement_timeout", "1.5us d")):
        yield script(f"{name}={value!r}", send(startup(**{name: value})),
                     send(query(f"SHOW {name}")))
    for zone in "utc", "+3", "Nowhere/At":
        yield script(f"time zone {zone}", send(startup(TimeZone=zone)),
                     send(query("SHOW TimeZone")))
    for level in "error", "warning", "notice", "log":
        yield session(f"a notice, client_min_messages={level}", ask("SHOW " + "n" * 70),
                      client_min_messages=level)


def _lists():
    """Strings that PostgreSQL checks without a database."""
    for name in ("search_path", "temp_tablespaces", "DateStyle", "wal_consistency_checking",
                 "restrict_nonsystem_relation_kind"):
        for value in ("", " ", "a, b", "a,,b", '"a', "a b", "a,", ",a", '""', '"a"b', 'a."b"',
                      ' A ,"B c" , "d""e" ', "a\tb", "a\v", "x" * 80, "\u00e9", "'a'", "$user"):
            yield script(f"the list {name}={value[:20]!r}", send(startup(**{name: value})),
                         send(query(f"SHOW {name}")))
    for word in ("all", "XLOG", "Transaction", "Storage", "CLOG", "Database", "Tablespace",
                 "MultiXact", "RelMap", "Standby", "Heap2", "Heap", "Btree", "Hash", "Gin", "Gist",
                 "Sequence", "SPGist", "BRIN", "CommitTs", "ReplicationOrigin", "Generic",
                 "LogicalMessage", '"Heap"', "heap, \"all\""):
        yield script(f"wal_consistency_checking={word!r}",
                     send(startup(wal_consistency_checking=word)),
                     send(query("SHOW wal_consistency_checking")))
    for name, value in (("restrict_nonsystem_relation_kind", "View, foreign-table"),
                        ("backtrace_functions", "f_1, G\n\t"), ("backtrace_functions", "f-1"),
                        ("backtrace_functions", ""), ("default_table_access_method", ""),
                        ("default_table_access_method", "none"), ("lc_messages", ""),
                        ("lc_monetary", ""), ("lc_messages", "C"), ("TimeZone", "")):
        yield script(f"{name}={value!r}, checked", send(startup(**{name: value})),
                     send(query(f"SHOW {name}")))


def _timeouts():
    for value in _TIMEOUTS:
        yield session(f"wal_sender_timeout={value!r}", ask("SHOW wal_sender_timeout"),
                      wal_sender_timeout=value)
    for value in _BAD_TIMEOUTS:
        yield script(f"wal_sender_timeout={value!r}",
                     send(startup(wal_sender_timeout=value)), send(query("IDENTIFY_SYSTEM")))


def _options():
    show = [ask("SHOW wal_sender_timeout"), ask("SHOW application_name")]
    for options in (
        "-c wal_sender_timeout=5s", "-cwal_sender_timeout=5s", "--wal_sender_timeout=5s",
        "--wal-sender-timeout=5s", "-c wal-sender-timeout=5s", "-c WAL_SENDER_TIMEOUT=5s",
        "-c wal_sender_timeout=5s -c wal_sender_timeout=7s", " \t-c  wal_sender_timeout=5s \n",
        "-c wal_sender_timeout=5s --application_name=optional", "", " ",
        "-c application_name=a\\ b", "-c application_name=a\\\\b", "-c application_name='a'",
        "-c application_name=", "-c application_name==", "-c application_name=a=b",
        "-c datestyle=ISO -c intervalstyle=postgres -c extra_float_digits=3",
        "-c wal_sender_timeout=5s\\", "-c application_name=x -c application_name=",
        "-c application_name=x --", "-E", "-EP", "-S 500", "-S500", "-n", "-fs -tpl", "-e -O -T",
        "-c application_name=" + "n" * 64 + " -c default_tablespace=" + "n" * 65,
    ):
        yield script(f"options={options!r}", greet(options=options), *show)
    for options in (
        "wal_sender_timeout=5s", "-c", "-c ", "-c wal_sender_timeout", "--wal_sender_timeout",
        "--", "-", "-x", "-c no_such=1", "--no_such=1", "-c no.such=1", "-c =5s", "-c 5s=",
        "-c wal_sender_timeout=", "-c wal_sender_timeout=never", "-c wal_sender_timeout=-1",
        "-c wal_sender_timeout=5 s", "-c max_wal_senders=3", "-c wal_segment_size=1MB", "junk",
        "-c application_name=x junk", "--help", "-W", "-C wal_level", "-\\c wal_sender_timeout=5s",
        "---", "-c --", "-- x", "-- -e", "-- --", "--foo", "-c no_such=1 foo", "-E -x", "-x 1", "-S",
        "-p 5", "-F", "-c client_encoding=" + "x" * 80,
    ):
        yield script(f"bad options={options!r}", send(startup(options=options)),
                     send(query("IDENTIFY_SYSTEM")))
    yield session("a parameter beats options", *show, options="-c application_name=less",
                  application_name="more")
    yield session("options beat nothing", *show, options="-c application_name=more")
    yield session("options before a timeout of its own", *show,
                  options="-c wal_sender_timeout=5s", wal_sender_timeout="7s")


def scripts(site):
    del site
    yield from _shown()
    yield from _given()
    yield from _lists()
    yield from _timeouts()
    yield from _options()
