"""Changes of a pool's planned units while its round runs, proposed and approved by two people.

    PROPOSED ──approve──> DONE         more units: the money is the pool's at once
        │
        └─────approve──> APPROVED ──> DONE
                         fewer units: taken out of the shards, batch by batch

A change names the units that its maker saw, so that two changes of one pool cannot both be made
from the same number. What claims draw while units are being taken out stays with the consumers: a
change ends with what could be taken, and says how much (`moved_units`). Putting units back instead
would have "sold out" said and taken back, for no fen's sake.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class ChangeState(StrEnum):
    """APPROVED is half done; DONE never changes again."""

    PROPOSED = "PROPOSED"
    APPROVED = "APPROVED"
    DONE = "DONE"


@dataclass(frozen=True, slots=True)
class StockChange:
    """A change of one pool's planned units.

    Args:
        campaign_id: whose.
        change_id: chosen by the maker; one content for ever.
        pool_key: which pool.
        units_before: the pool's planned units as the maker saw them.
        units_after: what they shall be; not `units_before`.
        reason: in the maker's words.
        made_by: who proposed it.
        made_at: when.
        state: how far it is.
        moved_units: units that came in or went out so far, 0 or more.
        approved_by: who approved it; never the maker.
        approved_at: when.
        ended_at: when it was done.

    """

    campaign_id: str
    change_id: str
    pool_key: str
    units_before: int
    units_after: int
    reason: str
    made_by: str
    made_at: datetime
    state: ChangeState = ChangeState.PROPOSED
    moved_units: int = 0
    approved_by: str | None = None
    approved_at: datetime | None = None
    ended_at: datetime | None = None

    @property
    def adds(self) -> bool:
        """Whether there shall be more units."""
        return self.units_after > self.units_before

    @property
    def wanted_units(self) -> int:
        """Units that shall come in or go out, at least 1."""
        return abs(self.units_after - self.units_before)

    @property
    def left_units(self) -> int:
        """Of those, what has not moved yet."""
        return self.wanted_units - self.moved_units

    @property
    def signed_units(self) -> int:
        """What it has done to the pool's planned units so far."""
        return self.moved_units if self.adds else -self.moved_units

    @property
    def content(self) -> tuple[object, ...]:
        """What the maker asked for; the same id with another content is refused."""
        return (self.pool_key, self.units_before, self.units_after, self.reason, self.made_by)


def shares_to_take(available: Mapping[str, int], units: int) -> dict[str, int]:
    """How many units to take from each shard: in proportion to what it has, so that all last.

    Args:
        available: units by shard.
        units: how many to take in all, from 0; all there are, where there are fewer.

    Returns:
        By shard, at least 1 and never more than it has.

    """
    total = sum(available.values())
    units = min(units, total)
    shares: dict[str, int] = {}
    seen = taken = 0
    for shard, level in available.items():
        seen += level
        until = units * seen // total if total else 0
        if until > taken:
            shares[shard] = until - taken
            taken = until
    return shares
