"""A server that was promoted: two timelines, and where they part."""

from play.messages import (COPY_DONE, IDENTIFY, SEGMENT_SIZE, SYNC, TERMINATE, copy, query,
                           status)
from play.script import ask, ready, reply, send, session, wal_to
from support.lsn import format_lsn


def _start_text(lsn, timeline):
    return f"START_REPLICATION {format_lsn(lsn)}" + (f" TIMELINE {timeline}" if timeline else "")


def _start(lsn, timeline):
    return [send(query(_start_text(lsn, timeline))), reply("WZ")]


def _old(site):
    """Streams on timeline 1, which ends at the fork."""
    fork = site.forks[1]
    for name, lsn in {
        "its oldest segment": site.begin, "eight bytes before the fork": fork - 8,
        "the fork's segment": fork // site.segment_size * site.segment_size,
        "the byte before the fork": fork - 1, "the fork's page": fork // 8192 * 8192,
    }.items():
        yield session(f"timeline 1 from {name}", _start(lsn, 1), wal_to(fork), reply("c"),
                      send(COPY_DONE), ready(), send(IDENTIFY))
    start = [_start(fork - 8, 1), reply("c")]
    yield session("timeline 1 from the fork", _start(fork, 1), send(IDENTIFY))
    yield session("timeline 1 from the fork, CopyDone behind it", _start(fork, 1),
                  send(COPY_DONE + IDENTIFY))
    for name, lsn in {"a byte": fork + 1, "eight bytes": fork + 8, "all WAL": site.end,
                      "far": 0xFFF << 32}.items():
        yield session(f"timeline 1 from {name} beyond the fork", _start(lsn, 1), send(IDENTIFY))
    yield session("timeline 1 from nowhere", _start(0, 1), ready(), send(IDENTIFY))
    yield session("timeline 1 before its oldest segment", _start(site.begin - 1, 1), ready())
    yield session("after its end, statuses", start, send(status(fork) * 3 + COPY_DONE), ready())
    yield session("after its end, the next timeline at once",
                  start, send(COPY_DONE + query(_start_text(site.end, 2)) + COPY_DONE + IDENTIFY))
    yield session("after its end, a query", start, send(SEGMENT_SIZE))
    yield session("after its end, Sync", start, send(SYNC))
    yield session("after its end, the client's end", start, send(TERMINATE), farewell=b"")
    yield session("after its end, nothing", start, farewell=b"")
    yield session("after its end, half a message", start, send(b"d\0\0"), farewell=b"")
    yield session("after its end, a short status", start, send(copy(b"r")), ready(), send(IDENTIFY))
    yield session("CopyDone before its end", send(query(_start_text(fork - 8, 1)) + COPY_DONE),
                  ready(), send(IDENTIFY))


def _new(site):
    fork = site.forks[1]
    segment = fork // site.segment_size * site.segment_size
    for name, lsn in {"the fork": fork, "the fork's segment": segment,
                      "a byte beyond the fork": fork + 1, "the end": site.end}.items():
        for timeline in (2, None):
            yield session(f"timeline {timeline or 'unnamed'} from {name}", _start(lsn, timeline),
                          [wal_to(site.end)] if lsn < site.end else [],
                          send(status(site.end, reply=True)), reply("d"), send(COPY_DONE), ready(),
                          send(IDENTIFY))
    for name, lsn in {"before the fork's segment": segment - 1, "the oldest segment": site.begin,
                      "ahead of the end": site.end + 8}.items():
        for timeline in (2, None):
            yield session(f"timeline {timeline or 'unnamed'} from {name}", _start(lsn, timeline),
                          ready(), send(IDENTIFY))
    for name, behind in {"CopyDone": COPY_DONE, "Terminate": TERMINATE, "a query": IDENTIFY,
                         "a short status": copy(b"r") + COPY_DONE}.items():
        yield session(f"timeline 2 from before the fork's segment, {name} behind it",
                      send(query(_start_text(segment - 1, 2)) + behind + SEGMENT_SIZE))


def _slots(site):
    fork = site.forks[1]
    create, read = ask("CREATE_REPLICATION_SLOT s PHYSICAL"), ask("READ_REPLICATION_SLOT s")
    for name, told in {"before": fork - 8, "at": fork, "behind": fork + 8}.items():
        yield session(f"a slot told of a position {name} the fork", create,
                      send(query(f"START_REPLICATION SLOT s {format_lsn(site.end)}")), reply("W"),
                      send(status(told) + COPY_DONE), ready(), read, slots=["s"])
    yield session("a slot on timeline 1", create,
                  send(query(f"START_REPLICATION SLOT s {format_lsn(fork - 8)} TIMELINE 1")),
                  reply("c"), send(status(fork) + COPY_DONE), ready(), read, slots=["s"])
    yield session("a slot on timeline 1 at the fork", create,
                  ask(f"START_REPLICATION SLOT s {format_lsn(fork)} TIMELINE 1"), read,
                  ask("DROP_REPLICATION_SLOT s"), slots=["s"])
    yield session("a slot beyond the fork of timeline 1", create,
                  ask(f"START_REPLICATION SLOT s {format_lsn(fork + 8)} TIMELINE 1"), read,
                  ask("DROP_REPLICATION_SLOT s"), slots=["s"])


def scripts(site):
    for timeline in (0, 1, 2, 3, 4294967295):
        yield session(f"TIMELINE_HISTORY {timeline} of two", ask(f"TIMELINE_HISTORY {timeline}"),
                      send(IDENTIFY))
    yield session("IDENTIFY_SYSTEM on timeline 2", ask("IDENTIFY_SYSTEM"))
    yield session("timeline 3", _start(site.end, 3), send(IDENTIFY))
    yield session("timeline 4294967295", _start(site.end, 4294967295), send(IDENTIFY))
    for group in _old, _new, _slots:
        yield from group(site)
