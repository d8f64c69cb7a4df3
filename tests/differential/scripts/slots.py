"""Physical slots: their lives, who holds them, and what streams do to them."""

from play.messages import (COPY_DONE, FUNCTION_CALL, IDENTIFY, PARSE, SYNC, TERMINATE, copy,
                           message, query, status)
from play.pair import MAX_SLOTS
from play.script import (ask, cancel_until_told, greet, half_close, ready, reply, script, send,
                         session, to_end)
from support.lsn import format_lsn

_CREATE = "CREATE_REPLICATION_SLOT s PHYSICAL"
_TEMPORARY = "CREATE_REPLICATION_SLOT s TEMPORARY PHYSICAL"
_READ = ask("READ_REPLICATION_SLOT s")
_DROP = ask("DROP_REPLICATION_SLOT s")


def _on(connection, steps):
    """The same steps on another connection."""
    return [type(step)(step.what, step.argument, connection) for step in steps]


def _start(site, on="a", lsn=None, suffix=""):
    text = f"START_REPLICATION SLOT s {format_lsn(site.end if lsn is None else lsn)}{suffix}"
    return [send(query(text), on), reply("WZ", on)]


def _stop(on="a"):
    return [send(COPY_DONE, on), ready(on)]


def _keep(name, *steps, **parameters):
    """A script whose slot outlives its session."""
    return session(name, *steps, slots=["s"], **parameters)


def _two(name, *steps, farewell=SYNC):
    """Two sessions, a and b."""
    return script(name, greet(), greet(on="b"), *steps, slots=["s"], farewell=farewell)


def _creations():
    for text in (
        _CREATE, _CREATE + ";", _CREATE + " RESERVE_WAL", _CREATE + " (RESERVE_WAL)",
        _CREATE + " ( RESERVE_WAL )", _CREATE + " (RESERVE_WAL true)",
        _CREATE + " (RESERVE_WAL false)", _CREATE + " (RESERVE_WAL 'on')",
        _CREATE + " (RESERVE_WAL off)", _CREATE + " (RESERVE_WAL 1)", _CREATE + " (RESERVE_WAL 0)",
        _CREATE + " (RESERVE_WAL 'TRUE')", _CREATE + " (reserve_wal)",
        _CREATE + " (\"reserve_wal\")",
        _TEMPORARY, _TEMPORARY + " RESERVE_WAL", _TEMPORARY + " (RESERVE_WAL)",
        "CREATE_REPLICATION_SLOT S PHYSICAL", 'CREATE_REPLICATION_SLOT "s" TEMPORARY PHYSICAL',
    ):
        yield _keep(f"{text}, read and dropped", ask(text), _READ, _DROP, _READ)
    yield _keep("a slot twice", ask(_CREATE), ask(_CREATE), ask(_TEMPORARY), _DROP)
    yield _keep("a slot twice, with a bad option", ask(_CREATE), ask(_CREATE + " (NO_SUCH)"), _DROP)
    yield _keep("a slot dropped twice", ask(_CREATE), _DROP, _DROP)
    yield _keep("a slot created again", ask(_CREATE), _DROP, ask(_CREATE + " RESERVE_WAL"), _READ,
                _DROP)
    yield _keep("a slot and its end at once",
                send(query(_CREATE) + query("READ_REPLICATION_SLOT s")
                     + query("DROP_REPLICATION_SLOT s") + query("READ_REPLICATION_SLOT s")))
    yield _keep("a slot dropped with WAIT", ask(_CREATE), ask("DROP_REPLICATION_SLOT s WAIT"),
                _READ)
    yield script("a slot outlives its session",
                 greet(), ask(_CREATE), send(TERMINATE), to_end(),
                 greet(on="b"), _on("b", _READ), _on("b", _DROP), slots=["s"])


def _room():
    names = [f"s{i}" for i in range(MAX_SLOTS + 1)]
    create = [ask(f"CREATE_REPLICATION_SLOT {name} TEMPORARY PHYSICAL") for name in names]
    yield session("too many temporary slots", create, [ask(f"READ_REPLICATION_SLOT {name}")
                                                       for name in names])
    kept = [ask(f"CREATE_REPLICATION_SLOT {name} PHYSICAL") for name in names]
    yield session("too many slots", kept, [ask(f"DROP_REPLICATION_SLOT {name}") for name in names],
                  slots=names)
    yield session("room again after a drop", kept, ask("DROP_REPLICATION_SLOT s0"),
                  ask("CREATE_REPLICATION_SLOT s4 PHYSICAL"), ask("READ_REPLICATION_SLOT s4"),
                  slots=names)
    yield session("a name that is taken where there is no room", kept[:MAX_SLOTS],
                  ask("CREATE_REPLICATION_SLOT s0 PHYSICAL"), slots=names)


def _temporary():
    gone = {
        "SQL": send(query("SELECT 1")), "a syntax error": send(query("SHOW")),
        "an unknown parameter": send(query("SHOW no_such")),
        "the extended protocol": send(PARSE + SYNC), "a function call": send(FUNCTION_CALL),
        "a bad string": send(message("Q", b"SHOW x")),
        "a bad flush": send(message("H", b"x") + SYNC),
        "another slot that is not there": send(query("DROP_REPLICATION_SLOT no_such")),
        "its own name": send(query(_TEMPORARY)),
        "a missing history": send(query("TIMELINE_HISTORY 77")),
        "a stream that is refused": send(query("START_REPLICATION 0/0 TIMELINE 9")),
        "a stream too old": send(query("START_REPLICATION 0/0")),
    }
    for name, step in gone.items():
        yield session(f"a temporary slot is gone after {name}", ask(_TEMPORARY), step, ready(),
                      _READ, slots=["s"])
    kept = {
        "a good command": send(IDENTIFY), "Sync": send(SYNC),
        "left-overs of a copy": send(copy(b"x") + COPY_DONE + SYNC),
        "a notice": send(query("READ_REPLICATION_SLOT " + "s" * 70)),
        "another temporary one": send(query("CREATE_REPLICATION_SLOT t TEMPORARY PHYSICAL")),
    }
    for name, step in kept.items():
        yield session(f"a temporary slot stays after {name}", ask(_TEMPORARY), step, ready(), _READ)
    yield session("all temporary slots are gone after an error", ask(_TEMPORARY),
                  ask("CREATE_REPLICATION_SLOT t TEMPORARY PHYSICAL"), ask("SELECT 1"), _READ,
                  ask("READ_REPLICATION_SLOT t"))
    yield _keep("a persistent slot stays after an error", ask(_CREATE), ask("SELECT 1"), _READ,
                _DROP)
    for name, end in {"Terminate": send(TERMINATE), "no word": half_close(),
                      "a fatal error": send(message("Z"))}.items():
        yield script(f"a temporary slot is gone after {name}", greet(), ask(_TEMPORARY), end,
                     to_end(), greet(on="b"), _on("b", _READ), ask(_TEMPORARY, "b"),
                     farewell=SYNC)


def _held(site):
    other = _on("b", _start(site))
    active = {
        "streamed from": send(query(f"START_REPLICATION SLOT s {format_lsn(site.end)}")),
        "dropped": send(query("DROP_REPLICATION_SLOT s")),
        "created": send(query(_CREATE)), "read": send(query("READ_REPLICATION_SLOT s")),
    }
    for name, step in active.items():
        yield _two(f"a slot in use is {name} by another", ask(_CREATE), other, step, ready(),
                   _stop("b"))
        yield _two(f"a temporary slot is {name} by another", ask(_TEMPORARY, "b"), step, ready())
    yield _two("a slot is free after its stream", ask(_CREATE), other, _stop("b"), _start(site),
               _stop(), _DROP)
    yield _two("a slot is free after its session", ask(_CREATE), other, send(TERMINATE, "b"),
               to_end("b"), _start(site), _stop(), _DROP)
    yield _two("a slot is free after an error in its stream", ask(_CREATE), other,
               send(copy(b""), "b"), ready("b"), _start(site), _stop(), _DROP)
    yield _two("a slot is free after a refused stream", ask(_CREATE),
               _start(site, "b", suffix=" TIMELINE 9"), _start(site), _stop(), _DROP)
    yield _two("a drop waits for the end of a stream", ask(_CREATE), other,
               send(query("DROP_REPLICATION_SLOT s WAIT")), _stop("b"), ready(), _READ)
    yield _two("a drop waits for the end of a session", ask(_CREATE), other,
               send(query("DROP_REPLICATION_SLOT s WAIT")), send(TERMINATE, "b"), to_end("b"),
               ready(), _READ)
    yield _two("what comes behind a drop that waits", ask(_CREATE), other,
               send(query("DROP_REPLICATION_SLOT s WAIT") + IDENTIFY), _stop("b"), ready(), ready())
    yield _two("two drops wait", greet(on="c"), ask(_CREATE), other,
               send(query("DROP_REPLICATION_SLOT s WAIT")), _stop("b"), ready(),
               _on("c", ask("DROP_REPLICATION_SLOT s WAIT")))
    yield _two("a drop that waits is cancelled", ask(_CREATE), other,
               send(query("DROP_REPLICATION_SLOT s WAIT")), cancel_until_told(), ready(),
               _READ, _stop("b"), _DROP)
    yield _two("a drop waits for a session that says no more", ask(_CREATE), other,
               send(query("DROP_REPLICATION_SLOT s WAIT")), half_close(), _stop("b"), to_end(),
               farewell=b"")
    yield _two("a drop waits for a temporary slot", ask(_TEMPORARY, "b"),
               send(query("DROP_REPLICATION_SLOT s WAIT")), send(TERMINATE, "b"), to_end("b"),
               ready())
    yield session("a temporary slot is dropped by its owner, waiting", ask(_TEMPORARY),
                  ask("DROP_REPLICATION_SLOT s WAIT"), _READ)


def _moved(site):
    """What a stream's reports do to restart_lsn."""
    reports = {
        "nothing": b"", "its flush": status(site.middle), "write only": status(site.middle, 0),
        "apply only": status(0, 0, site.middle),
        "a step back": status(site.end) + status(site.middle),
        "a position beyond the end": status(site.end + (1 << 30)),
        "the least position": status(1), "zero after something": status(site.middle) + status(0),
        "the greatest position": status(0xFFFFFFFFFFFFFFFF),
        "a position within a page": status(site.middle + 12345),
    }
    for name, data in reports.items():
        yield _keep(f"a slot told of {name}", ask(_CREATE), _start(site), send(data), _stop(),
                    _READ)
        yield _keep(f"a reserved slot told of {name}", ask(_CREATE + " RESERVE_WAL"), _start(site),
                    send(data), _stop(), _READ)
    yield _keep("a temporary slot told of its flush", ask(_TEMPORARY), _start(site),
                send(status(site.middle)), _stop(), _READ)
    yield _keep("a slot told of its flush keeps it after an error", ask(_CREATE), _start(site),
                send(status(site.middle) + copy(b"")), ready(), _READ, _DROP)
    yield _keep("a slot is used where its WAL was never kept", ask(_CREATE), _start(site, lsn=0),
                ready(), _READ)
    yield _keep("a slot read while it is told", ask(_CREATE), _start(site),
                send(status(site.middle, reply=True)), reply("d"), greet(on="b"), _on("b", _READ),
                _stop())
    yield _keep("a slot on another timeline", ask(_CREATE), _start(site, suffix=" TIMELINE 9"),
                _READ)
    yield _keep("a slot on its own timeline", ask(_CREATE), _start(site, suffix=" TIMELINE 1"),
                _stop(), _READ)
    yield _keep("a physical slot used by a logical stream", ask(_CREATE),
                ask(f"START_REPLICATION SLOT s LOGICAL {format_lsn(site.end)}"), _READ)
    yield _keep("a temporary slot stays with its session after a stream", ask(_TEMPORARY),
                _start(site), _stop(), _READ, greet(on="b"), _on("b", _start(site)), farewell=SYNC)
    yield _keep("a stream of a slot ahead of the end", ask(_CREATE),
                _start(site, lsn=site.end + 8), ready(), _READ, _start(site), _stop())
    yield _keep("a slot and a stream without one", ask(_CREATE),
                ask("START_REPLICATION FFF/0"), _READ, _DROP)


def scripts(site):
    yield from _creations()
    yield from _room()
    yield from _temporary()
    yield from _held(site)
    yield from _moved(site)
