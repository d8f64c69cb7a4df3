"""A script: a name, and the steps of one or more connections."""

from dataclasses import dataclass, field

from play.messages import IDENTIFY, SYNC, query, startup


@dataclass(frozen=True)
class Step:
    """Something that one connection does. `what` names a method of play.player.Connection."""
    what: str
    argument: object = None
    on: str = "a"


def send(data, on="a"):
    return Step("send", data, on)


def pieces(data, size=1, on="a"):
    """The same bytes in packets of `size`."""
    return Step("send_pieces", (data, size), on)


def ready(on="a"):
    """Everything up to ReadyForQuery is received before the script goes on."""
    return Step("await_types", "Z", on)


def reply(types, on="a"):
    """The same up to a message of one of these types."""
    return Step("await_types", types, on)


def wal_to(lsn, on="a"):
    """Everything up to the WAL before `lsn`."""
    return Step("await_wal", lsn, on)


def byte(on="a"):
    """One byte that is no message: the answer to SSLRequest and GSSENCRequest."""
    return Step("await_byte", None, on)


def untyped_rest(on="a"):
    """From here to its end the server speaks in no messages, such as protocol 2's errors."""
    return Step("await_untyped_end", None, on)


def cancel(other, on, key=None):
    """A CancelRequest with the key of `other`, or a wrong one."""
    return Step("send_cancel", (other, key), on)


def cancel_until_told(on="a"):
    """CancelRequests, until the server says something."""
    return Step("cancel_until_told", None, on)


def half_close(on="a"):
    return Step("half_close", None, on)


def to_end(on="a"):
    """Everything until the server closes, which it must do by itself."""
    return Step("await_end", None, on)


def greet(on="a", **parameters):
    """Two steps: a start-up packet, and the greeting."""
    return [send(startup(**parameters), on), ready(on)]


def ask(command, on="a"):
    """Two steps: a query, and all of its answer."""
    return [send(query(command), on), ready(on)]


# What every connection does at the end unless its script says otherwise: a session between commands
# answers Sync, one in a stream dies of it, and one in the middle of a message finds it too short.
FAREWELL = SYNC


@dataclass(frozen=True)
class Script:
    """Steps in order; then every connection says farewell, closes its side and reads to the end."""
    name: str
    steps: list
    farewell: bytes = FAREWELL
    slots: list = field(default_factory=list)  # persistent ones that it may leave behind

    def connections(self):
        return sorted({step.on for step in self.steps})

    def bytes_of(self, connection):
        """All that a connection sends, in order."""
        data = b""
        for step in self.steps:
            if step.on == connection and step.what == "send":
                data += step.argument
            elif step.on == connection and step.what == "send_pieces":
                data += step.argument[0]
        return data


def flatten(steps):
    """Steps and lists of steps as one list."""
    flat = []
    for step in steps:
        flat += flatten(step) if isinstance(step, list) else [step]
    return flat


def script(name, *steps, farewell=FAREWELL, slots=()):
    """From the first byte of a connection."""
    return Script(name, flatten(steps), farewell, list(slots))


def session(name, *steps, farewell=FAREWELL, slots=(), **parameters):
    """From the first command of a session."""
    return Script(name, flatten([greet(**parameters), *steps]), farewell, list(slots))


def command(name, text, *steps, **options):
    """One command, and IDENTIFY_SYSTEM behind it."""
    return session(name, ask(text), *steps, send(IDENTIFY), ready(), **options)
