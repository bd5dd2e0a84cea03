"""Issuing: vouchers of one person, each from a shard of its pool, in one transaction or not at all.

Which shards are tried is the policy's choice (`shared.domain.drawing`); this module does what it
asks for and tells it what came of it. Correctness rests on the transaction alone.

    search: Draw ──────────────> the transaction of all vouchers ──> issued, replayed, refused
            Settle, Look,
            Move, Pause ───────> done for that pool, then asked again
            Ask, Prove ────────> sold out, remembered for REFUSAL_LIFETIME; or asked again
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import Random
from typing import Self, assert_never

from functions.shared.domain.drawing import (
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
from functions.shared.domain.errors import Busy, Code, HuiminError
from functions.shared.domain.funds import Pool
from functions.shared.domain.limits import PersonCounter
from functions.shared.domain.memory import Memory
from functions.shared.domain.vouchers import Voucher
from functions.shared.store.claims import Also, ClaimOutcome, ClaimStore
from functions.shared.store.connection import Database
from functions.shared.store.shards import Moved, ShardStore

REFUSAL_LIFETIME = timedelta(seconds=2)
"""How long "sold out" and "paused" are answered from memory; stock that returns shows by then."""

# What was seen of a pool's shards costs nothing to keep, and is wrong at worst for one draw.
DRAWER_LIFETIME = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Issued:
    """The vouchers as issued now; or only the first, which the same number had made before."""

    vouchers: tuple[Voucher, ...]
    replayed: bool = False


class Issuer:
    """Issues vouchers; remembers what it saw of each pool.

    Args:
        claims: the transaction.
        shards: what is read and moved besides.
        random: chooses shards; correctness does not depend on it.
        sleep: waits for some seconds.

    """

    def __init__(
        self,
        claims: ClaimStore,
        shards: ShardStore,
        random: Random,
        sleep: Callable[[float], None],
    ) -> None:
        self._claims = claims
        self._shards = shards
        self._random = random
        self._sleep = sleep
        self._drawers: Memory[tuple[str, str], Drawer] = Memory(DRAWER_LIFETIME)
        self._refusals: Memory[tuple[str, str], Code] = Memory(REFUSAL_LIFETIME)
        # Pools that were sold out when last asked: their mark is read before anything is tried.
        self._sold_out: Memory[tuple[str, str], bool] = Memory(DRAWER_LIFETIME)

    @classmethod
    def of(cls, database: Database) -> Self:
        """An issuer for one process, over one deployment's tables."""
        spread = Random()  # noqa: S311 - spreads load; nothing secret depends on it
        return cls(ClaimStore(database), ShardStore(database), spread, time.sleep)

    def forget(self) -> None:
        """As in a new process: nothing is remembered."""
        self._drawers.clear()
        self._refusals.clear()
        self._sold_out.clear()

    def remembered_refusal(self, pools: Sequence[Pool], now: datetime) -> HuiminError | None:
        """Why one of the pools gives nothing, if that was found a moment ago; no call is made."""
        for pool in pools:
            code = self._refusals.recalled(_key(pool), now)
            if code is not None:
                return _refusal(code, pool)
        return None

    def issue(
        self,
        vouchers: Sequence[Voucher],
        pools: Sequence[Pool],
        counters: Sequence[PersonCounter],
        now: datetime,
        *,
        also: Also | None = None,
    ) -> Issued:
        """Issues each voucher from the pool that stands at its place, or none of them.

        Args:
            vouchers: of one person, still without their shards; the first is the guard.
            pools: as many.
            counters: the person's, raised by all vouchers together.
            now: the time of the request.
            also: whatever else is written with them.

        Raises:
            HuiminError: SOLD_OUT, CAMPAIGN_PAUSED, PERSON_LIMIT_REACHED, KEY_REUSED.
            Busy: contention outlasted the policy's patience, or the retries.
            Cancelled: a condition that `also` added failed.

        """
        wanted = Counter(_key(pool) for pool in pools)
        with ExitStack() as opened:
            searches = [
                opened.enter_context(self._open(pool, wanted[_key(pool)], now)) for pool in pools
            ]
            while True:
                # As far as the policy's patience goes: then a search gives up.
                drawn = [
                    replace(voucher, shard_id=search.pool.shard_id(self._next_draw(search, now)))
                    for voucher, search in zip(vouchers, searches, strict=True)
                ]
                outcome = self._claims.commit(drawn, counters, also=also)
                if outcome.replayed:
                    return Issued((outcome.replayed,), replayed=True)
                if outcome.paused:
                    raise self._refuse(Code.CAMPAIGN_PAUSED, pools, now)
                for voucher, search in zip(drawn, searches, strict=True):
                    search.tell(voucher.shard_id, outcome)
                if outcome.issued:
                    return Issued(tuple(drawn))

    def _open(self, pool: Pool, wanted: int, now: datetime) -> _OpenSearch:
        drawer = self._drawers.recall(
            _key(pool), now, lambda: Drawer(pool.shard_count, pool.planned_units, self._random)
        )
        if self._sold_out.recalled(_key(pool), now):
            if self._shards.is_sold_out(pool):
                raise self._refuse(Code.SOLD_OUT, [pool], now)
            self._sold_out.forget(_key(pool))
            drawer.refilled()
        return _OpenSearch(drawer.search(), pool, wanted)

    def _next_draw(self, opened: _OpenSearch, now: datetime) -> int:
        """Does what the search asks for until it asks for a draw; the shard's number."""
        while opened.drawing is None:
            step = opened.search.step()
            if isinstance(step, GiveUp):
                raise Busy(operation="claim")
            if isinstance(step, Draw):
                opened.drawing = step
            else:
                self._carry_out(step, opened, now)
        return opened.drawing.shard

    def _carry_out(
        self, step: Settle | Look | Move | Ask | Prove | Pause, opened: _OpenSearch, now: datetime
    ) -> None:
        search, pool = opened.search, opened.pool
        match step:
            case Settle():
                search.settled(self._shards.give_home(pool))
            case Look(shards):
                search.looked(self._shards.levels(pool, shards))
            case Move(source, target, units):
                moved = self._shards.move_units(pool, source, target, units)
                if moved is Moved.CONTENDED:
                    search.contended()
                else:
                    search.moved(moved is Moved.DONE)
            case Ask() | Prove():
                self._ask_or_prove(step, opened, now)
            case Pause(seconds):
                self._sleep(seconds)
                search.paused()
            case _:
                assert_never(step)

    def _ask_or_prove(self, step: Ask | Prove, opened: _OpenSearch, now: datetime) -> None:
        """Raises SOLD_OUT where the pool is; otherwise the search goes on."""
        search, pool = opened.search, opened.pool
        if isinstance(step, Ask):
            if self._shards.is_sold_out(pool):
                raise self._refuse(Code.SOLD_OUT, [pool], now)
            search.unmarked()
            return
        left = self._shards.prove_sold_out(pool, opened.wanted)
        if left is None and opened.wanted > 1:
            # Too few for this claim may be enough for another: nothing to remember.
            raise _refusal(Code.SOLD_OUT, pool)
        if left is None:
            raise self._refuse(Code.SOLD_OUT, [pool], now)
        search.found(left)

    def _refuse(self, code: Code, pools: Sequence[Pool], now: datetime) -> HuiminError:
        """The refusal, remembered for each pool."""
        for pool in pools:
            self._refusals.keep(_key(pool), now, code)
            if code is Code.SOLD_OUT:
                self._sold_out.keep(_key(pool), now, value=True)
        return _refusal(code, pools[0])


class _OpenSearch:
    """A search in a pool, whose open draw is given back however the claim ends.

    `wanted` is how many units the claim needs of the pool in all.
    """

    def __init__(self, search: Search, pool: Pool, wanted: int) -> None:
        self.search = search
        self.pool = pool
        self.wanted = wanted
        self.drawing: Draw | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.drawing is not None:
            self.search.undone()

    def tell(self, shard_id: str, outcome: ClaimOutcome) -> None:
        """Tells the policy what came of the draw."""
        self.drawing = None
        if outcome.issued:
            self.search.drawn()
        elif shard_id in outcome.emptied:
            self.search.empty(outcome.emptied[shard_id])
        elif shard_id in outcome.contended:
            self.search.contended()
        else:
            self.search.undone()


def _key(pool: Pool) -> tuple[str, str]:
    return pool.campaign_id, pool.pool_key


def _refusal(code: Code, pool: Pool) -> HuiminError:
    if code is Code.SOLD_OUT:
        return HuiminError(code, voucher_type_id=pool.voucher_type_id)
    return HuiminError(code)
