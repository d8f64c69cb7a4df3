"""Plays a script at both servers and says where they part."""

import difflib
import re
from dataclasses import dataclass

from play.messages import TERMINATE, query, startup
from play.player import play
from play.script import flatten, ready, script, send

# A server that closes while input still comes resets the connection, and a reset may overtake what
# was said before it. It rarely does: then the script is played again.
_ATTEMPTS = 5


@dataclass(frozen=True)
class Answer:
    """What a server makes of a script, as lines that another server's can be held against."""
    lines: list
    was_reset: bool

    def outline(self):
        """Types and SQLSTATEs of all connections, without parameters: "R K Z ERROR:42704 Z"."""
        return " ".join(filter(None, map(_outline, self.lines)))

    def is_silent(self):
        return any(line.endswith("<silence>") for line in self.lines)


def answer(asked, port):
    """Everything, in the order in which each connection got it."""
    played = play(asked, port)
    if asked.slots:
        remove_slots(asked.slots, port)
    names = {transcript.process_id: f"PID of {name}"
             for name, transcript in played.transcripts.items() if transcript.process_id}
    lines = [f"{name}: {_line(entry)}" for name, transcript in played.transcripts.items()
             for entry in transcript.comparable(names, asked.bytes_of(name))]
    return Answer(lines, played.was_reset)


def remove_slots(names, port):
    """Drops persistent slots that scripts have left, and no matter if they are not there."""
    drops = [[send(query(f'DROP_REPLICATION_SLOT "{name}"')), ready()] for name in names]
    play(script("remove slots", send(startup()), ready(), flatten(drops), farewell=TERMINATE), port)


def difference(ask_postgres, ask_other):
    """None, or a diff of two answers: `-` is what PostgreSQL said, `+` what the other said. Both
    arguments are functions of the number of the attempt."""
    for attempt in range(_ATTEMPTS):
        expected, actual = ask_postgres(attempt), ask_other(attempt)
        assert not expected.is_silent(), "a bad script: PostgreSQL says nothing more than\n" \
            + "\n".join(expected.lines)
        if expected.lines == actual.lines:
            return None
        if not expected.was_reset and not actual.was_reset:
            break
    diff = difflib.unified_diff(expected.lines, actual.lines, lineterm="", n=1)
    return "\n".join(list(diff)[2:])


def settled(ask, accepts):
    """An answer that is accepted, or the last of several: one that was reset may lack its end."""
    for attempt in range(_ATTEMPTS):
        actual = ask(attempt)
        if accepts(actual) or not actual.was_reset:
            break
    return actual


def _outline(line):
    _, kind, *rest = line.split(" ", 2)
    if kind in ("E", "N"):
        fields = dict(re.findall(r"\b([VC])='(\w+)'", rest[0])[:2])
        return f"{fields.get('V')}:{fields.get('C')}"
    return None if kind == "S" else kind + rest[0] if kind == "<bytes>" else kind


def _line(entry):
    kind, *rest = entry
    return " ".join([kind if len(kind) == 1 else f"<{kind}>", *map(_word, rest)])


def _word(value):
    if isinstance(value, tuple) and len(value) == 2 and isinstance(value[0], str):
        return f"{value[0]}={value[1]!r}"
    return value if isinstance(value, str) else repr(value)
