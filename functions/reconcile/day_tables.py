"""A platform's day in the engine: a part of its ledger, its bills, and where they disagree.

    load_ledger  one part of the day, made of whole segments; a part replaces the one before
    load_bill    a version of the bill, whole
    tallies      what the part's entries add up to, by campaign and segment
    match        the part against a version: pairs that agree in SQL, the rest by `match_rows`
    copy_*       lines of the published files, of the part
    breaks       of all parts matched so far, by version

A day of many millions goes through the engine part by part; what is kept of all of it is the
bill and the breaks.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any, Final

from functions.reconcile.bill_reading import Findings, load_bill
from functions.reconcile.engine import SEPARATOR, Engine, literal, write_rows
from functions.reconcile.matching import LedgerSide, match_rows
from functions.shared.domain.bills import (
    AMOUNT_COLUMNS,
    BillRow,
    EntryType,
    row_document,
    row_of_document,
)
from functions.shared.domain.breaks import BreakChanges, BreakState, MatchRow, MatchState
from functions.shared.domain.business_time import parse_rfc3339
from functions.shared.domain.ledger import day_segment
from functions.shared.domain.money import FundingParts
from functions.shared.domain.settlement import Adjustment, Tallies, Tally
from functions.shared.files.csv_sql import line_sql
from functions.shared.store.ledger_rows import FEN_COLUMNS, TEXT_COLUMNS
from functions.shared.store.vouchers import Owner

LEDGER_COLUMNS: Final = {
    **dict.fromkeys(TEXT_COLUMNS, "VARCHAR"),
    **dict.fromkeys(FEN_COLUMNS, "BIGINT"),
    "segment": "UTINYINT",
}
"""An entry in a file and in the engine: the store's row, and its segment."""

SLICE_ROWS: Final = 50_000
"""How many rows without an agreeing one are held as objects at a time, about: all of a day may be
such, where its bill has not come.
"""

_KEY: Final = "order_no, entry_type, refund_no"
_SIDE: Final = f"{_KEY}, voucher_id, merchant_id, {', '.join(AMOUNT_COLUMNS)}"
_BREAK_COLUMNS: Final = {
    "version": "INTEGER",
    "break_id": "VARCHAR",
    "segment": "UTINYINT",
    "order_no": "VARCHAR",
    "entry_type": "VARCHAR",
    "refund_no": "VARCHAR",
    "campaign_id": "VARCHAR",
    "match_state": "VARCHAR",
    "ledger_fen": "BIGINT",
    "bill_fen": "BIGINT",
    "ledger": "VARCHAR",
    "bill": "VARCHAR",
}
_BREAK: Final = "break_id, campaign_id, match_state, ledger, bill"
_BREAK_SLICE: Final = " + ".join(
    f"{weight} * (strpos('0123456789abcdef', break_id[{place}]) - 1)"
    for weight, place in ((16, 3), (1, 4))
)
AskOwners = Callable[[Iterable[str]], Iterator[Owner]]
"""Whose vouchers are; see `functions.shared.store.vouchers.VoucherStore.owners`."""


class RowsLost(Exception):
    """A match does not hold every row of both sides once: a fault of ours, not of the data."""


@dataclass(frozen=True, slots=True)
class Sides:
    """Some rows of a match, and the voucher money of both sides, refunds counted negative."""

    rows: int = 0
    ledger_fen: int = 0
    bill_fen: int = 0

    @property
    def difference_fen(self) -> int:
        """Ledger less bill."""
        return self.ledger_fen - self.bill_fen

    def __add__(self, other: Sides) -> Sides:
        return Sides(
            self.rows + other.rows,
            self.ledger_fen + other.ledger_fen,
            self.bill_fen + other.bill_fen,
        )


class DayTables:
    """The day's tables in one engine.

    Args:
        engine: where they are made; nobody else's.
        platform_id: whose day.
        on: the business date.

    """

    def __init__(self, engine: Engine, platform_id: str, on: date) -> None:
        self._engine = engine
        self._platform_id = platform_id
        self._on = on
        engine.load("breaks", _BREAK_COLUMNS, [])
        self._booked: dict[int, set[str]] = {}
        self._segments: tuple[int, ...] = ()

    @property
    def folder(self) -> Path:
        """Where files may be put that go with the tables."""
        return self._engine.folder

    # Loading.

    def load_ledger(self, files: Sequence[Path], *, is_sorted: bool = True) -> None:
        """Makes the files' rows the part that is worked on.

        Args:
            files: of the part.
            is_sorted: whether the rows stand as the ledger gives them; they do afterwards.

        Raises:
            RowsLost: an entry is of another platform or another day.

        """
        self._engine.load("ledger", LEDGER_COLUMNS, files)
        if not is_sorted:
            self._engine.run(
                "CREATE OR REPLACE TABLE ledger AS SELECT * FROM ledger "
                "ORDER BY segment, recorded_at, redemption_id, entry_type, refund_no"
            )
        strangers = "SELECT count(*) FROM ledger WHERE (platform_id, business_on) <> (?, ?)"
        if self._engine.value(strangers, self._platform_id, self._on.isoformat()):
            raise RowsLost("an entry of another platform or another day")

    def load_bill(self, version: int, path: Path) -> Findings:
        """Makes a version's rows a table; what is wrong with the file."""
        return load_bill(
            path, business_on=self._on, engine=self._engine, table=_bill_table(version)
        )

    def load_share(self, version: int, load: Callable[[str], None]) -> None:
        """Makes a share's rows of a version a table.

        Args:
            version: of the bill.
            load: makes the table of that name in the engine.

        """
        load(_bill_table(version))

    # The ledger alone.

    def tallies(self) -> dict[str, dict[int, Tallies]]:
        """What the part's entries add up to, by campaign, then by segment."""
        kind = (
            "CASE WHEN entry_type = 'REDEEM' THEN 'gross' "
            "WHEN redeemed_on = business_on THEN 'refunds' ELSE 'adjustments' END"
        )
        found: dict[str, dict[int, Tallies]] = {}
        for campaign_id, segment, name, count, *fen in self._engine.rows(
            f"SELECT campaign_id, segment, {kind} AS kind, count(*), "  # noqa: S608 - names of our own
            "sum(fiscal_part_fen)::BIGINT, sum(platform_part_fen)::BIGINT, "
            "sum(merchant_part_fen)::BIGINT FROM ledger GROUP BY ALL ORDER BY ALL"
        ):
            parts = FundingParts(fiscal_fen=fen[0], platform_fen=fen[1], merchant_fen=fen[2])
            of_segment = found.setdefault(campaign_id, {}).setdefault(segment, Tallies())
            found[campaign_id][segment] = replace(of_segment, **{name: Tally(count, parts)})
        return found

    def adjustments(self) -> Iterator[tuple[str, Adjustment]]:
        """The part's refunds of earlier days' redemptions, each with its campaign."""
        for campaign_id, at, redemption_id, order_no, refund_no, on, *fen in self._engine.rows(
            "SELECT campaign_id, recorded_at, redemption_id, order_no, refund_no, redeemed_on, "
            "fiscal_part_fen, platform_part_fen, merchant_part_fen FROM ledger "
            "WHERE entry_type = 'REFUND' AND redeemed_on <> business_on"
        ):
            yield (
                campaign_id,
                Adjustment(
                    recorded_at=parse_rfc3339(at),
                    redemption_id=redemption_id,
                    order_no=order_no,
                    refund_no=refund_no,
                    redeemed_on=date.fromisoformat(on),
                    parts=FundingParts(fiscal_fen=fen[0], platform_fen=fen[1], merchant_fen=fen[2]),
                ),
            )

    def copy_entries(self, campaign_id: str, cells: Sequence[str], path: Path) -> int:
        """Writes a line of CSV for each of the campaign's entries in the part; how many.

        They stand as the ledger gives them: by segment, then by time of recording.

        Args:
            campaign_id: whose.
            cells: SQL over the ledger's columns, one a cell; see `line_sql`.
            path: of the file.

        """
        return self._engine.copy(
            f"SELECT {line_sql(cells)} || chr(13) FROM ledger "  # noqa: S608 - SQL of our own
            f"WHERE campaign_id = {literal(campaign_id)}",
            path,
        )

    # Ledger and bill.

    def needs_booked(self, version: int) -> bool:
        """Whether the bill names a voucher in several redemptions: then ask `note_booked` first."""
        bill = _bill_table(version)
        self._engine.run(
            f"CREATE OR REPLACE TABLE {bill}_twice AS SELECT voucher_id FROM {bill} "  # noqa: S608 - names of our own
            "WHERE entry_type = 'REDEEM' GROUP BY voucher_id HAVING count(*) > 1"
        )
        self._booked[version] = set()
        return bool(self._engine.value(f"SELECT count(*) FROM {bill}_twice"))  # noqa: S608 - as above

    def load_twice(self, version: int, voucher_ids: Iterable[str]) -> None:
        """The same where only a share of the bill is here: which vouchers those are."""
        path = self._engine.folder / "twice.rows"
        write_rows(path, ((voucher_id,) for voucher_id in voucher_ids))
        self._engine.load(f"{_bill_table(version)}_twice", {"voucher_id": "VARCHAR"}, [path])
        self._booked[version] = set()

    def note_booked(self, version: int) -> None:
        """Remembers which of those vouchers are redeemed in this part as the bill has it.

        The other rows that name them may lie in other parts; to be asked of all parts before any
        is matched.
        """
        bill = _bill_table(version)
        booked = (
            f"SELECT l.voucher_id FROM ledger l JOIN {bill} b USING ({_KEY}, voucher_id) "  # noqa: S608 - names of our own
            f"SEMI JOIN {bill}_twice t ON t.voucher_id = l.voucher_id "
            "WHERE entry_type = 'REDEEM'"
        )
        self._booked[version].update(voucher_id for (voucher_id,) in self._engine.rows(booked))

    def booked(self, version: int) -> list[str]:
        """What `note_booked` has noted, sorted."""
        return sorted(self._booked[version])

    def add_booked(self, version: int, voucher_ids: Iterable[str]) -> None:
        """Takes over what was noted of all parts, wherever they lie."""
        self._booked.setdefault(version, set()).update(voucher_ids)

    def match(self, version: int, segments: Sequence[int], owners: AskOwners) -> dict[str, Sides]:
        """Matches the part against a version (0 for no bill); its breaks are kept.

        Args:
            version: of the bill, loaded before.
            segments: those of the part, also where the ledger has no entry in them.
            owners: says which campaign a voucher is of that the bill names and the part does not.

        Returns:
            What agrees, by campaign.

        Raises:
            RowsLost: see there.

        """
        self._segments = tuple(segments)
        bill = self._part_of_bill(version)
        self._engine.run(
            "CREATE OR REPLACE TABLE agreed AS SELECT l.rowid AS entry, b.row AS billed, "  # noqa: S608 - names of our own
            f"b.occurred_at AS bill_at FROM ledger l JOIN {bill} b USING ({_SIDE})"
        )
        self._engine.run(
            f"CREATE OR REPLACE TABLE entries_left AS SELECT campaign_id, {_SIDE}, recorded_at "  # noqa: S608 - names of our own
            "FROM ledger WHERE rowid NOT IN (SELECT entry FROM agreed)"
        )
        self._engine.run(
            f"CREATE OR REPLACE TABLE billed_left AS SELECT {_SIDE}, occurred_at FROM {bill} "  # noqa: S608 - as above
            "WHERE row NOT IN (SELECT billed FROM agreed)"
        )
        left = self._require_whole(bill)
        slices = 1 + left // SLICE_ROWS
        for number in range(slices):
            self._match_left(version, owners, f"hash(order_no) % {slices} = {number}")
        sign = "CASE entry_type WHEN 'REDEEM' THEN 1 ELSE -1 END"
        return {
            campaign_id: Sides(count, voucher_fen, voucher_fen)
            for campaign_id, count, voucher_fen in self._engine.rows(
                f"SELECT campaign_id, count(*), sum(voucher_fen * {sign})::BIGINT FROM ledger "  # noqa: S608 - as above
                "WHERE rowid IN (SELECT entry FROM agreed) GROUP BY campaign_id ORDER BY ALL"
            )
        }

    def _part_of_bill(self, version: int) -> str:
        """SQL for the bill's rows that belong to the part's segments."""
        if not version:
            columns = {name: LEDGER_COLUMNS[name] for name in _SIDE.split(", ")}
            self._engine.load("no_bill", {**columns, "occurred_at": "VARCHAR", "row": "BIGINT"}, [])
            return "no_bill"
        segments = ", ".join(map(str, self._segments))
        return (
            f"(SELECT {_SIDE}, occurred_at, rowid AS row FROM {_bill_table(version)} "  # noqa: S608 - names of our own
            f"WHERE segment IN ({segments}))"
        )

    def _require_whole(self, bill: str) -> int:
        """How many rows of both sides are left, once it is sure that no row is lost or doubled."""
        agreed, left, billed, entries = (
            self._engine.value(f"SELECT count(*) FROM {table}")  # noqa: S608 - names of our own
            for table in ("agreed", "entries_left", "billed_left", "ledger")
        )
        rows = self._engine.value(f"SELECT count(*) FROM {bill}")  # noqa: S608 - as above
        if (agreed + left, agreed + billed) != (entries, rows):
            raise RowsLost(
                f"{entries} entries and {rows} bill rows, but {agreed} pairs, {left} and {billed}"
            )
        return int(left + billed)

    def _match_left(self, version: int, owners: AskOwners, some: str) -> None:
        """Matches some of the rows that are left: both sides of an order, or neither."""
        left = [
            LedgerSide(campaign_id, _bill_row(cells))
            for campaign_id, *cells in self._engine.rows(
                f"SELECT * FROM entries_left WHERE {some}"  # noqa: S608 - SQL of our own
            )
        ]
        billed = [
            _bill_row(cells)
            for cells in self._engine.rows(f"SELECT * FROM billed_left WHERE {some}")  # noqa: S608 - as above
        ]
        rows = match_rows(
            self._platform_id,
            self._on,
            left,
            billed,
            campaign_of=self._campaigns(billed, owners),
            booked=self._booked.get(version, frozenset()),
        )
        self._keep(version, rows)

    def _campaigns(self, billed: Sequence[BillRow], owners: AskOwners) -> dict[str, str]:
        """The campaigns of the vouchers that bill rows without an agreeing entry name."""
        names = self._engine.folder / "vouchers.rows"
        write_rows(names, ((voucher_id,) for voucher_id in {row.voucher_id for row in billed}))
        self._engine.load("asked", {"voucher_id": "VARCHAR"}, [names])
        known = dict(
            self._engine.rows(
                "SELECT DISTINCT voucher_id, campaign_id FROM ledger "
                "SEMI JOIN asked USING (voucher_id)"
            )
        )
        strangers = sorted({row.voucher_id for row in billed} - known.keys())
        known.update((owner.voucher_id, owner.campaign_id) for owner in owners(strangers))
        return known

    # Breaks.

    def _keep(self, version: int, rows: Iterable[MatchRow]) -> None:
        kept = self._engine.folder / "breaks.rows"
        write_rows(kept, (_break_cells(version, row) for row in rows))
        self._engine.append("breaks", _BREAK_COLUMNS, kept)

    def break_slices(self) -> dict[int, int]:
        """How many breaks of all versions there are, by the slice of their ids."""
        found = f"SELECT {_BREAK_SLICE} AS slice, count(*) FROM breaks GROUP BY ALL ORDER BY ALL"  # noqa: S608 - SQL of our own
        return dict(self._engine.rows(found))

    def copy_breaks(self, path: Path, ids: tuple[str, str]) -> int:
        """Writes the breaks of all versions with ids from and to into a file; how many."""
        cells = ", ".join(f"{name}::VARCHAR" for name in _BREAK_COLUMNS)
        return self._engine.copy(
            f"SELECT concat_ws({literal(SEPARATOR)}, {cells}) FROM breaks "  # noqa: S608 - SQL of our own
            f"WHERE break_id BETWEEN {literal(ids[0])} AND {literal(ids[1])}",
            path,
        )

    def add_breaks(self, path: Path) -> None:
        """Takes over breaks of parts that lie elsewhere, from a file of `copy_breaks`."""
        self._engine.append("breaks", _BREAK_COLUMNS, path)

    def breaks(self, version: int) -> Iterator[MatchRow]:
        """Every break of a version, of the parts matched so far, by id."""
        rows = self._engine.rows(
            f"SELECT {_BREAK} FROM breaks WHERE version = ? ORDER BY break_id",  # noqa: S608 - names of our own
            version,
        )
        return map(_match_row, rows)

    def listed_breaks(
        self,
        campaign_id: str,
        version: int,
        *,
        before: int | None = None,
        segments: Sequence[int] | None = None,
    ) -> Iterator[tuple[MatchRow, BreakState]]:
        """A campaign's breaks by segment and key: the version's, and those that it has closed.

        Args:
            campaign_id: whose.
            version: whose breaks are open.
            before: the version before, whose other breaks are closed; None for none.
            segments: only those of these segments; None for all.

        """
        listed = (
            f"SELECT {_BREAK}, 'OPEN', segment, {_KEY} FROM breaks "  # noqa: S608 - names of our own
            f"WHERE version = $version AND campaign_id = $campaign UNION ALL "
            f"SELECT {_BREAK}, 'CLOSED', segment, {_KEY} FROM breaks "
            "WHERE version = $before AND campaign_id = $campaign AND break_id NOT IN "
            "(SELECT break_id FROM breaks WHERE version = $version AND campaign_id = $campaign)"
        )
        rows = self._engine.rows(
            f"SELECT * FROM ({listed}) "  # noqa: S608 - as above
            "WHERE $segments IS NULL OR list_contains($segments, segment) "
            f"ORDER BY segment, {_KEY}, break_id",
            version=version,
            campaign=campaign_id,
            before=before,
            segments=None if segments is None else list(segments),
        )
        width = _BREAK.count(",") + 1
        return ((_match_row(cells[:width]), BreakState(cells[width])) for cells in rows)

    def breaks_by_state(self, campaign_id: str, version: int) -> dict[MatchState, Sides]:
        """How many breaks a version has of each kind, and the money of both sides."""
        return {
            MatchState(name): Sides(rows=count, ledger_fen=ledger_fen, bill_fen=bill_fen)
            for name, count, ledger_fen, bill_fen in self._engine.rows(
                "SELECT match_state, count(*), sum(ledger_fen)::BIGINT, sum(bill_fen)::BIGINT "
                "FROM breaks WHERE version = ? AND campaign_id = ? "
                "GROUP BY match_state ORDER BY ALL",
                version,
                campaign_id,
            )
        }

    def break_changes(self, campaign_id: str, version: int, before: int) -> BreakChanges:
        """How many of a campaign's breaks a version opened, changed and closed."""
        other = "(a.match_state, a.ledger, a.bill) <> (b.match_state, b.ledger, b.bill)"
        changed_sql = f"a.break_id = b.break_id AND {other}"
        counts = ", ".join(
            f"count(*) FILTER ({condition})"
            for condition in ("b.break_id IS NULL", changed_sql, "a.break_id IS NULL")
        )
        [(opened, changed, closed)] = self._engine.rows(
            f"SELECT {counts} FROM "  # noqa: S608 - SQL of our own
            "(SELECT * FROM breaks WHERE version = ? AND campaign_id = ?) a FULL JOIN "
            "(SELECT * FROM breaks WHERE version = ? AND campaign_id = ?) b USING (break_id)",
            version,
            campaign_id,
            before,
            campaign_id,
        )
        return BreakChanges(opened, changed, closed)

    def broken_campaigns(self, version: int) -> list[str]:
        """The campaigns that have a break in a version, sorted."""
        found = "SELECT DISTINCT campaign_id FROM breaks WHERE version = ? ORDER BY ALL"
        return [campaign_id for (campaign_id,) in self._engine.rows(found, version)]

    def matched_segments(self, campaign_id: str, version: int) -> list[int]:
        """The part's segments in which the campaign has an entry or a break, in order."""
        found = (
            "SELECT DISTINCT segment FROM "
            "(SELECT segment FROM ledger WHERE campaign_id = $campaign UNION ALL "
            "SELECT segment FROM breaks WHERE version = $version AND campaign_id = $campaign "
            "AND list_contains($segments, segment)) ORDER BY segment"
        )
        named = {"campaign": campaign_id, "version": version, "segments": list(self._segments)}
        return [segment for (segment,) in self._engine.rows(found, **named)]

    def copy_agreed(self, campaign_id: str, segment: int, cells: Sequence[str], path: Path) -> int:
        """Writes a line for each pair of the last match that agrees; how many.

        They stand in the order of the ledger.

        Args:
            campaign_id: whose.
            segment: of the part.
            cells: SQL over the ledger's columns and `bill_at`, one a cell; see `line_sql`.
            path: of the file.

        """
        return self._engine.copy(
            f"SELECT {line_sql(cells)} || chr(13) FROM ledger l "  # noqa: S608 - SQL of our own
            f"JOIN agreed a ON l.rowid = a.entry WHERE campaign_id = {literal(campaign_id)} "
            f"AND segment = {segment} ORDER BY l.rowid",
            path,
        )


def _bill_table(version: int) -> str:
    return f"bill_{version}"


def _bill_row(cells: Sequence[Any]) -> BillRow:
    """The row of cells in the order of _SIDE, and its time."""
    order_no, entry_type, refund_no, voucher_id, merchant_id, *amounts, at = cells
    return BillRow(
        platform_order_no=order_no,
        entry_type=EntryType(entry_type),
        refund_no=refund_no,
        voucher_id=voucher_id,
        merchant_id=merchant_id,
        occurred_at=parse_rfc3339(at),
        **dict(zip(AMOUNT_COLUMNS, amounts, strict=True)),
    )


def _place(row: MatchRow) -> tuple[str, ...]:
    """The segment and the key of a row."""
    order_no, entry_type, refund_no = row.side.key
    return str(day_segment(order_no)), order_no, entry_type.value, refund_no


def _break_cells(version: int, row: MatchRow) -> tuple[str, ...]:
    return (
        str(version),
        row.break_id or "",
        *_place(row),
        row.campaign_id,
        row.match_state.value,
        str(row.ledger.signed_voucher_fen if row.ledger else 0),
        str(row.bill.signed_voucher_fen if row.bill else 0),
        _document(row.ledger),
        _document(row.bill),
    )


def _document(row: BillRow | None) -> str:
    return "" if row is None else json.dumps(row_document(row), separators=(",", ":"))


def _match_row(cells: Sequence[str]) -> MatchRow:
    break_id, campaign_id, match_state, ledger, bill = cells
    return MatchRow(
        match_state=MatchState(match_state),
        campaign_id=campaign_id,
        ledger=row_of_document(json.loads(ledger)) if ledger else None,
        bill=row_of_document(json.loads(bill)) if bill else None,
        break_id=break_id,
    )
