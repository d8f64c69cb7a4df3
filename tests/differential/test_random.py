"""Scripts spoiled at random: both servers must refuse the same in the same words.

WALCAST_DIFFERENTIAL_SEED is the seed of the first mutant, each further one has the next number;
WALCAST_DIFFERENTIAL_COUNT is how many. A failure names the seed that replays it with a count of 1.
"""

import os
import random
import unittest
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import play  # first, for it finds `support`
from known import DOUBLED_QUOTE, DOUBLED_QUOTE_SINCE
from play.compare import Answer, difference, remove_slots
from play.mutate import Mutator
from play.pair import Pair
from play.player import play as play_script
from play.script import Script, half_close, pieces, ready, send, to_end
from scripts import GROUPS, PROMOTED_GROUPS
from support.case import E2eCase

_CONNECTIONS = 8  # at each server at a time
_SHOWN = 10       # differences of one run


def _script_of(mutant, piece):
    """Everything, then the end of our side: no server waits for more, and no clock decides."""
    steps = [send(mutant.greeting), ready()] if mutant.greeting else []
    return Script(f"mutant {mutant.seed}", [*steps, pieces(mutant.data, piece), half_close(),
                                            to_end()], farewell=b"")


def _outline(transcript):
    """What is said, without texts and without what a stream carries: how much of it a server sends
    before it reads on is a matter of the moment, and so is when it answers a ping, and whether it
    has come to the end of a timeline, and to its CopyDone, before it reads what ends the stream."""
    lines = []
    for kind, *rest in transcript.entries:
        if kind in ("E", "N"):
            fields = dict(rest)
            lines.append(f"{kind} {fields.get('V')} {fields.get('C')}")
        elif kind not in ("WAL", "d", "c", "S"):
            lines.append(kind)
    return lines


def _created(transcript):
    """The slots that an answer names."""
    name_column = "slot_name"
    names, in_result = [], False
    for kind, *rest in transcript.entries:
        if kind == "T":
            in_result = rest[0][0] == name_column
        elif kind == "D" and in_result:
            names.append(rest[0].decode())
    return names


class RandomCase(E2eCase):
    """Mutants of the scripts of some groups, at PostgreSQL and at another server."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.pair = cls.create_pair(cls.area)
        scripts = {**GROUPS, **PROMOTED_GROUPS}
        site = cls.pair.site
        cls.mutator = Mutator({group: scripts[group](site) for group in cls.SUBJECTS}, site.oldest)
        cls.other_port = cls.pair.walcast_port

    def play_mutants(self):
        first = int(os.environ.get("WALCAST_DIFFERENTIAL_SEED", random.randrange(1 << 32)))
        count = int(os.environ.get("WALCAST_DIFFERENTIAL_COUNT", self.COUNT))
        self.figure(f"WALCAST_DIFFERENTIAL_SEED={first} WALCAST_DIFFERENTIAL_COUNT={count}")
        mutants = [self.mutator.mutant(seed) for seed in range(first, first + count)]
        if self.pair.postgres_version < DOUBLED_QUOTE_SINCE:
            mutants = [mutant for mutant in mutants if DOUBLED_QUOTE not in mutant.data]
        alone = [mutant for mutant in mutants if mutant.creates_slots()]
        together = [mutant for mutant in mutants if not mutant.creates_slots()]
        with ThreadPoolExecutor(_CONNECTIONS) as pool:
            found = list(filter(None, pool.map(self.compare, together)))
        found += filter(None, map(self.compare, alone))
        if found:
            self.fail(f"{len(found)} of {count} mutants differ, PostgreSQL (-) and walcast (+):\n\n"
                      + "\n\n".join(found[:_SHOWN]))
        self.pair.assert_idle()

    def compare(self, mutant):
        """None, or how the two differ."""
        found = difference(partial(self.outline, mutant, self.pair.postgres_port),
                           partial(self.outline, mutant, self.other_port))
        return found and f"{mutant}\n{found}"

    def outline(self, mutant, port, attempt):
        """Pieces are for the first attempt: a piece that meets a closed socket resets it."""
        piece = mutant.piece if attempt == 0 else len(mutant.data)
        played = play_script(_script_of(mutant, piece), port)
        transcript = played.transcripts["a"]
        if created := _created(transcript):
            remove_slots(created, port)
        return Answer(_outline(transcript), played.was_reset)


class WalcastPlain(RandomCase):
    """All but settings, which are about parameters: see mutate.py."""

    COUNT = 2000
    SUBJECTS = ("startup", "encoding", "commands", "extended", "lengths", "slot_names", "slots",
                "streaming")
    create_pair = Pair.create

    def test_mutants_meet_the_same_fate(self):
        self.play_mutants()


class WalcastNewSeed(WalcastPlain):
    """Mutants that no run has had yet: ctest gives this one no seed. It prints the one it took."""

    COUNT = 500


class WalcastPromoted(RandomCase):
    COUNT = 500
    SUBJECTS = ("startup", "timelines", "commands")
    create_pair = Pair.create_promoted

    def test_mutants_meet_the_same_fate(self):
        self.play_mutants()


class PostgresPlain(WalcastPlain):
    """PostgreSQL against itself: what an outline has does not depend on the moment."""

    COUNT = 500

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.other_port = cls.pair.postgres_port


if __name__ == "__main__":
    unittest.main()
