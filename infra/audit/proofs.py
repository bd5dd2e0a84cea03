"""The daily proofs, compared with the journal: what they counted is what the journal gives then.

A proof is counted while money moves, and takes some minutes. So what it may say lies between what
the journal gives around its time, with every rise in between and with every fall; where nothing
moved, that is one figure.

    ───┬──────────────┬──────────────────┬───> the journal
    low, high      counted_at      low - falls, high + rises
    15 min before                  an hour after
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from functions.shared.domain.business_time import day_bounds
from functions.shared.domain.settlement import latest_day_over
from functions.shared.files.manifest import Manifest
from infra.audit.findings import Finding, Kind
from infra.audit.reading import document_at
from infra.audit.sources import Source

Money = tuple[int, ...]
"""In fen: redeemed net, adjusted net, returned."""

PROOF: Final = "invariants"
_COUNTED: Final = ("redeemed_net_fen", "adjusted_net_fen", "returned_fen")
_FUNDS_CLOSE: Final = "FUNDS_CLOSE"
_BEFORE, _AFTER = timedelta(minutes=15), timedelta(hours=1)
_NEVER: Final = datetime.min.replace(tzinfo=UTC)


@dataclass(slots=True)
class Window:
    """The time around a proof, and the least and the most that it may have counted."""

    counted_at: datetime
    least: Money | None = None
    most: Money | None = None

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


class Windows:
    """The windows of all proofs, filled while a campaign's journal is read in order.

    Args:
        counted_at: when each proof was counted.

    """

    def __init__(self, counted_at: Iterable[datetime] = ()) -> None:
        self._windows = [Window(at) for at in sorted(set(counted_at))]
        self._first = 0
        self._before: Money = (0, 0, 0)

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

    def of(self, counted_at: datetime, last_day: date) -> Window | None:
        """The window of a proof, where the journal goes on to its end."""
        for window in self._windows:
            if window.counted_at == counted_at and window.ends_at <= day_bounds(last_day)[1]:
                return window
        return None


def check_proofs(
    campaign_id: str,
    windows: Windows,
    manifests: Mapping[str, Manifest],
    source: Source,
    last_day: date,
) -> Iterator[Finding]:
    """What is wrong with the daily proofs of a campaign.

    Args:
        campaign_id: whose.
        windows: filled from its journal.
        manifests: of all sets, by folder.
        source: the files.
        last_day: the last that the journal has; what was counted later cannot be compared yet.

    """
    for prefix, manifest in manifests.items():
        if manifest.kind != PROOF:
            continue
        campaigns = document_at(source, prefix + "invariants.json").get("campaigns", {})
        window = windows.of(manifest.cutoff_at, last_day)
        for check in campaigns.get(campaign_id, []):
            yield from _wrong(prefix, check, window)


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


def _wrong(prefix: str, check: Mapping[str, Any], window: Window | None) -> Iterator[Finding]:
    if not check.get("holds"):
        detail = f"{check.get('name')} did not hold, drift {check.get('drift_fen')}"
        yield Finding(Kind.INVARIANTS, prefix, detail)
    if check.get("name") != _FUNDS_CLOSE or window is None:
        return
    told = [check.get("counted", {}).get(name) for name in _COUNTED]
    if not window.holds(told):
        detail = f"redeemed, adjusted and returned: {told}, the journal says "
        expected = list(window.least or ())
        if window.most != window.least:
            detail += f"at least {expected}, at most "
            expected = list(window.most or ())
        yield Finding(Kind.INVARIANTS, prefix, detail + str(expected))
