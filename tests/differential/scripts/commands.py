"""Replication commands between streams, right and wrong."""

from play.messages import IDENTIFY, SEGMENT_SIZE, message, query
from play.script import command, pieces, send, session

_IDENTIFY = (
    "IDENTIFY_SYSTEM", "IDENTIFY_SYSTEM;", " \t\r\n\f\vIDENTIFY_SYSTEM ; ", "IDENTIFY_SYSTEM ;;",
    "IDENTIFY_SYSTEM; IDENTIFY_SYSTEM", "IDENTIFY_SYSTEM x", "IDENTIFY_SYSTEM 1",
    "IDENTIFY_SYSTEM -- why", "IDENTIFY_SYSTEM /* why */", "identify_system", "Identify_System",
    "IDENTIFY_SYSTEMS", "IDENTIFY_SYSTE", "IDENTIFY_SYSTEM$", "IDENTIFY_SYSTEM1",
    '"IDENTIFY_SYSTEM"', "'IDENTIFY_SYSTEM'", "(IDENTIFY_SYSTEM)", "IDENTIFY_SYSTEM()",
    "IDENTIFY_SYSTEM,", "IDENTIFY_SYSTEM\x01", "IDENTIFY_SYSTEM\xa0",
)

_SQL = (
    "", " ", ";", ";;", "SELECT 1", "select 1;", "-- comment", "/* comment */", "BEGIN", "COMMIT",
    "SET application_name = 'x'", "VACUUM", "1", "'text'", '"name"', '"unterminated',
    "'unterminated",
    "0/1", "(", ")", ",", "\\", "\x7f", "SLOT", "PHYSICAL", "TIMELINE 1", "WAIT", "LOGICAL",
    "TEMPORARY", "RESERVE_WAL", "show wal_segment_size", "Show wal_segment_size",
    "ALTER_REPLICATION_SLOT s (FAILOVER)", "UPLOAD_MANIFEST", "-- IDENTIFY_SYSTEM", "é",
    "SELECT pg_sleep(0)" + " " * 3000,
)

_SHOW = (
    "SHOW", "SHOW ;", "SHOW wal_segment_size;", "SHOW wal_segment_size wal_level",
    "SHOW wal_segment_size, wal_level", "SHOW 'wal_segment_size'", "SHOW 1", "SHOW .",
    "SHOW a.", "SHOW .a", "SHOW a..b", "SHOW a . b", "SHOW wal_segment_size = 1", 'SHOW ""',
    'SHOW "wal', "SHOW 'wal", "SHOW TIMELINE", "SHOW SLOT", "SHOW IDENTIFY_SYSTEM",
    'SHOW "IDENTIFY_SYSTEM"', "SHOW (wal_segment_size)", "SHOW wal$segment", "SHOW $1", "SHOW _",
    "SHOW wal-segment-size", "SHOW\twal_segment_size", "SHOWwal_segment_size", "SHOW 0/1",
    "SHOW wal_segment_size\n;\n", 'SHOW"wal_segment_size"', "SHOW a" * 2, "SHOW all.x",
    "SHOW SHOW", "SHOW PHYSICAL", 'SHOW "a\tb"', "SHOW *", "SHOW session authorization",
    "SHOW TIME ZONE", "SHOW TRANSACTION ISOLATION LEVEL",
)

_HISTORY = (
    "TIMELINE_HISTORY 1", "TIMELINE_HISTORY 2", "TIMELINE_HISTORY 77", "TIMELINE_HISTORY 0",
    "TIMELINE_HISTORY", "TIMELINE_HISTORY -1", "TIMELINE_HISTORY x", "TIMELINE_HISTORY 1 2",
    "TIMELINE_HISTORY 1;", "TIMELINE_HISTORY 4294967295", "TIMELINE_HISTORY 4294967296",
    "TIMELINE_HISTORY 4294967298", "TIMELINE_HISTORY 99999999999999999999999",
    "TIMELINE_HISTORY 18446744073709551617", "TIMELINE_HISTORY 0x1",
    "TIMELINE_HISTORY 1.0", "TIMELINE_HISTORY '1'", 'TIMELINE_HISTORY "1"',
    "TIMELINE_HISTORY 00077",
    "TIMELINE_HISTORY 1/1", "TIMELINE_HISTORY +1", "TIMELINE_HISTORY TIMELINE 1",
    "TIMELINE_HISTORY (1)", "TIMELINE_HISTORY\n1", "TIMELINE_HISTORY1", "TIMELINE_HISTORY 1a",
    "TIMELINE_HISTORY 2147483648", "TIMELINE_HISTORY 1,",
)

_START = (
    "START_REPLICATION", "START_REPLICATION PHYSICAL", "START_REPLICATION 0", "START_REPLICATION /",
    "START_REPLICATION 0/", "START_REPLICATION /0", "START_REPLICATION x/y",
    "START_REPLICATION 0/0/0", "START_REPLICATION '0/0'", "START_REPLICATION 0/0 0/0",
    "START_REPLICATION 0 / 0", "START_REPLICATION -0/0", "START_REPLICATION 0x0/0",
    "START_REPLICATION 0/0 TIMELINE", "START_REPLICATION 0/0 TIMELINE 0",
    "START_REPLICATION 0/0 TIMELINE x", "START_REPLICATION 0/0 TIMELINE -1",
    "START_REPLICATION 0/0 TIMELINE 7", "START_REPLICATION 0/0 TIMELINE 4294967295",
    "START_REPLICATION 0/0 TIMELINE 4294967296", "START_REPLICATION 0/0 TIMELINE 1 TIMELINE 1",
    "START_REPLICATION TIMELINE 1 0/0", "START_REPLICATION LOGICAL 0/0",
    "START_REPLICATION SLOT", "START_REPLICATION SLOT s", "START_REPLICATION SLOT 0/0",
    "START_REPLICATION SLOT no_such 0/0", "START_REPLICATION SLOT no_such PHYSICAL 0/0",
    "START_REPLICATION SLOT no_such 0/0 TIMELINE 9", "START_REPLICATION SLOT NO_SUCH 0/0",
    'START_REPLICATION SLOT "No Such" 0/0', 'START_REPLICATION SLOT "" 0/0',
    "START_REPLICATION SLOT 's' 0/0", "START_REPLICATION PHYSICAL SLOT s 0/0",
    "START_REPLICATION SLOT no_such LOGICAL 0/0", "START_REPLICATION SLOT no_such LOGICAL 0/0 ()",
    "START_REPLICATION SLOT no_such LOGICAL 0/0 (a)",
    "START_REPLICATION SLOT no_such LOGICAL 0/0 (a 'b', \"c\" 'd')",
    "START_REPLICATION SLOT no_such LOGICAL 0/0 (a b)",
    "START_REPLICATION SLOT no_such LOGICAL 0/0 (a 1)",
    "START_REPLICATION SLOT no_such LOGICAL 0/0 TIMELINE 1",
    "START_REPLICATION SLOT no_such LOGICAL", "START_REPLICATION SLOT " + "s" * 80 + " 0/0",
    "start_replication 0/0", "START_REPLICATION 0/0 (a 'b')", "START_REPLICATION 0/g",
    "START_REPLICATION SLOT no_such LOGICAL 0/0 (a 'b',)",
    "START_REPLICATION SLOT no_such LOGICAL 0/0 (a 'unterminated)",
    "START_REPLICATION physical 0/0", "START_REPLICATION slot s 0/0",
)

# Refused before PostgreSQL has begun anything: a base backup that runs would write WAL.
_BASE_BACKUP = (
    "BASE_BACKUP (", "BASE_BACKUP ()", "BASE_BACKUP (LABEL 'x'", "BASE_BACKUP LABEL 'x' LABEL 'y'",
    "BASE_BACKUP LABEL", "BASE_BACKUP LABEL x", "BASE_BACKUP 'x'", "BASE_BACKUP x",
    "BASE_BACKUP (LABEL 'unterminated)", "BASE_BACKUP (,)", "BASE_BACKUP (LABEL 'x',)",
    "BASE_BACKUP (LABEL 'x') x", "BASE_BACKUPS",
)
_BASE_BACKUP_OPTIONS = ("BASE_BACKUP (NO_SUCH)", "BASE_BACKUP (LABEL 'x', LABEL 'y')",
                        "BASE_BACKUP (TARGET 'nowhere')", "BASE_BACKUP (MAX_RATE 1)",
                        "BASE_BACKUP (PROGRESS 'maybe')")

_LONG = "n" * 63


def _named(text):
    return text if len(text) < 70 else text[:60] + "..."


def _whole_texts():
    for text in _IDENTIFY + _SQL + _SHOW + _HISTORY + _START + _BASE_BACKUP:
        yield command(_named(text) or "(empty)", text.encode("latin-1"))
    for text in _BASE_BACKUP_OPTIONS:
        yield command(text.replace("BASE_BACKUP (", "BASE_BACKUP with ("), text)
    yield command("SHOW of 63 bytes", f"SHOW {_LONG}")
    yield command("SHOW of 64 bytes", f"SHOW {_LONG}x")
    yield command("SHOW of 64 quoted bytes", f'SHOW "{_LONG}x"')
    yield command("SHOW of two long names", f"SHOW {_LONG}x.{_LONG}y")
    yield command("SHOW of a thousand names", "SHOW " + ".".join("abcdefgh" for _ in range(1000)))
    yield command("a long blank start", " " * 20000 + "IDENTIFY_SYSTEM")
    yield command("a long blank end", "IDENTIFY_SYSTEM" + "\n" * 20000)
    yield command("a long text of SQL", "SELECT '" + "x" * 200_000 + "'")
    yield command("a long unquoted word", "x" * 100_000)
    yield command("a long number of a timeline", "TIMELINE_HISTORY " + "1" * 5000)


def _strings():
    text = b"SHOW wal_segment_size"
    for name, body in {
        "without an end": text, "with a byte behind its end": text + b"\0x",
        "with two ends": text + b"\0\0", "with a second string": text + b"\0" + text + b"\0",
        "that is only an end": b"\0", "that is nothing": b"", "that ends at once": b"\0" + text,
        "of SQL without an end": b"SELECT 1",
    }.items():
        yield session(f"query {name}", send(message("Q", body)), send(SEGMENT_SIZE))


def _pipelines():
    yield session("two queries at once", send(SEGMENT_SIZE + IDENTIFY))
    yield session("fifty queries at once", send(SEGMENT_SIZE * 50))
    yield session("queries byte by byte", pieces(SEGMENT_SIZE + IDENTIFY))
    yield session("queries in threes", pieces((SEGMENT_SIZE + IDENTIFY) * 3, 3))
    yield session("bad and good queries at once",
                  send(query("SELECT 1") + SEGMENT_SIZE + query("SHOW") + SEGMENT_SIZE))
    yield session("queries behind the end", send(message("X") + SEGMENT_SIZE), farewell=b"")
    yield session("an end with a body", send(message("X", b"body") + SEGMENT_SIZE), farewell=b"")
    yield session("half a query", send(SEGMENT_SIZE[:-1]), farewell=b"")
    yield session("a query, then half of one", send(SEGMENT_SIZE + SEGMENT_SIZE[:3]), farewell=b"")
    yield session("only the type of a query", send(b"Q"), farewell=b"")
    yield session("nothing but the greeting", farewell=b"")
    yield session("a query in two halves", send(SEGMENT_SIZE[:7]), send(SEGMENT_SIZE[7:]))


def scripts(site):
    del site
    yield from _whole_texts()
    yield from _strings()
    yield from _pipelines()
