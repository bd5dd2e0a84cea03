"""The daily proofs, compared with the journal: what they counted is what the journal gives then.

A proof is counted while money moves, and takes some minutes. So what it may say lies between what
the journal gives around its time, with every rise in between and with every fall; where nothing
moved, that is one figure. What the journal does not tell of, money in pools and in none, is what
closes the sum: all places together are the appropriation, and a pool has issued as many units as
the journal has vouchers of it.

    ───┬──────────────┬──────────────────┬───> the journal
    low, high      counted_at      low - falls, high + rises
    15 min before                  an hour after
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from functions.shared.domain.business_time import day_bounds
from functions.shared.domain.campaign import Campaign
from functions.shared.domain.funds import plan_pools
from functions.shared.domain.invariants import FUNDS_CLOSE, PLACES
from functions.shared.domain.settlement import latest_day_over
from functions.shared.files.manifest import Manifest
from infra.audit.findings import Finding, Kind, in_form
from infra.audit.reading import document_at
from infra.audit.sources import Source

Money = tuple[int, ...]
"""In fen: redeemed net, adjusted net, returned, outstanding."""

PROOF: Final = "invariants"
NO_MONEY: Final[Money] = (0, 0, 0, 0)
_COUNTED: Final = ("redeemed_net_fen", "adjusted_net_fen", "returned_fen", "outstanding_fen")
# What is owed more or less, and may be either.
_SIGNED: Final = "adjusted_net_fen"
_BEFORE, _AFTER = timedelta(minutes=15), timedelta(hours=1)
_NEVER: Final = datetime.min.replace(tzinfo=UTC)


@dataclass(slots=True)
class Window:
    """The time around a proof, and the least and the most that it may have counted."""

    counted_at: datetime
    least: Money | None = None
    most: Money | None = None
    issued_before: Counter[str] = field(default_factory=Counter)
    issued_during: Counter[str] = field(default_factory=Counter)

    @property
    def starts_at(self) -> datetime:
        """From when on."""
        return self.counted_at - _BEFORE

    @property
    def ends_at(self) -> datetime:
        """Until when."""
        return self.counted_at + _AFTER

    def holds(self, told: Sequence[object]) -> bool:
        """Whether the figures are possible."""
        if self.least is None or self.most is None:
            return True
        return all(
            isinstance(fen, int) and low <= fen <= high
            for fen, low, high in zip(told, self.least, self.most, strict=True)
        )

    def holds_issued(self, pool_key: str, units: object) -> bool:
        """Whether a pool can have issued so many units."""
        least = self.issued_before[pool_key]
        return isinstance(units, int) and 0 <= units - least <= self.issued_during[pool_key]


class Windows:
    """The windows of all proofs, filled while a campaign's journal is read in order.

    Args:
        counted_at: when each proof was counted.

    """

    def __init__(self, counted_at: Iterable[datetime] = ()) -> None:
        self._windows = [Window(at) for at in sorted(set(counted_at))]
        self._first = 0
        self._before = NO_MONEY
        self._issued: Counter[str] = Counter()
        self._unopened = 0

    def hold(self, since: datetime | None, until: datetime | None, money: Money) -> None:
        """Notes that the money was so from one instant to another; to be called in order.

        Args:
            since: None for ever before.
            until: None for ever after.
            money: as it was.

        """
        since = since or _NEVER
        while self._first < len(self._windows) and self._windows[self._first].ends_at < since:
            self._first += 1
        for window in self._windows[self._first :]:
            if until is not None and window.starts_at >= until:
                break
            if window.least is None or window.most is None:
                window.least = window.most = money
                continue
            moved = [now - before for now, before in zip(money, self._before, strict=True)]
            window.least = tuple(
                low + min(by, 0) for low, by in zip(window.least, moved, strict=True)
            )
            window.most = tuple(
                high + max(by, 0) for high, by in zip(window.most, moved, strict=True)
            )
        self._before = money

    def issue(self, at: datetime, pool_key: str) -> None:
        """Notes that a pool has issued a unit; to be called in order, before `hold`."""
        self._open(at)
        for window in self._windows[self._first : self._unopened]:
            if at <= window.ends_at:
                window.issued_during[pool_key] += 1
        self._issued[pool_key] += 1

    def _open(self, at: datetime | None) -> None:
        """Notes what was issued when a window began."""
        for window in self._windows[self._unopened :]:
            if at is not None and at <= window.starts_at:
                break
            window.issued_before = self._issued.copy()
            self._unopened += 1

    def of(self, counted_at: datetime, last_day: date) -> Window | None:
        """The window of a proof, where the journal goes on to its end; behind the last change."""
        self._open(None)
        for window in self._windows:
            if window.counted_at == counted_at and window.ends_at <= day_bounds(last_day)[1]:
                return window
        return None


def check_proofs(
    campaign: Campaign,
    windows: Windows,
    manifests: Mapping[str, Manifest],
    source: Source,
    last_day: date,
) -> Iterator[Finding]:
    """What is wrong with the daily proofs of a campaign.

    Args:
        campaign: whose.
        windows: filled from its journal.
        manifests: of all sets, by folder.
        source: the files.
        last_day: the last that the journal has; what was counted later cannot be compared yet.

    """
    for prefix, manifest in manifests.items():
        if manifest.kind != PROOF:
            continue
        document = document_at(source, prefix + "invariants.json")
        checks = document.get("campaigns", {}).get(campaign.campaign_id)
        if checks is None:
            continue
        window = windows.of(manifest.cutoff_at, last_day)
        pools = document.get("pools", {}).get(campaign.campaign_id, [])
        wrong = _wrong(campaign, checks, pools, window)
        found = (Finding(Kind.INVARIANTS, prefix, detail) for detail in wrong)
        yield from in_form(Kind.INVARIANTS, prefix, found)


def check_reach(
    campaign_id: str,
    manifests: Mapping[str, Manifest],
    source: Source,
    last_day: date,
    ends_on: date,
) -> Iterator[Finding]:
    """Whether the journal goes on to where the newest proof was counted.

    A run writes journals before it counts, so that a proof without the journal of the day before
    means that somebody took the journal's end away, or that it is behind.

    Args:
        campaign_id: whose.
        manifests: of all sets, by folder.
        source: the files.
        last_day: the last that the journal has.
        ends_on: the last that it ever will have.

    """
    proofs = [(m.cutoff_at, prefix) for prefix, m in manifests.items() if m.kind == PROOF]
    for counted_at, prefix in sorted(proofs, reverse=True):
        expected = min(latest_day_over(counted_at), ends_on)
        if expected <= last_day:
            return
        document = document_at(source, prefix + "invariants.json")
        if campaign_id in document.get("campaigns", {}):
            detail = f"the journal ends with {last_day}; when this was counted, {expected} was over"
            yield Finding(Kind.DAY_MISSING, prefix, detail)
            return


def _wrong(
    campaign: Campaign,
    checks: Sequence[Mapping[str, Any]],
    pools: Sequence[Mapping[str, Any]],
    window: Window | None,
) -> Iterator[str]:
    """What is wrong with a campaign's part of a proof."""
    for check in checks:
        if not check.get("holds"):
            yield f"{check.get('name')} did not hold, drift {check.get('drift_fen')}"
    [counted] = [check["counted"] for check in checks if check.get("name") == FUNDS_CLOSE]
    yield from _money_wrong(campaign, counted, window)
    yield from _pools_wrong(campaign, pools, counted, window)


def _money_wrong(
    campaign: Campaign, counted: Mapping[str, int], window: Window | None
) -> Iterator[str]:
    """Whether every fen is in a place, and is where the journal has it."""
    places = {name: counted[name] for name in PLACES}
    found_fen = sum(places.values())
    missing_fen = campaign.appropriated_fen - found_fen
    if abs(missing_fen) > counted["moving_fen"]:
        yield f"all places hold {found_fen} fen, appropriated are {campaign.appropriated_fen}"
    for name, fen in places.items():
        if fen < 0 and name != _SIGNED:
            yield f"{name} is {fen}"
    told = [counted[name] for name in _COUNTED]
    if window is not None and not window.holds(told):
        detail = f"redeemed, adjusted, returned and outstanding: {told}, the journal says "
        expected = list(window.least or ())
        if window.most != window.least:
            detail += f"at least {expected}, at most "
            expected = list(window.most or ())
        yield detail + str(expected)


def _pools_wrong(
    campaign: Campaign,
    pools: Sequence[Mapping[str, Any]],
    counted: Mapping[str, int],
    window: Window | None,
) -> Iterator[str]:
    """Whether each pool has issued what the journal has of it, and all hold what was counted."""
    told = {pool["pool_key"]: pool for pool in pools}
    planned = {pool.pool_key: pool for pool in plan_pools(campaign)}
    # While a campaign is funded, its pools are made one after another.
    missing = planned.keys() - told.keys() if window is not None and window.issued_before else ()
    if missing or told.keys() - planned.keys() or len(pools) != len(told):
        yield f"it counts {len(pools)} pools, the campaign has {len(planned)}"
        return
    for pool_key, pool in told.items():
        allocated, available, issued = (pool[name] for name in _UNITS)
        if allocated != available + issued or min(pool[name] for name in _PARTS) < 0:
            yield f"{pool_key}: {allocated} allocated, {available} available, {issued} issued"
        if pool["unit_reserve_fen"] != planned[pool_key].unit_reserve_fen:
            yield f"{pool_key}: a unit is {pool['unit_reserve_fen']} fen"
        if window is not None and not window.holds_issued(pool_key, issued):
            least, more = window.issued_before[pool_key], window.issued_during[pool_key]
            yield f"{pool_key}: {issued} issued, the journal says {least} to {least + more}"
    sums = {
        "available_fen": sum(p["available"] * p["unit_reserve_fen"] for p in pools),
        "lapsed_fen": sum(p["lapsed_fen"] for p in pools),
        "pots_fen": sum(p["pot_fen"] for p in pools),
    }
    for name, fen in sums.items():
        if fen != counted[name]:
            yield f"{name} is {counted[name]}, all pools hold {fen}"


_UNITS: Final = ("allocated", "available", "issued")
_PARTS: Final = (*_UNITS, "lapsed_fen", "pot_fen")
