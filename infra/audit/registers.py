"""The daily registers of open breaks: each lists what reconciliations left open, and nobody ended.

A set of a reconciliation has no time of its own; only its first does, that of the statement. So a
register must be what one of a day's sets left, never an older one than the register before, or,
where a corrected bill was just being filed, something between two sets that follow each other.

    statement made ── set 1 ──?── set 2 ──?── set 3
           register  ▲          ▲ one of them, or between two

What a set left is open until persons end it (the journal tells of that), while later sets show the
same row, or until the bill of a neighbouring date has the row.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, NamedTuple

from functions.reconcile.break_register import register_book
from functions.shared.domain.bills import AMOUNT_COLUMNS, EntryType
from functions.shared.domain.breaks import BreakState, MatchState, ResolutionKind, break_id_of
from functions.shared.domain.business_time import business_date
from functions.shared.domain.settlement import settlement_range
from functions.shared.files.csv_out import unguarded
from functions.shared.files.manifest import Manifest
from functions.shared.files.register import REGISTER_CSV, REGISTER_XLSX
from infra.audit.book import Book
from infra.audit.decisions import Decision
from infra.audit.findings import Finding, Kind, in_form
from infra.audit.matches import SETTLEMENT, digest_of, row_of
from infra.audit.reading import rows_at
from infra.audit.sources import Source

REGISTER: Final = "open_breaks"
_BREAKS: Final = re.compile(r"breaks(?:-[0-9]+)?\.csv\Z")
# A run begins, and writes its register at most so much later; another settles meanwhile.
_RUN: Final = timedelta(minutes=15)
# A day on many functions has its statement some time before the last of its breaks.
_SETTLING: Final = timedelta(hours=1)
_KEY: Final = ("order_no", "entry_type", "refund_no")
_SIDE: Final = ("voucher_id", "merchant_id", *AMOUNT_COLUMNS)
_CELLS: Final = (
    "ledger_at",
    "bill_at",
    *(f"{of}_{name}" for of in ("ledger", "bill") for name in _SIDE),
)
_NEIGHBOURS: Final = (timedelta(days=-1), timedelta(days=1))
_OTHER_SIDE: Final = {
    MatchState.LEDGER_ONLY.value: MatchState.BILL_ONLY.value,
    MatchState.BILL_ONLY.value: MatchState.LEDGER_ONLY.value,
}
_UNENDED: Final = frozenset({BreakState.OPEN, BreakState.PROPOSED})

Cells = Mapping[str, str]


class _Day(NamedTuple):
    """A campaign's date on a platform."""

    platform_id: str
    on: date


class _Row(NamedTuple):
    """A break as a set lists it: what a register repeats of it, and digests of all the rest."""

    match_state: str
    difference_fen: str
    key: tuple[str, ...]
    cells: bytes
    side: bytes

    @property
    def told(self) -> tuple[object, ...]:
        """What a register says of it."""
        return self.match_state, self.difference_fen, self.key


@dataclass(frozen=True, slots=True)
class _Set:
    """One set of a day: the version of the bill, and the breaks that it left."""

    bill_version: int
    rows: Mapping[str, _Row]


class Registers:
    """The registers, against the sets and the journals of all campaigns.

    Args:
        manifests: of all sets, by folder.
        source: the files.

    """

    def __init__(self, manifests: Mapping[str, Manifest], source: Source) -> None:
        self._manifests = manifests
        self._source = source
        self._campaigns: dict[str, tuple[CampaignBreaks, date]] = {}
        self.rows = 0

    def add(self, book: Book, last_day: date) -> None:
        """Takes a campaign, whose journal was read to its last day; nothing else is kept of it."""
        campaign_id = book.campaign.campaign_id
        sets = _sets_of(campaign_id, self._manifests, self._source)
        self._campaigns[campaign_id] = CampaignBreaks(book, sets), last_day

    @property
    def folders(self) -> list[str]:
        """The registers there are, oldest first: to be checked in this order."""
        return sorted(name for name, found in self._manifests.items() if found.kind == REGISTER)

    def check(self, prefix: str) -> Iterator[Finding]:
        """What is wrong with a register."""
        found = self._check(prefix, self._manifests[prefix].cutoff_at)
        yield from in_form(Kind.BREAK, prefix, found)

    def _check(self, prefix: str, at: datetime) -> Iterator[Finding]:
        listed: defaultdict[str, defaultdict[_Day, dict[str, Cells]]]
        listed = defaultdict(lambda: defaultdict(dict))
        for row in rows_at(self._source, prefix + REGISTER_CSV):
            self.rows += 1
            day = _Day(row["platform_id"], date.fromisoformat(row["business_date"]))
            of_day = listed[row["campaign_id"]][day]
            if row["break_id"] in of_day:
                yield Finding(Kind.BREAK, prefix, f"{row['break_id']} is listed twice")
            of_day[row["break_id"]] = row
            age_days = max(0, (business_date(at) - day.on).days - 1)
            if row["age_days"] != str(age_days):
                detail = f"{row['break_id']} is {age_days} days old, not {row['age_days']}"
                yield Finding(Kind.BREAK, prefix, detail)
        for campaign_id, (breaks, last_day) in self._campaigns.items():
            # What persons decided in the morning of the register stands in that day's journal.
            if business_date(at) <= last_day:
                for detail in breaks.wrong(listed[campaign_id], at):
                    yield Finding(Kind.BREAK, prefix, f"{campaign_id}: {detail}")
        yield from self._book_wrong(prefix, at)

    def _book_wrong(self, prefix: str, at: datetime) -> Iterator[Finding]:
        """Whether the workbook is what the file gives, to the byte."""
        with TemporaryDirectory(prefix="huimin-") as folder:
            path = Path(folder) / REGISTER_CSV
            with path.open("wb") as file:
                file.writelines(self._source.parts(prefix + REGISTER_CSV))
            entry, _, book = register_book(path, business_date(at), at)
        if entry not in self._manifests[prefix].files:
            yield Finding(Kind.BREAK, prefix, "its manifest says other totals")
        if book != self._source.read(prefix + REGISTER_XLSX):
            yield Finding(Kind.BREAK, prefix + REGISTER_XLSX, "it is not what the register gives")


class CampaignBreaks:
    """What the sets of one campaign left open, and what persons made of it.

    Args:
        book: the campaign's, read to its end.
        sets: of each of its days, in the order of their versions.

    """

    def __init__(self, book: Book, sets: Mapping[_Day, Sequence[_Set]]) -> None:
        self._decisions = book.decisions.of
        self._sets = sets
        self._last_on = settlement_range(book.campaign)[1]
        self._made_at = {
            _Day(made.platform_id, made.on): made.made_at
            for made in book.payables.statements.values()
        }
        # How far each day's sets were in the register before, in halves.
        self._reached: dict[_Day, int] = {}

    def wrong(self, listed: Mapping[_Day, Mapping[str, Cells]], at: datetime) -> Iterator[str]:
        """Why a register that lists these cannot be; to be asked in the order of the registers."""
        for day in sorted(self._sets.keys() | listed.keys()):
            found = listed.get(day, {})
            made_at, sets = self._made_at.get(day), self._sets.get(day, ())
            if made_at is None or at + _RUN < made_at:
                if found:
                    yield f"{day.platform_id} {day.on} was not settled: {min(found)}"
                continue
            # In halves: 2 is the first set, 3 between it and the second.
            least = max(self._reached.get(day, 0), 2 if made_at <= at - _SETTLING else 0)
            why: str | None = None
            for halves in range(least, 2 * len(sets) + 1):
                misfit = self._misfit(day, halves, found, at)
                if misfit is None:
                    self._reached[day] = halves
                    break
                # The newest set is what people would look at.
                why = misfit
            else:
                yield f"{day.platform_id} {day.on}: {why or 'it has no reconciliation'}"

    def _misfit(
        self, day: _Day, halves: int, listed: Mapping[str, Cells], at: datetime
    ) -> str | None:
        """Why the register cannot have been written when the day's sets were so far."""
        sets = self._sets.get(day, ())
        views = [number for number in {halves // 2, (halves + 1) // 2} if number]
        for break_id, cells in listed.items():
            told = cells["match_state"], cells["difference_fen"], tuple(cells[k] for k in _KEY)
            having = [n for n in views if break_id in sets[n - 1].rows]
            if not any(sets[n - 1].rows[break_id].told == told for n in having):
                return f"{break_id} is listed, and no set has it so"
            if not any(self._may_be(day, n, break_id, cells["state"], at) for n in having):
                return f"{break_id} is listed as {cells['state']}, which it was not then"
        if not views or halves == 1:
            return None
        for break_id in set.intersection(*(set(sets[n - 1].rows) for n in views)):
            if break_id not in listed and not any(
                self._may_have_ended(day, n, break_id, at) for n in views
            ):
                return f"{break_id} is open, and not listed"
        return None

    def _may_be(self, day: _Day, number: int, break_id: str, state: str, at: datetime) -> bool:
        """Whether the break can have been in that state, and is one that is listed."""
        states = self._states(day, number, break_id, at)
        if self._explained(day, number, break_id):
            # Opened again, whatever was proposed before, where the other side went away.
            return state == BreakState.OPEN or state in states & _UNENDED
        return state in states & _UNENDED

    def _may_have_ended(self, day: _Day, number: int, break_id: str, at: datetime) -> bool:
        states = self._states(day, number, break_id, at)
        return BreakState.RESOLVED in states or self._explained(day, number, break_id)

    def _states(self, day: _Day, number: int, break_id: str, at: datetime) -> set[BreakState]:
        """What persons can have made of a break of a set when a register was written."""
        sure, possible = BreakState.OPEN, set()
        for decision in self._decisions.get(break_id, ()):
            if not self._holds(day, number, break_id, decision):
                continue
            if decision.at <= at - _RUN:
                sure = decision.state
            elif decision.at <= at + _RUN:
                possible.add(decision.state)
        return {sure, *possible}

    def _holds(self, day: _Day, number: int, break_id: str, decision: Decision) -> bool:
        """Whether a decision holds for a set: each since then shows the row that was decided on."""
        sets = self._sets[day]
        since = next(
            (n for n, each in enumerate(sets) if each.bill_version >= decision.bill_version), 0
        )
        if since > number - 1:
            return False
        if (
            decision.state is BreakState.RESOLVED
            and decision.resolution is ResolutionKind.ACCEPT_BILL
            and business_date(decision.at) > self._last_on
        ):
            return True
        rows = [each.rows.get(break_id) for each in sets[since:number]]
        row = rows[0]
        return (
            row is not None
            and (row.match_state, row.difference_fen)
            == (decision.match_state, str(decision.difference_fen))
            and all(each is not None and each.cells == row.cells for each in rows)
        )

    def _explained(self, day: _Day, number: int, break_id: str) -> bool:
        """Whether a set of a neighbouring date has the other side of it."""
        row = self._sets[day][number - 1].rows[break_id]
        wanted = _OTHER_SIDE.get(row.match_state)
        if wanted is None:
            return False
        for step in _NEIGHBOURS:
            on = day.on + step
            other_id = break_id_of(day.platform_id, on, row_of(_key_of(row)))
            for each in self._sets.get(_Day(day.platform_id, on), ()):
                other = each.rows.get(other_id)
                if other is not None and (other.match_state, other.side) == (wanted, row.side):
                    return True
        return False


def _sets_of(
    campaign_id: str, manifests: Mapping[str, Manifest], source: Source
) -> dict[_Day, list[_Set]]:
    """Each day's sets, in the order of their versions."""
    found: defaultdict[_Day, list[tuple[int, str]]] = defaultdict(list)
    for prefix, manifest in manifests.items():
        if manifest.kind == SETTLEMENT and manifest.inputs.get("campaign_id") == campaign_id:
            on, platform_id = manifest.business_date, str(manifest.inputs.get("platform_id"))
            version = prefix.rstrip("/").rpartition("/v")[2]
            if on is not None and version.isdecimal():
                found[_Day(platform_id, on)].append((int(version), prefix))
    return {
        day: [_set(prefix, manifests[prefix], source) for _, prefix in sorted(of_day)]
        for day, of_day in found.items()
    }


def _set(prefix: str, manifest: Manifest, source: Source) -> _Set:
    rows = {}
    for entry in manifest.files:
        if _BREAKS.match(entry.name):
            for cells in rows_at(source, prefix + entry.name):
                if cells.get("state") == BreakState.OPEN:
                    rows[cells["break_id"]] = _row(cells)
    return _Set(int(manifest.inputs.get("bill_version") or 0), rows)


def _row(cells: Cells) -> _Row:
    side = "ledger_" if cells["ledger_at"] else "bill_"
    return _Row(
        match_state=cells["match_state"],
        difference_fen=cells["difference_fen"],
        key=tuple(cells[name] for name in _KEY),
        cells=digest_of(cells[name] for name in _CELLS),
        side=digest_of(cells[f"{side}{name}"] for name in _SIDE),
    )


def _key_of(row: _Row) -> tuple[str, str, str]:
    order_no, entry_type, refund_no = row.key
    return unguarded(order_no), EntryType(entry_type).value, unguarded(refund_no)
