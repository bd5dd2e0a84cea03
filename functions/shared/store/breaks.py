"""Breaks by platform and business date: opened once, ended by a bill or two persons, never deleted.

Two write them: the reconciler, by what the newest bill shows, and the bureau. Each change is a
compare-and-set on all that can change, so that neither overwrites what it has not seen. Where the
bill is accepted, or is accepted no more, the adjusting entry is part of it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from itertools import islice
from typing import Any, Final

from pynamodb.expressions.condition import Condition

from functions.shared.domain.adjusting import Acceptance, AdjustingEntry, needs_spent
from functions.shared.domain.bills import BillRow, row_document, row_of_document
from functions.shared.domain.breaks import (
    UNRESOLVED,
    Break,
    BreakChanges,
    BreakState,
    BreakStep,
    MatchRow,
    MatchState,
    Resolution,
    ResolutionKind,
    break_ids,
    breaks_of,
    plan_breaks,
)
from functions.shared.domain.business_time import parse_rfc3339, to_rfc3339
from functions.shared.domain.campaign import Campaign
from functions.shared.domain.errors import Busy, Code, HuiminError
from functions.shared.domain.late_matches import Mate, around, plan_late_matches, wanted_of
from functions.shared.domain.money import NetParts
from functions.shared.store.adjusting import ENTRY, put_entry, refused_entry, require_spent
from functions.shared.store.bills import NEWEST, BillsMoved, require_newest
from functions.shared.store.connection import Database
from functions.shared.store.tables import BreakItem
from functions.shared.store.transaction import Cancelled, Transaction

# One transaction takes a hundred items; the check on the bill is one of them.
BREAKS_PER_TRANSACTION = 90
# Another run at the same day makes a batch fail; both want the same, so few tries are enough.
SYNC_TRIES = 5

_BREAK: Final = "break"

ALL_IDS: Final = break_ids(0, 1)

SPAN: Final = 1_000
"""How many breaks are held at a time: a day without a bill may have a million."""


@dataclass(frozen=True, slots=True)
class _Span:
    """Some breaks as found, and which stored ones stand against them: all ids from and to."""

    found: dict[str, MatchRow]
    condition: Condition


def _spans(rows: Iterable[MatchRow], first: str, end: str) -> Iterator[_Span]:
    """The rows in their order, SPAN at a time; the spans cover every id from `first` to `end`."""
    broken = (row for row in rows if row.break_id is not None)
    while True:
        found = breaks_of(islice(broken, SPAN))
        names = list(found)
        assert names == sorted(names), names[0]  # noqa: S101 - the promise of the caller
        assert not names or first <= names[0] <= names[-1] <= end, names  # noqa: S101 - as above
        if len(found) < SPAN:
            yield _Span(found, BreakItem.break_id.between(first, end))
            return
        yield _Span(found, BreakItem.break_id.between(first, names[-1]))
        # All ids are of one length, so that nothing lies between an id and itself with more.
        first = f"{names[-1]}!"


class BreakStore:
    """Breaks of a platform's day, by id."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of_day(self, platform_id: str, on: date) -> list[Break]:
        """Every break of the day, open and closed, by id, strongly consistent."""
        return [break_of(item) for item in self._items(platform_id, on)]

    def get(self, platform_id: str, on: date, break_id: str) -> Break | None:
        """The break, strongly consistent."""
        item = self._database.get(BreakItem, day_key(platform_id, on), break_id)
        return None if item is None else break_of(item)

    def unresolved(
        self, platform_id: str, *, after: str | None, limit: int | None
    ) -> Iterator[Break]:
        """The breaks that somebody must still end, by business date and id.

        It may lag behind what was just written.

        Args:
            platform_id: whose.
            after: begins behind that `unresolved_key`.
            limit: at most so many; None for all.

        """
        condition = None if after is None else BreakItem.unresolved_key > after
        items = self._database.query(BreakItem.unresolved, platform_id, condition, limit=limit)
        return map(break_of, items)

    def first_unresolved(self, campaign: Campaign, recent: Sequence[date]) -> Break | None:
        """A break of the campaign that somebody must still end; None where there is none.

        Args:
            campaign: whose.
            recent: dates that may have been settled a moment ago: their breaks are read strongly
                consistent, since the index may not have them yet.

        """
        unresolved = BreakItem.state.is_in(*sorted(state.value for state in UNRESOLVED))
        ours = unresolved & (BreakItem.campaign_id == campaign.campaign_id)
        for platform_id in campaign.platform_ids:
            for on in recent:
                for item in self._database.query(BreakItem, day_key(platform_id, on), only=ours):
                    return break_of(item)
            for found in self.unresolved(platform_id, after=None, limit=None):
                if found.row.campaign_id == campaign.campaign_id:
                    return found
        return None

    def change(self, before: Break, after: Break) -> None:
        """Replaces a break that still is as it was read.

        Raises:
            HuiminError: VERSION_MISMATCH; nothing is changed.
            Busy: contention outlasted the retries.

        """
        transaction = self._database.transaction("change_break")
        _put_change(transaction, before, after)
        try:
            transaction.commit()
        except Cancelled as cancelled:
            self._require_changed(after, cancelled)

    def accept_bill(self, before: Break, after: Break, entry: AdjustingEntry) -> None:
        """The same for a break that is resolved by its bill, with its adjusting entry.

        Raises:
            HuiminError: VERSION_MISMATCH; BREAK_NOT_ADJUSTABLE: the voucher can still be used;
                FUNDS_INSUFFICIENT; CAMPAIGN_STATE. Nothing is changed.
            Busy: contention outlasted the retries.

        """
        transaction = self._database.transaction("accept_bill")
        _put_change(transaction, before, after)
        put_entry(transaction, entry)
        if needs_spent(before.row.ledger, before.row.bill):
            require_spent(transaction, before.row.side.voucher_id, entry.recorded_at)
        try:
            transaction.commit()
        except Cancelled as cancelled:
            if not (cancelled.failed(_BREAK) or cancelled.failed(ENTRY)):
                raise refused_entry(cancelled, entry) from cancelled
            self._require_changed(after, cancelled)

    def _require_changed(self, after: Break, cancelled: Cancelled) -> None:
        stored = self.get(after.platform_id, after.business_on, after.break_id)
        # It may have been committed, and the reply to it lost.
        if stored != after:
            raise HuiminError(
                Code.VERSION_MISMATCH, stored_version=stored.version if stored else 0
            ) from cancelled

    def sync(
        self,
        platform_id: str,
        on: date,
        rows: Iterable[MatchRow],
        *,
        bill_version: int,
        newest: int,
        now: datetime,
        ids: tuple[str, str] = ALL_IDS,
    ) -> BreakChanges:
        """Makes exactly the breaks among the rows open; what this call wrote.

        Args:
            platform_id: whose day.
            on: the business date.
            rows: of the day's match, of all campaigns, by break_id; those without are passed over.
            bill_version: the bill that was matched; 0 for none.
            newest: the newest version, of any state, that was seen; 0 for none.
            now: when.
            ids: only breaks of ids from and to: then the rows are all that have such.

        Raises:
            BillsMoved: a version after `newest` has come.
            Busy: other runs came in between on every try, or contention outlasted the retries.

        """
        done = BreakChanges()
        for span in _spans(rows, *ids):
            done += self._sync_span(
                platform_id, on, span, bill_version=bill_version, newest=newest, now=now
            )
        return done

    def match_late(self, platform_id: str, on: date, now: datetime) -> int:
        """Ends the breaks that a neighbouring date's bill explains, and opens again what none does.

        To be called when the breaks of `on` are as the newest bill has them; how many were written.

        Raises:
            Busy: other runs came in between on every try, or contention outlasted the retries.

        """
        done = 0
        for _ in range(SYNC_TRIES):
            known = self._concerned(platform_id, around(on))
            groups = plan_late_matches(known, around(on), now)
            written = self._write_groups(groups, known)
            done += sum(map(len, groups[:written]))
            if written == len(groups):
                return done
        raise Busy(operation="match_late")

    def _concerned(self, platform_id: str, dates: Iterable[date]) -> dict[Mate, Break]:
        """All breaks of the dates that can be matched late, or are."""
        # Whatever is or was matched late is one of these, or is what one of them names: a break of
        # the bill only never becomes another kind, because no other entry can have its key.
        only = BreakItem.match_state == MatchState.BILL_ONLY.value
        found = [
            break_of(item)
            for on in dates
            for item in self._database.query(BreakItem, day_key(platform_id, on), only=only)
        ]
        known = {(each.business_on, each.break_id): each for each in found}
        wanted = {mate for each in found for mate in wanted_of(each)} - known.keys()
        keys = [(day_key(platform_id, on), name) for on, name in sorted(wanted)]
        for item in self._database.get_many(BreakItem, keys):
            booked = break_of(item)
            known[booked.business_on, booked.break_id] = booked
        return known

    def _write_groups(self, groups: Sequence[Sequence[Break]], before: Mapping[Mate, Break]) -> int:
        """Writes them group by group; how many, up to the first that met another run."""
        for number, group in enumerate(groups):
            transaction = self._database.transaction("match_late")
            for change in group:
                unchanged = before[change.business_on, change.break_id]
                transaction.put(
                    change.break_id, _item(change), BreakItem.payload == _item(unchanged).payload
                )
            try:
                transaction.commit()
            except Cancelled:
                return number
        return len(groups)

    def _sync_span(
        self,
        platform_id: str,
        on: date,
        span: _Span,
        *,
        bill_version: int,
        newest: int,
        now: datetime,
    ) -> BreakChanges:
        done = BreakChanges()
        for _ in range(SYNC_TRIES):
            items = {i.break_id: i for i in self._items(platform_id, on, span.condition)}
            stored = {name: break_of(item) for name, item in items.items()}
            writes = plan_breaks(
                span.found,
                stored,
                platform_id=platform_id,
                on=on,
                bill_version=bill_version,
                now=now,
            )
            entries = {name: entry for name, b in stored.items() if (entry := b.standing_entry)}
            written = self._write(writes, items, entries=entries, newest=newest, now=now)
            done += _changes(writes[:written], stored)
            if written == len(writes):
                return done
        raise Busy(operation="sync_breaks")

    def _items(
        self, platform_id: str, on: date, condition: Condition | None = None
    ) -> list[BreakItem]:
        return list(self._database.query(BreakItem, day_key(platform_id, on), condition))

    def _write(
        self,
        writes: list[Break],
        before: Mapping[str, BreakItem],
        *,
        entries: Mapping[str, AdjustingEntry],
        newest: int,
        now: datetime,
    ) -> int:
        """Writes them batch by batch; how many, up to the first batch that met another run.

        A break that an adjusting entry stands for is a batch of its own, with the reversal; those
        come last.
        """
        writes.sort(key=lambda change: change.break_id in entries)
        start = 0
        while start < len(writes):
            is_adjusted = writes[start].break_id in entries
            batch = writes[start : start + (1 if is_adjusted else BREAKS_PER_TRANSACTION)]
            batch = [each for each in batch if is_adjusted or each.break_id not in entries]
            transaction = self._database.transaction("sync_breaks")
            require_newest(transaction, batch[0].platform_id, batch[0].business_on, newest)
            for change in batch:
                item = before.get(change.break_id)
                # A compare-and-set on all that can change: the payload's history grows with it.
                unchanged = (
                    BreakItem.break_id.does_not_exist()
                    if item is None
                    else BreakItem.payload == item.payload
                )
                transaction.put(change.break_id, _item(change), unchanged)
                if is_adjusted:
                    entry = entries[change.break_id]
                    put_entry(transaction, entry.reversed(break_version=change.version, now=now))
            try:
                transaction.commit()
            except Cancelled as cancelled:
                if cancelled.failed(NEWEST):
                    raise BillsMoved from cancelled
                return start
            start += len(batch)
        return start


def _put_change(transaction: Transaction, before: Break, after: Break) -> None:
    transaction.put(_BREAK, _item(after), BreakItem.payload == _item(before).payload)


def day_key(platform_id: str, on: date) -> str:
    """The key of a platform's day."""
    return f"{platform_id}#{on.isoformat()}"


def unresolved_key(of: Break) -> str:
    """Sorts a platform's breaks by business date; it may stand in a URL as it is."""
    return f"{of.business_on.isoformat()}_{of.break_id}"


def _changes(writes: Iterable[Break], stored: Mapping[str, Break]) -> BreakChanges:
    opened = changed = closed = 0
    for write in writes:
        before = stored.get(write.break_id)
        if write.state is BreakState.CLOSED:
            closed += 1
        elif before is not None and before.state in UNRESOLVED:
            changed += 1
        else:
            opened += 1
    return BreakChanges(opened, changed, closed)


def _item(change: Break) -> BreakItem:
    row = change.row
    payload = {
        "bill_version": change.bill_version,
        "ledger": row_document(row.ledger) if row.ledger else None,
        "bill": row_document(row.bill) if row.bill else None,
        "history": [
            {
                "bill_version": step.bill_version,
                "state": step.state.value,
                "match_state": step.match_state.value,
                "difference_fen": step.difference_fen,
                "campaign_id": step.campaign_id,
                "resolution": _resolution_document(step.resolution),
                "counterpart": _mate_document(step.counterpart),
            }
            for step in change.history
        ],
        "resolution": _resolution_document(change.resolution),
        "counterpart": _mate_document(change.counterpart),
    }
    return BreakItem(
        day_key(change.platform_id, change.business_on),
        change.break_id,
        match_state=row.match_state.value,
        campaign_id=row.campaign_id,
        platform_id=change.platform_id,
        business_on=change.business_on.isoformat(),
        difference_fen=row.difference_fen,
        state=change.state.value,
        payload=json.dumps(payload, sort_keys=True, separators=(",", ":")),
        opened_at=change.opened_at,
        unresolved_key=unresolved_key(change) if change.state in UNRESOLVED else None,
    )


def break_of(item: BreakItem) -> Break:
    """The break that an item holds."""
    payload = json.loads(item.payload)
    return Break(
        break_id=item.break_id,
        platform_id=item.platform_id,
        business_on=date.fromisoformat(item.business_on),
        row=MatchRow(
            match_state=MatchState(item.match_state),
            campaign_id=item.campaign_id or "",
            ledger=_side(payload["ledger"]),
            bill=_side(payload["bill"]),
            break_id=item.break_id,
        ),
        state=BreakState(item.state),
        bill_version=payload["bill_version"],
        history=tuple(
            BreakStep(
                bill_version=step["bill_version"],
                state=BreakState(step["state"]),
                match_state=MatchState(step["match_state"]),
                difference_fen=step["difference_fen"],
                campaign_id=step["campaign_id"],
                resolution=_resolution(step["resolution"]),
                counterpart=_mate(step["counterpart"]),
            )
            for step in payload["history"]
        ),
        opened_at=item.opened_at,
        resolution=_resolution(payload["resolution"]),
        counterpart=_mate(payload["counterpart"]),
    )


def _resolution_document(resolution: Resolution | None) -> dict[str, Any] | None:
    if resolution is None:
        return None
    return {
        "kind": resolution.kind.value,
        "reason": resolution.reason,
        "proposed_by": resolution.proposed_by,
        "proposed_at": to_rfc3339(resolution.proposed_at),
        "approved_by": resolution.approved_by,
        "approved_at": to_rfc3339(resolution.approved_at) if resolution.approved_at else None,
        "acceptance": _acceptance_document(resolution.acceptance),
    }


def _acceptance_document(acceptance: Acceptance | None) -> dict[str, Any] | None:
    if acceptance is None:
        return None
    return {"parts": asdict(acceptance.parts), "last_on": acceptance.last_on.isoformat()}


def _acceptance(document: dict[str, Any] | None) -> Acceptance | None:
    if document is None:
        return None
    return Acceptance(
        parts=NetParts(**document["parts"]), last_on=date.fromisoformat(document["last_on"])
    )


def _resolution(document: dict[str, Any] | None) -> Resolution | None:
    if document is None:
        return None
    approved_at = document["approved_at"]
    return Resolution(
        kind=ResolutionKind(document["kind"]),
        reason=document["reason"],
        proposed_by=document["proposed_by"],
        proposed_at=parse_rfc3339(document["proposed_at"]),
        approved_by=document["approved_by"],
        approved_at=parse_rfc3339(approved_at) if approved_at else None,
        acceptance=_acceptance(document["acceptance"]),
    )


def _mate_document(mate: Mate | None) -> list[str] | None:
    return [mate[0].isoformat(), mate[1]] if mate else None


def _mate(document: list[str] | None) -> Mate | None:
    return (date.fromisoformat(document[0]), document[1]) if document else None


def _side(document: dict[str, Any] | None) -> BillRow | None:
    return None if document is None else row_of_document(document)
