"""Plays the matrix of loads and servers, keeps what comes of it, and writes the document with its
plots."""

import datetime
import os
import shlex
import sys
import time

# tests/e2e/support
from support.area import Area
# perf
from drain import allow_files
from matrix import document, figures, plan as plans
from matrix.loads import LOADS
from matrix.machine import setup
from matrix.store import Store


def say(text):
    print(text, flush=True)


def minutes(seconds):
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"


def open_turns(load, plan, store):
    """What is still to be measured."""
    turns = load.turns(plan)
    if plan.fresh:
        store.forget(load.name, turns)
    return [turn for turn in turns if not store.has(load.name, turn)]


def estimate(load, plan, turns):
    seconds = load.setup_seconds + sum(load.seconds(plan, turn) for turn in turns)
    return seconds if turns else 0


def play_part(load, plan, store, turns, command):
    """Each run is kept at once: what is cut short goes on from there the next time."""
    begun = time.monotonic()
    with Area(load.directory(plan)) as area:
        say(f"{load.name}: {len(turns)} runs, about {minutes(estimate(load, plan, turns))} min")
        played = load(area, plan)
        context = setup(area, command)
        for turn in turns:
            at = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M")
            found = played.play(turn)
            store.add(load.name, turn, context, at, found)
            say(f"{minutes(time.monotonic() - begun)} {load.name}: {turn}: "
                f"{figures.short(load.name, found)}")


def say_claims(store):
    say("")
    for verdict in figures.verdicts(store):
        say(f"{verdict.state:<12} {verdict.value:>12}  ({verdict.bound})  {verdict.what}")


def main():
    plan = plans.parse()
    command = shlex.join(["perf/compare.sh", *sys.argv[1:]])
    allow_files()
    store = Store(os.path.join(plan.into, "benchmarks"))
    loads = [] if plan.document else [LOADS[name] for name in plan.only]
    work = [(load, open_turns(load, plan, store)) for load in loads]
    total = sum(estimate(load, plan, turns) for load, turns in work)
    say(f"{sum(len(turns) for _, turns in work)} runs, about {minutes(total)} min in all: "
        + ", ".join(f"{load.name} {minutes(estimate(load, plan, turns))}" for load, turns in work))
    if plan.estimate:
        return
    for load, turns in work:
        if turns:
            play_part(load, plan, store, turns, command)
    path = document.write(store, plan.into)
    say_claims(store)
    say(f"\nWritten: {path}")


if __name__ == "__main__":
    main()
