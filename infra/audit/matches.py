"""Reconciliations: every entry and every row of the bill in exactly one row, with what follows.

    detail ───┐
              ├──> reconciliation: each side as it stands there, the match that both give
    bill ─────┘         └──> breaks: every row that does not agree, at its difference

A bill covers a platform's day in all its campaigns, so the sets of all of them are read together.
The details themselves are held to the journal elsewhere (`infra.audit.details`).
"""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Final, NamedTuple

from functions.shared.domain.bills import AMOUNT_COLUMNS, TRAILER, BillRow, EntryType
from functions.shared.domain.breaks import MatchState, break_id_of
from functions.shared.domain.business_time import parse_rfc3339, to_rfc3339
from functions.shared.files.csv_out import unguarded
from functions.shared.files.manifest import Manifest
from infra.audit.findings import Finding, Kind, in_form
from infra.audit.reading import rows_at
from infra.audit.sources import Source

SETTLEMENT: Final = "settlement"
_RECONCILIATION: Final = re.compile(r"reconciliation(?:-[0-9]+)?\.csv\Z")
_DETAIL: Final = re.compile(r"detail(?:-[0-9]+)?\.csv\Z")
_BREAKS: Final = re.compile(r"breaks(?:-[0-9]+)?\.csv\Z")
_ENTRIES: Final = frozenset(kind.value for kind in EntryType)
_SOME_TIME: Final = datetime(2026, 1, 1, tzinfo=UTC)
_DIGEST_BYTES: Final = 16

Key = tuple[str, str, str]
Side = tuple[str, ...]
Cells = Mapping[str, str]


class _Day(NamedTuple):
    """A platform's day against one version of its bill."""

    platform_id: str
    on: date
    bill_object: str
    bill_sha256: str


@dataclass(slots=True)
class _Seen:
    """What the rows of a day's reconciliations have shown so far."""

    ledger: dict[Key, bytes] = field(default_factory=dict)
    bill: dict[Key, bytes] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    booked: set[str] = field(default_factory=set)
    alone: list[tuple[str, str, MatchState]] = field(default_factory=list)


class Matches:
    """The reconciliations of all campaigns.

    Args:
        manifests: of all sets, by folder.
        source: the files.

    """

    def __init__(self, manifests: Mapping[str, Manifest], source: Source) -> None:
        self._manifests = manifests
        self._source = source
        self._days: defaultdict[_Day, list[str]] = defaultdict(list)
        for prefix, manifest in manifests.items():
            if manifest.kind == SETTLEMENT and manifest.business_date is not None:
                inputs = manifest.inputs
                names = ("platform_id", "bill_object", "bill_sha256")
                platform_id, bill_object, sha256 = (str(inputs.get(name, "")) for name in names)
                day = _Day(platform_id, manifest.business_date, bill_object, sha256)
                self._days[day].append(prefix)
        self.rows = 0

    @property
    def days(self) -> list[_Day]:
        """What there is to check, in order."""
        return sorted(self._days)

    def check(self, day: _Day) -> Iterator[Finding]:
        """Everything that the reconciliations of a day say otherwise than their two sides."""
        yield from in_form(Kind.MATCH, f"{day.platform_id} {day.on}", self._check(day))

    def _check(self, day: _Day) -> Iterator[Finding]:
        seen = _Seen()
        if day.bill_object:
            found = self._sha256(day.bill_object)
            if found != day.bill_sha256:
                if not self._is_replaced(day, found):
                    yield Finding(
                        Kind.MATCH, day.bill_object, "it is not the bill that was matched"
                    )
                return
            seen.bill = {
                key: digest_of(side) for key, side in _bill_rows(self._source, day.bill_object)
            }
        for prefix in self._days[day]:
            yield from self._set(day, prefix, seen)
        for where, voucher_id, state in seen.alone:
            # Booked for another order of the bill: billed twice.
            expected = MatchState.BILL_ONLY
            if voucher_id in seen.booked:
                expected = MatchState.DUPLICATE
            if state is not expected:
                yield Finding(Kind.MATCH, where, f"it is {state}, and must be {expected}")
        if seen.bill:
            key = next(iter(seen.bill))
            detail = f"{len(seen.bill)} rows of the bill are in no reconciliation: {' '.join(key)}"
            yield Finding(Kind.MATCH, day.bill_object, detail)

    def _set(self, day: _Day, prefix: str, seen: _Seen) -> Iterator[Finding]:
        names = [entry.name for entry in self._manifests[prefix].files]
        seen.ledger = {
            _key(row): digest_of(_side(row, "", "recorded_at"))
            for name in names
            if _DETAIL.match(name)
            for row in rows_at(self._source, prefix + name)
            if row["entry_type"] in _ENTRIES
        }
        seen.wrong = []
        broken: dict[str, str] = {}
        for name in names:
            if _RECONCILIATION.match(name):
                for row in rows_at(self._source, prefix + name):
                    self.rows += 1
                    self._row(day, prefix, row, seen, broken)
        if seen.wrong:
            detail = f"{len(seen.wrong)} rows are not what both sides give: {seen.wrong[0]}"
            yield Finding(Kind.MATCH, f"{prefix}reconciliation", detail)
        if seen.ledger:
            key = next(iter(seen.ledger))
            detail = f"{len(seen.ledger)} entries are in no row: {' '.join(key)}"
            yield Finding(Kind.MATCH, f"{prefix}reconciliation", detail)
        listed = {
            row["break_id"]: row["difference_fen"]
            for name in names
            if _BREAKS.match(name)
            for row in rows_at(self._source, prefix + name)
            if row["state"] == "OPEN"
        }
        if listed != broken:
            [first, *_] = sorted(set(listed.items()) ^ set(broken.items()))
            detail = f"{len(listed)} breaks are listed, {len(broken)} rows do not agree: {first[0]}"
            yield Finding(Kind.MATCH, f"{prefix}breaks", detail)

    def _row(self, day: _Day, prefix: str, row: Cells, seen: _Seen, broken: dict[str, str]) -> None:
        """Looks at one row, and takes both its sides off those that are still to come."""
        key, state = _key(row), MatchState(row["match_state"])
        ledger = _side(row, "ledger_", "ledger_at") if row["ledger_at"] else None
        bill = _side(row, "bill_", "bill_at") if row["bill_at"] else None
        for side, left in ((ledger, seen.ledger), (bill, seen.bill)):
            if side is not None and left.pop(key, None) != digest_of(side):
                seen.wrong.append(" ".join(key))
        if ledger is not None and bill is not None:
            if key[1] == EntryType.REDEEM and ledger[0] == bill[0]:
                seen.booked.add(bill[0])
            expected = _state(ledger, bill)
        elif ledger is not None:
            expected = MatchState.LEDGER_ONLY
        elif bill is not None:
            expected = MatchState.BILL_ONLY
            if key[1] == EntryType.REDEEM:
                # Whether its voucher is booked for another order is known behind the last row.
                seen.alone.append((f"{prefix}reconciliation {key[0]}", bill[0], state))
                expected = state
        else:
            expected = MatchState.MATCHED
            seen.wrong.append(" ".join(key))
        sign = 1 if key[1] == EntryType.REDEEM else -1
        difference_fen = sign * (_voucher_fen(ledger) - _voucher_fen(bill))
        break_id = ""
        if state is not MatchState.MATCHED:
            break_id = break_id_of(day.platform_id, day.on, row_of(key))
            broken[row["break_id"]] = row["difference_fen"]
        told = state, int(row["difference_fen"]), row["break_id"]
        if told != (expected, difference_fen, break_id):
            seen.wrong.append(" ".join(key))

    def _sha256(self, key: str) -> str:
        digest = hashlib.sha256()
        try:
            for part in self._source.parts(key):
                digest.update(part)
        except FileNotFoundError:
            return ""
        return digest.hexdigest()

    def _is_replaced(self, day: _Day, found: str) -> bool:
        """Whether a later version of the bill was put in the same place; that one is checked."""
        return any(
            other.bill_object == day.bill_object and other.bill_sha256 == found
            for other in self._days
        )


def _state(ledger: Side, bill: Side) -> MatchState:
    if ledger[:2] != bill[:2]:
        return MatchState.STATE_DIFFERS
    # The third is the time: each side has its own clock.
    return MatchState.MATCHED if ledger[3:] == bill[3:] else MatchState.AMOUNT_DIFFERS


def _bill_rows(source: Source, key: str) -> Iterator[tuple[Key, Side]]:
    for row in rows_at(source, key):
        if row["platform_order_no"] == TRAILER and row["entry_type"] not in _ENTRIES:
            continue
        amounts = (str(int(row[name])) for name in AMOUNT_COLUMNS)
        at = to_rfc3339(parse_rfc3339(row["occurred_at"]))
        order_no, refund_no = unguarded(row["platform_order_no"]), unguarded(row["refund_no"])
        names = unguarded(row["voucher_id"]), unguarded(row["merchant_id"])
        yield (order_no, row["entry_type"], refund_no), (*names, at, *amounts)


def _key(row: Cells) -> Key:
    return unguarded(row["order_no"]), row["entry_type"], unguarded(row["refund_no"])


def _side(row: Cells, beginning: str, at: str) -> Side:
    names = (unguarded(row[f"{beginning}{name}"]) for name in ("voucher_id", "merchant_id"))
    return (*names, row[at], *(row[f"{beginning}{name}"] for name in AMOUNT_COLUMNS))


def _voucher_fen(side: Side | None) -> int:
    return int(side[3 + AMOUNT_COLUMNS.index("voucher_fen")]) if side else 0


def digest_of(cells: Iterable[str]) -> bytes:
    """Stands for cells that are held to be compared: a million of them must fit into memory."""
    return hashlib.sha256("\0".join(cells).encode()).digest()[:_DIGEST_BYTES]


def row_of(key: Key) -> BillRow:
    """A row of that key, for the id of its break."""
    order_no, entry_type, refund_no = key
    return BillRow(
        platform_order_no=order_no,
        entry_type=EntryType(entry_type),
        refund_no=refund_no,
        voucher_id="",
        merchant_id="",
        occurred_at=_SOME_TIME,
        order_fen=0,
        merchant_discount_fen=0,
        platform_discount_fen=0,
        voucher_fen=0,
        paid_fen=0,
    )
