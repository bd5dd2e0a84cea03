"""Which of a pool's shards a claim draws from, when it looks around, and when it may give up.

A pool's stock lies in N counters ("shards"). A claim draws its unit from any one of them, inside
its own transaction. Transactions that meet on a shard are refused, not queued, so processes keep
apart: each is given a home shard that it draws from. It counts its own draws, so it knows without
asking when its home must be empty. What it does then depends on how much is left in the pool:

    not all homes are given out   it asks for another one
    most shards have units        it takes one of them at random
    some are still full           it looks at a hundred, and moves half of a full one to its home
    few units are left            it looks, and draws once where it saw some; if somebody was
                                  faster, it waits a moment before it looks again
    none is seen                  it asks whether the pool is marked sold out, or proves it

Nothing here is needed for correctness: every draw is conditional, no shard is owned, and a pool is
sold out only when the caller has read that (`Ask`) or shown it (`Prove`). What is known of levels
is an estimate, old by nature; a wrong one costs an attempt. The numbers below were chosen with the
simulation of `make bench`; docs/performance.md has what they give.

Pure: no I/O and no clock; chance comes from the `random.Random` that is passed in.
"""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import NamedTuple, TypeVar

# What one BatchGetItem takes.
SHARDS_PER_LOOK = 100
# While so large a part of the shards has units, one at random is as good as one that was seen. The
# part is known from the last look, and taken to shrink by this much with each shard found empty.
MOST = 0.8
SHRINKS = 0.9
# From this level on, half of a shard in use is moved rather than shared: below, meeting its other
# visitors now and then is cheaper than the move.
MOVE_FROM = 8
# The fullest of so many shards, picked at random from those seen with units: many for a move, which
# pays the more the more is moved; few for a draw, or all processes would run after the fullest.
PICKED_FOR_MOVE = 25
PICKED_FOR_DRAW = 8
# From this level on, a process that meets another at its home leaves it for good.
WORTH_LEAVING = 16
# How long the other one at a home that is not worth leaving is let pass.
YIELD_S = (0.003, 0.006)
# The pause after a draw that came too late: at most so long at first, and at most at all.
FIRST_PAUSE_S = 0.01
LONGEST_PAUSE_S = 0.03
# Where a look shows fewer units than this, not every process that saw them goes for them at once.
FEW_UNITS = 8
FEW_PAUSE_S = 0.01
# Steps of one claim that may fail before it is answered BUSY.
PATIENCE = 40
# A proof that shows neither units nor their absence took up to six readings of the whole pool: it
# counts for so many failures, or a claim would outlast its caller.
OPEN_PROOF = 10
# Waiting where there is no other shard to go to: at first, and at most, before jitter of a half.
FIRST_WAIT_S = 0.02
LONGEST_WAIT_S = 0.16


# The steps. NamedTuples and bare classes: a dataclass takes half a millisecond of each cold start.


class Draw(NamedTuple):
    """Try the claim's transaction with one unit of this shard."""

    shard: int


class Settle:
    """Count one home more that was given out in this pool: one small write, not a transaction.

    Shards are given out in order, so that no two processes get the same one while there are more.
    """


class Look(NamedTuple):
    """Read the available units of these shards, strongly consistent: one call, at most 100.

    An eventually consistent answer costs half as much, but is older: where few units are left,
    every other one of its units would be gone.
    """

    shards: tuple[int, ...]


class Move(NamedTuple):
    """Move units from one shard to another: one transaction."""

    source: int
    target: int
    units: int


class Ask:
    """Read the pool, strongly consistent: is it marked sold out? If so, the claim ends there."""


class Prove:
    """Read all shards twice, strongly consistent; mark the pool sold out when none has a unit.

    2 x ceil(N / 100) calls; it stops where units are seen. If none is, the claim ends there.
    """


class Pause(NamedTuple):
    """Wait: somebody else is about to prove it, or is in the way at the only shard there is."""

    seconds: float


class GiveUp:
    """Answer BUSY: units may be left, but others were faster too often."""


Step = Draw | Settle | Look | Move | Ask | Prove | Pause | GiveUp
StepT = TypeVar("StepT", bound=Step)


class Drawer:
    """What one process knows of one pool; lives as long as the process.

    Not for several threads. Several of its searches may be open at once in one thread: each open
    draw reserves its unit in the estimates until it is reported.

    Args:
        shard_count: the pool's shards, at least 1.
        planned_units: what was spread evenly over them at first.
        random: where chance comes from.

    """

    def __init__(self, shard_count: int, planned_units: int, random: Random) -> None:
        self.random = random
        self._count = shard_count
        self._planned = planned_units
        units, left = divmod(planned_units, shard_count)
        # Upper estimates of what is left; 0 is "known to be empty".
        self._levels = [units + 1] * left + [units] * (shard_count - left)
        self._untouched_from: float = max(1, units)
        self._reserved: dict[int, int] = {}
        self._part_with_units = 1.0
        self._home: int | None = None if shard_count > 1 else 0
        self._owns_home = False
        self._may_settle = 1 < shard_count <= planned_units

    @property
    def shard_count(self) -> int:
        """The pool's shards."""
        return self._count

    def search(self) -> Search:
        """One claim's (one unit's) way to a unit."""
        return Search(self)

    def refilled(self) -> None:
        """Forgets what is known of levels: stock came back or was changed."""
        self._levels = [max(1, self._planned)] * self._count
        self._untouched_from = float("inf")
        self._part_with_units = 0.0

    # What follows is between a drawer and its searches.

    def left(self, shard: int) -> int:
        """Units that may be left there and that no open draw has reserved."""
        return self._levels[shard] - self._reserved.get(shard, 0)

    def reserve(self, shard: int) -> None:
        """An open draw counts on a unit there."""
        self._reserved[shard] = self._reserved.get(shard, 0) + 1

    def release(self, shard: int) -> None:
        """The draw was reported."""
        open_draws = self._reserved[shard] - 1
        if open_draws:
            self._reserved[shard] = open_draws
        else:
            del self._reserved[shard]

    def took(self, shard: int, units: int) -> None:
        """Units have left that shard, by a draw or a move of ours."""
        self._levels[shard] = max(0, self._levels[shard] - units)

    def learn(self, shard: int, level: int) -> None:
        """That many units were there a moment ago."""
        self._levels[shard] = level

    def learn_all(self, levels: Mapping[int, int]) -> list[int]:
        """Takes the answer to a look; the shards that have units which no open draw counts on."""
        for shard, level in levels.items():
            self._levels[shard] = level
        seen = sum(level > 0 for level in levels.values())
        self._part_with_units = seen / len(levels) if levels else 0.0
        return [shard for shard in levels if self.left(shard) > 0]

    def found_empty(self) -> None:
        """A shard that might have had units had none: fewer have them than was thought."""
        self._part_with_units *= SHRINKS

    @property
    def home(self) -> int | None:
        """Where this process draws; None until it was given a home."""
        return self._home

    @property
    def owns_home(self) -> bool:
        """Whether it was given a home of its own; then it need not share."""
        return self._owns_home

    @property
    def may_settle(self) -> bool:
        """Whether there may be shards that no process was given as its home."""
        return self._may_settle

    def given(self, homes: int | None) -> None:
        """Moves to the next home, of which so many were given out; None where nobody knows."""
        if homes is not None and homes < self._count:
            self._home = homes
            self._owns_home = True
            self._may_settle = self.left(homes) > 0
        else:
            # It looks before it moves in with somebody.
            self._may_settle = False
            self._part_with_units = 0.0

    def settle(self, shard: int) -> None:
        """Draws there from now on."""
        self._home = shard

    def has_plenty(self) -> bool:
        """Whether most of the shards seem to have units."""
        return self._part_with_units >= MOST

    def some_other(self) -> int | None:
        """A shard at random, not home nor known to be empty; None when a few tries find none."""
        for _ in range(8):
            shard = self.random.randrange(self._count)
            if shard != self._home and self.left(shard) > 0:
                return shard
        return None

    def is_untouched(self, shard: int) -> bool:
        """Whether nobody seems to draw there: it has all that it was given."""
        return self._levels[shard] >= self._untouched_from

    def unseen(self, *, afresh: bool) -> tuple[int, ...]:
        """Shards at random to look at; not those known to be empty unless `afresh`."""
        size = min(SHARDS_PER_LOOK, self._count)
        every = range(self._count)
        if afresh or self._count == size:
            return tuple(self.random.sample(every, size))
        some = [
            s for s in self.random.sample(every, min(2 * size, self._count)) if self.left(s) > 0
        ]
        if len(some) < size:
            some = [shard for shard in every if self.left(shard) > 0]
            size = min(size, len(some))
        return tuple(self.random.sample(some, size))


class Search:
    """One unit's way: ask for a `step`, do it, report what came of it exactly once; and again.

    The way is bounded: after `PATIENCE` failures comes GiveUp.
    """

    def __init__(self, drawer: Drawer) -> None:
        self._drawer = drawer
        self._step: Step | None = None
        self._next: Step | None = None
        # Shards that this search's last look showed with units; an older sight is worth nothing.
        self._seen: list[int] = []
        self._saw_none = False
        self._shuns_home = False
        self._failures = 0
        self._late = 0
        self._waits = 0
        self._asked = 0

    def step(self) -> Step:
        """What to do next."""
        if self._failures >= PATIENCE:
            return GiveUp()
        step = self._next or self._choose()
        self._next = None
        self._step = step
        if isinstance(step, Draw):
            self._drawer.reserve(step.shard)
        return step

    def _choose(self) -> Step:
        drawer = self._drawer
        if drawer.home is not None and drawer.left(drawer.home) > 0 and not self._shuns_home:
            return Draw(drawer.home)
        if drawer.may_settle:
            return Settle()
        other = None if self._seen or not drawer.has_plenty() else drawer.some_other()
        if other is not None:
            drawer.found_empty()
            self._settle(other)
            return Draw(other)
        # A home may have been found there since it was seen.
        self._seen = [shard for shard in self._seen if shard != drawer.home]
        if self._seen:
            return self._draw_or_move()
        shards = () if self._saw_none else drawer.unseen(afresh=self._late > 1)
        return Look(shards) if shards else Ask()

    def _draw_or_move(self) -> Draw | Move:
        drawer = self._drawer
        full = self._fullest_of(PICKED_FOR_MOVE)
        if drawer.home is None or drawer.is_untouched(full):
            self._settle(full)
            return Draw(full)
        if drawer.owns_home and drawer.left(full) >= MOVE_FROM:
            return Move(full, drawer.home, drawer.left(full) // 2)
        return Draw(self._fullest_of(PICKED_FOR_DRAW))

    def _fullest_of(self, picked: int) -> int:
        choice = self._drawer.random.choice
        return max((choice(self._seen) for _ in range(picked)), key=self._drawer.left)

    def _settle(self, shard: int) -> None:
        self._drawer.settle(shard)
        self._shuns_home = False

    def _reported(self, kind: type[StepT]) -> StepT:
        step, self._step = self._step, None
        if not isinstance(step, kind):
            raise TypeError(f"{step} was asked for, not {kind}")
        return step

    def settled(self, homes: int | None) -> None:
        """Settle: so many homes were given out before; None where that could not be counted."""
        self._reported(Settle)
        self._drawer.given(homes)
        self._shuns_home = False

    def drawn(self) -> None:
        """Draw was granted."""
        step = self._reported(Draw)
        self._drawer.release(step.shard)
        self._drawer.took(step.shard, 1)

    def empty(self, available: int) -> None:
        """Draw was refused; the shard had that many units left (normally 0)."""
        step = self._reported(Draw)
        self._failures += 1
        self._drawer.release(step.shard)
        self._drawer.learn(step.shard, available)
        if step.shard == self._drawer.home:
            self._drawer.found_empty()
        self._came_late()

    def contended(self) -> None:
        """Draw or Move met another transaction, or a call was throttled."""
        step, self._step = self._step, None
        self._failures += 1
        if isinstance(step, Draw):
            self._drawer.release(step.shard)
            if step.shard == self._drawer.home:
                self._met_at_home(step.shard)
            else:
                self._came_late()
        elif isinstance(step, Move):
            self._seen.remove(step.source)
            self._come_later()

    def _met_at_home(self, home: int) -> None:
        drawer = self._drawer
        if drawer.shard_count == 1:
            self._next = Pause(self._wait_s())
            return
        is_first = not self._late
        other = drawer.some_other() if drawer.left(home) >= WORTH_LEAVING else None
        if other is not None:
            drawer.settle(other)
        self._shuns_home = other is None and not is_first
        if not is_first:
            self._come_later()
            return
        self._late = 1
        if other is None:
            self._next = Pause(drawer.random.uniform(*YIELD_S))

    def _came_late(self) -> None:
        """Others are at what was seen: they are let go first, and then is looked again."""
        self._seen = []
        self._come_later()

    def _come_later(self) -> None:
        longest = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2.0**self._late)
        self._late += 1
        self._next = Pause(longest * self._drawer.random.uniform(0.01, 1))

    def _wait_s(self) -> float:
        """How long to let the others pass who are at the only shard left, in seconds."""
        longest = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2.0**self._waits)
        self._waits += 1
        return longest * self._drawer.random.uniform(0.5, 1.5)

    def undone(self) -> None:
        """Draw was not granted for a reason that says nothing about the shard."""
        step = self._reported(Draw)
        self._failures += 1
        self._drawer.release(step.shard)

    def looked(self, levels: Mapping[int, int]) -> None:
        """Takes the answer to Look, by shard number."""
        self._reported(Look)
        self._saw(levels)
        units = sum(levels.values())
        chance = self._drawer.random
        if self._seen and chance.random() > units / FEW_UNITS:
            self._late += 1
            self._next = Pause(FEW_PAUSE_S * chance.uniform(0.5, 1.5))

    def _saw(self, levels: Mapping[int, int]) -> None:
        drawer = self._drawer
        seen = drawer.learn_all(levels)
        self._saw_none = not seen
        self._seen = [shard for shard in seen if shard != drawer.home]
        if seen and not self._seen:
            # Nowhere to go but home, where somebody is in the way.
            self._shuns_home = False
            self._next = Pause(self._wait_s())

    def moved(self, done: bool) -> None:  # noqa: FBT001 - the one fact that is reported
        """Move was carried out; False: the source had not that many any more."""
        step = self._reported(Move)
        self._drawer.took(step.source, step.units)
        if done:
            self._drawer.learn(step.target, step.units)
            self._shuns_home = False
        else:
            self._failures += 1
            self._seen.remove(step.source)

    def unmarked(self) -> None:
        """Ask: the pool is not marked sold out."""
        self._reported(Ask)
        self._asked += 1
        drawer = self._drawer
        few = drawer.shard_count <= SHARDS_PER_LOOK
        chance = 1.0 if few else min(1.0, 4.0**self._asked / 128)
        if drawer.random.random() < chance:
            self._next = Prove()
        else:
            self._next = Pause(drawer.random.uniform(0.5, 1.5) * 0.0001 * drawer.shard_count)

    def paused(self) -> None:
        """The pause is over."""
        self._reported(Pause)

    def found(self, levels: Mapping[int, int]) -> None:
        """Prove: units were seen there; nowhere, where it remained open."""
        self._reported(Prove)
        self._failures += 1 if levels else OPEN_PROOF
        self._saw(levels)
        self._saw_none = False
