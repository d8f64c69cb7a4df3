"""Plays a script at both servers and says where they part."""

import difflib

from play.messages import TERMINATE, query, startup
from play.player import play
from play.script import ready, send
from play.script import script as new_script


def answer(script, port):
    """What a server makes of a script, as lines that another server's can be held against."""
    transcripts = play(script, port)
    if script.slots:
        remove_slots(script.slots, port)
    names = {transcript.process_id: f"PID of {name}"
             for name, transcript in transcripts.items() if transcript.process_id}
    lines = []
    for name, transcript in transcripts.items():
        lines += [f"{name}: {_line(entry)}" for entry in transcript.comparable(names)]
    return lines


def remove_slots(names, port):
    """Drops persistent slots that scripts have left, and no matter if they are not there."""
    drops = [[send(query(f'DROP_REPLICATION_SLOT "{name}"')), ready()] for name in names]
    play(new_script("remove slots", send(startup()), ready(), *drops, farewell=TERMINATE), port)


def difference(expected, actual):
    """None, or a diff of the two: `-` is what PostgreSQL said, `+` what walcast said."""
    if expected == actual:
        return None
    diff = difflib.unified_diff(expected, actual, "PostgreSQL", "walcast", lineterm="", n=1)
    return "\n".join(list(diff)[2:])


def is_silent(lines):
    return any(line.endswith("<silence>") for line in lines)


def _line(entry):
    kind, *rest = entry
    return " ".join([kind if len(kind) == 1 else f"<{kind}>", *map(_word, rest)])


def _word(value):
    if isinstance(value, tuple) and len(value) == 2 and isinstance(value[0], str):
        return f"{value[0]}={value[1]!r}"
    return value if isinstance(value, str) else repr(value)
