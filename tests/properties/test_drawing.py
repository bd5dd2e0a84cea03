"""The policy against plain counters: whatever meets whom, all is drawn, and every way ends."""

from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from functions.shared.domain.drawing import (
    LONGEST_WAIT_S,
    OPEN_PROOF,
    PATIENCE,
    SHARDS_PER_LOOK,
    WORTH_LEAVING,
    Ask,
    Draw,
    Drawer,
    GiveUp,
    Look,
    Move,
    Pause,
    Prove,
    Search,
    Settle,
)

# Looks, asks and pauses between two failures are few; every one of them is counted.
MOST_STEPS = PATIENCE * 20


class Levels(list[int]):
    """Plain counters, and how many of them were given out as homes."""

    homes = 0

    def give_home(self) -> int:
        """How many were given out before."""
        self.homes += 1
        return self.homes - 1


pools = st.lists(st.integers(0, 60), min_size=1, max_size=130).map(Levels)


def look_around(step: Settle | Look | Move | Ask | Pause, search: Search, levels: Levels) -> None:
    """Does what is asked for between draws."""
    match step:
        case Settle():
            search.settled(levels.give_home())
        case Look(shards):
            assert 0 < len(shards) <= SHARDS_PER_LOOK
            assert len(set(shards)) == len(shards)
            search.looked({shard: levels[shard] for shard in shards})
        case Move(source, target, units):
            assert source != target
            assert units > 0
            done = levels[source] >= units
            if done:
                levels[source] -= units
                levels[target] += units
            search.moved(done)
        case Ask():
            search.unmarked()
        case Pause(seconds):
            assert 0 < seconds < 1
            search.paused()


def play(search: Search, levels: Levels, chance: Random, conflicts: float) -> bool | None:
    """One claim's way: True drawn, False sold out, None given up."""
    for _ in range(MOST_STEPS):
        step = search.step()
        match step:
            case Draw(shard):
                if chance.random() < conflicts:
                    search.contended()
                elif levels[shard]:
                    levels[shard] -= 1
                    search.drawn()
                    return True
                else:
                    search.empty(0)
            case Prove():
                left = {shard: level for shard, level in enumerate(levels) if level}
                if not left:
                    return False
                search.found(left)
            case GiveUp():
                return None
            case _:
                look_around(step, search, levels)
    raise AssertionError("a claim's way does not end")


@given(levels=pools, processes=st.integers(1, 5), seed=st.integers(0, 2**32))
def test_every_unit_is_drawn_and_only_then_is_it_sold_out(
    levels: Levels, processes: int, seed: int
) -> None:
    chance = Random(seed)  # noqa: S311 - a failure must be repeatable
    stock, planned = sum(levels), sum(levels)
    drawers = [Drawer(len(levels), planned, chance) for _ in range(processes)]
    sold = 0
    while True:
        drawn = play(chance.choice(drawers).search(), levels, chance, 0)
        assert drawn is not None, "nobody was in the way"
        if not drawn:
            break
        sold += 1
        assert sum(levels) == stock - sold
    assert sold == stock


@given(
    levels=pools,
    conflicts=st.floats(0, 1),
    seed=st.integers(0, 2**32),
    claims=st.integers(1, 30),
)
def test_in_any_contention_every_way_ends_and_no_unit_is_lost(
    levels: Levels, conflicts: float, seed: int, claims: int
) -> None:
    chance = Random(seed)  # noqa: S311 - as above
    stock = sum(levels)
    drawer = Drawer(len(levels), stock, chance)
    sold = sum(play(drawer.search(), levels, chance, conflicts) is True for _ in range(claims))
    assert sum(levels) == stock - sold


@given(levels=pools, seed=st.integers(0, 2**32), wanted=st.integers(2, 4))
def test_searches_that_are_open_at_once_never_count_on_the_same_unit(
    levels: Levels, seed: int, wanted: int
) -> None:
    """A pack's draws of one pool are merged: together they ask no shard for more than is known."""
    chance = Random(seed)  # noqa: S311 - as above
    drawer = Drawer(len(levels), sum(levels), chance)
    asked: dict[int, int] = {}
    for search in [drawer.search() for _ in range(wanted)]:
        for _ in range(MOST_STEPS):
            step = search.step()
            match step:
                case Draw(shard):
                    asked[shard] = asked.get(shard, 0) + 1
                    break
                case Prove():
                    search.found({s: level for s, level in enumerate(levels) if level})
                case Move():
                    search.moved(done=False)
                case GiveUp():
                    break
                case _:
                    look_around(step, search, levels)
        else:
            raise AssertionError("a claim's way does not end")
    planned = -(-sum(levels) // len(levels))
    assert all(n <= max(planned, levels[shard]) for shard, n in asked.items())


def at_home(drawer: Drawer, home: int) -> Search:
    """A search of a process that was just given that home."""
    search = drawer.search()
    assert isinstance(search.step(), Settle)
    search.settled(home)
    return search


def test_a_home_that_must_be_empty_is_not_tried_again() -> None:
    """Two shards of two units: after two draws the home is known to be empty without a reading."""
    drawer = Drawer(2, 4, Random(1))  # noqa: S311 - as above
    search = at_home(drawer, 1)
    for _ in range(2):
        assert search.step() == Draw(1)
        search.drawn()
        search = drawer.search()
    assert isinstance(search.step(), Settle)


def test_while_homes_are_left_no_two_processes_draw_from_one_shard() -> None:
    """Eight processes, sixteen shards of three units: every one of the 48 is drawn at first try."""
    chance = Random(1)  # noqa: S311 - as above
    levels = Levels([3] * 16)
    drawers = [Drawer(16, 48, chance) for _ in range(8)]
    at: dict[int, int] = {}
    for turn in range(48):
        process = turn % 8
        search = drawers[process].search()
        step = search.step()
        if isinstance(step, Settle):
            search.settled(levels.give_home())
            step = search.step()
        assert isinstance(step, Draw)
        assert at.setdefault(step.shard, process) == process
        levels[step.shard] -= 1
        search.drawn()
    assert levels == [0] * 16


def test_a_process_that_found_all_homes_taken_looks_before_it_draws() -> None:
    """What is left of a shard that was given to another is not known."""
    for homes in (200, None):
        search = Drawer(200, 400, Random(1)).search()  # noqa: S311 - as above
        search.step()
        search.settled(homes)
        step = search.step()
        assert isinstance(step, Look)


def test_where_there_is_no_other_shard_a_claim_waits_and_then_gives_up() -> None:
    """It does not hammer the one counter, and all its waits stay within a caller's patience."""
    search = Drawer(1, 5, Random(1)).search()  # noqa: S311 - as above
    waits: list[float] = []
    draws = 0
    while not isinstance(step := search.step(), GiveUp):
        if isinstance(step, Draw):
            draws += 1
            search.contended()
        else:
            assert isinstance(step, Pause)
            waits.append(step.seconds)
            search.paused()
    assert (draws, len(waits)) == (PATIENCE, PATIENCE - 1)
    assert all(0 < wait <= 1.5 * LONGEST_WAIT_S for wait in waits)
    assert sum(waits) < 10


def test_where_there_is_another_full_shard_a_claim_goes_there_at_once() -> None:
    drawer = Drawer(2, 2 * WORTH_LEAVING, Random(1))  # noqa: S311 - as above
    search = at_home(drawer, 0)
    first = search.step()
    search.contended()
    second = search.step()
    assert isinstance(first, Draw)
    assert isinstance(second, Draw)
    assert first.shard != second.shard


def test_a_visitor_at_a_home_with_little_left_is_let_pass_once() -> None:
    """It draws and goes; whoever stays away from the home would strand what is left there."""
    search = at_home(Drawer(2, 4, Random(1)), 0)  # noqa: S311 - as above
    assert search.step() == Draw(0)
    search.contended()
    assert isinstance(search.step(), Pause)
    search.paused()
    assert search.step() == Draw(0)
    search.contended()
    assert isinstance(search.step(), Pause)
    search.paused()
    assert isinstance(search.step(), Settle)


def test_proofs_that_stay_open_are_few() -> None:
    """Each may read the whole pool six times."""
    search = Drawer(1_024, 0, Random(1)).search()  # noqa: S311 - as above
    proofs = 0
    for _ in range(MOST_STEPS):
        step = search.step()
        if isinstance(step, GiveUp):
            break
        if isinstance(step, Prove):
            proofs += 1
            search.found({})
        else:
            assert isinstance(step, Settle | Look | Ask | Pause)
            look_around(step, search, Levels([0] * 1_024))
    assert proofs == PATIENCE // OPEN_PROOF
