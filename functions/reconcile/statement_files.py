"""The files of a settlement: statement, detail, reconciliation and breaks, with their manifest.

Everything here follows from the ledger, the bill and the version of the set, never from a clock:
rendered again, a set has the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cache, partial
from operator import attrgetter
from typing import Final, TypeAlias

from functions.reconcile.day_tables import Sides
from functions.shared.domain.adjusting import AdjustingEntry
from functions.shared.domain.bills import AMOUNT_COLUMNS, BillRow, BillVersion
from functions.shared.domain.breaks import BreakChanges, BreakState, MatchRow, MatchState
from functions.shared.domain.business_time import day_bounds
from functions.shared.domain.money import NetParts
from functions.shared.domain.settlement import (
    Adjustment,
    NetTally,
    Statement,
    Tally,
    statement_id_of,
)
from functions.shared.files.bundle import render_table
from functions.shared.files.columns import Cell, Column, ColumnKind, Row, Table
from functions.shared.files.csv_sql import text_sql
from functions.shared.files.facts import Fact, Facts, Words
from functions.shared.files.manifest import FileEntry, Manifest, describe
from functions.shared.files.xlsx_out import to_workbook

ListedBreak: TypeAlias = tuple[MatchRow, BreakState]

MOST_SHOWN: Final = 5_000
"""How many breaks the workbook shows; `breaks.csv` lists all."""

ADJUSTING_ENTRY: Final = "ADJUSTING_ENTRY"
"""How statement and detail call an adjusting entry."""

_ID, _TEXT, _FEN = ColumnKind.ID, ColumnKind.TEXT, ColumnKind.FEN
_COUNT, _DATE, _TIME = ColumnKind.COUNT, ColumnKind.DATE, ColumnKind.TIME

_AMOUNT_WORDS = {
    "order_fen": Words("订单金额", "Order"),
    "merchant_discount_fen": Words("商户优惠", "Merchant discount"),
    "platform_discount_fen": Words("平台优惠", "Platform discount"),
    "voucher_fen": Words("券金额", "Voucher"),
    "paid_fen": Words("实付金额", "Paid"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Restated:
    """What a later set changes against the set before.

    Args:
        bill_before: the bill that the set before shows; None where none had come.
        changes: of the breaks.

    """

    bill_before: BillVersion | None
    changes: BreakChanges


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementSet:
    """All that one set of files says, but for its rows by the million.

    Args:
        version: counts the sets of one statement from 1; later ones restate the reconciliation
            against a corrected bill, and never the statement's money.
        statement: the statement.
        adjustments: refunds of earlier days' redemptions that it settles.
        bill: the bill that was matched; None where none had come.
        sides: rows of the match by how they stand to each other.
        breaks: the first MOST_SHOWN breaks, for people.
        restated: what changed against the set before; None for the first set.
        adjusting: the adjusting entries that it settles, by break.

    """

    version: int
    statement: Statement
    adjustments: Sequence[Adjustment]
    bill: BillVersion | None
    sides: Mapping[MatchState, Sides]
    breaks: Sequence[ListedBreak]
    restated: Restated | None = None
    adjusting: Sequence[AdjustingEntry] = ()

    @property
    def open_breaks(self) -> int:
        """How many rows disagree."""
        return sum(of.rows for state, of in self.sides.items() if state is not MatchState.MATCHED)

    @property
    def difference_fen(self) -> int:
        """Ledger less bill, over all rows."""
        return sum(of.difference_fen for of in self.sides.values())


def set_prefix(campaign_id: str, platform_id: str, on: date, version: int) -> str:
    """The folder of a set, with its final slash."""
    return f"settlements/{platform_id}/{on.isoformat()}/{campaign_id}/v{version}/"


def run_id_of(platform_id: str, on: date, version: int) -> str:
    """The id of the run that writes the sets of that version: the same whenever it runs."""
    return f"reconcile-{platform_id}-{on.isoformat()}-v{version}"


def render_small(files: StatementSet) -> dict[str, tuple[bytes, FileEntry]]:
    """The files of the set that people read, and the statement for machines, with their entries."""
    facts = Facts(
        cutoff_at=day_bounds(files.statement.business_on)[1],
        run_id=_run_id(files, files.version),
        more=tuple(_facts(files)),
    )
    statement = _statement_table(files)
    rendered = {
        name: (data, replace(describe(name, data, statement), totals=_net_totals(files.statement)))
        for name, data in render_table(
            statement, formats=("csv", "json", "xlsx"), facts=facts
        ).items()
    }
    summary, breaks = _summary_table(files), _shown_breaks_table(files)
    name = "reconciliation.xlsx"
    data = to_workbook([summary, breaks], facts)
    rendered[name] = (data, describe(name, data, summary))
    return rendered


def manifest_of(files: StatementSet, entries: Iterable[FileEntry]) -> Manifest:
    """The manifest of the set: its files, and what they were made from."""
    restated = files.restated
    return Manifest(
        kind="settlement",
        business_date=files.statement.business_on,
        cutoff_at=day_bounds(files.statement.business_on)[1],
        run_id=_run_id(files, files.version),
        files=tuple(entries),
        supersedes=_run_id(files, files.version - 1) if restated else None,
        reason=_reason(files, restated) if restated else None,
        inputs=_inputs(files),
    )


def _run_id(files: StatementSet, version: int) -> str:
    return run_id_of(files.statement.platform_id, files.statement.business_on, version)


def _net_totals(statement: Statement) -> dict[str, int]:
    """A statement's lines hold their own sum, which is their total."""
    net = statement.net
    return {
        "voucher_fen": net.total_fen,
        "fiscal_fen": net.fiscal_fen,
        "platform_fen": net.platform_fen,
        "merchant_fen": net.merchant_fen,
    }


def _inputs(files: StatementSet) -> dict[str, str | int]:
    inputs: dict[str, str | int] = {
        "statement_id": files.statement.statement_id,
        "campaign_id": files.statement.campaign_id,
        "platform_id": files.statement.platform_id,
        "entries": files.statement.entries,
        "entries_digest": files.statement.entries_digest,
        "bill_version": files.bill.version if files.bill else 0,
    }
    if files.bill:
        inputs["bill_object"] = files.bill.object_key
        inputs["bill_sha256"] = files.bill.sha256
    return inputs


def _reason(files: StatementSet, restated: Restated) -> str:
    """What changed against the set before, and why; for people."""
    changes = restated.changes
    came = f"bill version {files.bill.version if files.bill else 0}"
    if restated.bill_before is None:
        why = f"{came} came after the settlement had been made without a bill"
    else:
        why = f"{came} corrects version {restated.bill_before.version}"
    return (
        f"{why}: {changes.closed} breaks closed, {changes.changed} changed, "
        f"{changes.opened} opened; the statement's amounts are unchanged"
    )


def _bill_text(bill: BillVersion | None) -> str:
    return f"ACCEPTED v{bill.version}" if bill else "MISSING"


def _facts(files: StatementSet) -> Iterator[Fact]:
    statement = files.statement
    yield Fact("statement_id", Words("结算单号", "Statement"), statement.statement_id)
    yield Fact("campaign_id", Words("活动", "Campaign"), statement.campaign_id)
    yield Fact("platform_id", Words("平台", "Platform"), statement.platform_id)
    yield Fact("business_date", Words("业务日期", "Business date"), statement.business_on)
    yield Fact("set_version", Words("文件版本", "Version of the files"), files.version)
    yield Fact("bill", Words("平台账单", "Bill"), _bill_text(files.bill))
    yield Fact("payable_side", Words("应付方", "Payable side"), statement.payable_side.value)
    yield Fact("payable_fen", Words("应付金额（分）", "Payable (fen)"), statement.payable_fen)
    yield Fact("open_breaks", Words("未结差错数", "Open breaks"), files.open_breaks)
    if len(files.breaks) == MOST_SHOWN:
        yield Fact("breaks_shown", Words("工作簿所列差错数", "Breaks in the workbook"), MOST_SHOWN)


# The statement: its lines, and under them their sum.

_STATEMENT_COLUMNS = (
    Column("statement_id", "结算单号", "Statement", _ID),
    Column(
        "line",
        "项目",
        "Line",
        _ID,
        "GROSS 核销；REFUNDS 当日核销的退款；ADJUSTMENT 以前日期核销的退款；ADJUSTING_ENTRY 调账："
        "差错以账单为准结案，或其冲回；NET 以上合计",
        "GROSS redemptions; REFUNDS of the day's redemptions; ADJUSTMENT a refund of an earlier "
        "day's redemption; ADJUSTING_ENTRY a break ended by accepting the bill, or the reversal of "
        "that; NET the sum of all above",
    ),
    Column("entries", "笔数", "Entries", _COUNT),
    Column(
        "voucher_fen",
        "券金额",
        "Voucher",
        _FEN,
        "财政 + 平台 + 商户；退款为负",
        "fiscal + platform + merchant part; refunds are negative",
    ),
    Column("fiscal_fen", "财政承担", "Fiscal part", _FEN),
    Column("platform_fen", "平台承担", "Platform part", _FEN),
    Column("merchant_fen", "商户承担", "Merchant part", _FEN),
    Column(
        "payable_fen",
        "应付金额",
        "Payable",
        _FEN,
        "NET 行财政承担的绝对值",
        "the absolute value of the fiscal part of NET",
        optional=True,
    ),
    Column(
        "payable_side",
        "应付方",
        "Payable side",
        _ID,
        "BUREAU 由主管部门付给平台；PLATFORM 由平台退回；NOBODY 无应付",
        "BUREAU pays the platform; PLATFORM pays back; NOBODY pays",
        optional=True,
    ),
    Column("origin_business_date", "原核销日期", "Origin date", _DATE, optional=True),
    Column("origin_statement_id", "原结算单号", "Origin statement", _ID, optional=True),
    Column("order_no", "订单号", "Order", _ID, optional=True),
    Column("refund_no", "退款号", "Refund", _ID, optional=True),
    Column("break_id", "差错号", "Break", _ID, optional=True),
)


def _statement_table(files: StatementSet) -> Table:
    return Table(
        "statement",
        "结算单",
        "Settlement statement",
        _STATEMENT_COLUMNS,
        _statement_rows(files),
    )


def _statement_rows(files: StatementSet) -> Iterator[Row]:
    statement = files.statement
    # Many refunds are of few days.
    origin_of = cache(partial(statement_id_of, statement.campaign_id, statement.platform_id))
    yield _line(statement, "GROSS", 1, statement.gross)
    yield _line(statement, "REFUNDS", -1, statement.refunds)
    for refund in sorted(files.adjustments, key=attrgetter("place")):
        yield {
            **_line(statement, "ADJUSTMENT", -1, Tally(1, refund.parts)),
            "origin_business_date": refund.redeemed_on,
            "origin_statement_id": origin_of(refund.redeemed_on),
            "order_no": refund.order_no,
            "refund_no": refund.refund_no,
        }
    for entry in files.adjusting:
        order_no, _, refund_no = entry.row.key
        yield {
            **_line(statement, ADJUSTING_ENTRY, 1, NetTally(1, entry.parts)),
            "origin_business_date": entry.origin_on,
            "origin_statement_id": origin_of(entry.origin_on),
            "order_no": order_no,
            "refund_no": refund_no or None,
            "break_id": entry.break_id,
        }
    yield {
        **_line(statement, "NET", 1, Tally(statement.entries)),
        **_net_cells(statement.net),
        "payable_fen": statement.payable_fen,
        "payable_side": statement.payable_side.value,
    }


def _line(statement: Statement, name: str, sign: int, tally: Tally | NetTally) -> Row:
    return {
        "statement_id": statement.statement_id,
        "line": name,
        "entries": tally.count,
        "voucher_fen": sign * tally.parts.total_fen,
        "fiscal_fen": sign * tally.parts.fiscal_fen,
        "platform_fen": sign * tally.parts.platform_fen,
        "merchant_fen": sign * tally.parts.merchant_fen,
        "payable_fen": None,
        "payable_side": None,
        "origin_business_date": None,
        "origin_statement_id": None,
        "order_no": None,
        "refund_no": None,
        "break_id": None,
    }


def _net_cells(net: NetParts) -> Row:
    return {
        "voucher_fen": net.total_fen,
        "fiscal_fen": net.fiscal_fen,
        "platform_fen": net.platform_fen,
        "merchant_fen": net.merchant_fen,
    }


# The detail: every entry that the statement settles.

DETAIL_COLUMNS = (
    Column(
        "entry_type",
        "类型",
        "Type",
        _ID,
        "REDEEM 核销；REFUND 退款；ADJUSTING_ENTRY 调账，只有相关的列有值，金额可为负",
        "REDEEM; REFUND; ADJUSTING_ENTRY, which has only the cells that concern it, and whose "
        "amounts may be negative",
    ),
    Column("redemption_id", "核销号", "Redemption", _ID, optional=True),
    Column("order_no", "订单号", "Order", _ID),
    Column("refund_no", "退款号", "Refund", _ID, optional=True),
    Column("campaign_id", "活动", "Campaign", _ID),
    Column("round_id", "轮次", "Round", _ID, optional=True),
    Column("voucher_type_id", "券种", "Voucher type", _ID, optional=True),
    Column("platform_id", "平台", "Platform", _ID),
    Column("voucher_id", "券号", "Voucher", _ID),
    Column("person_token", "消费者标记", "Person token", _ID, optional=True),
    Column("merchant_id", "商户", "Merchant", _ID),
    Column("industry", "行业", "Industry", _TEXT, optional=True),
    Column("size_class", "规模类型", "Size class", _TEXT, optional=True),
    Column("recorded_at", "记账时间", "Recorded", _TIME),
    Column("business_date", "业务日期", "Business date", _DATE),
    Column(
        "redeemed_on",
        "核销日期",
        "Redeemed on",
        _DATE,
        "调账为差错的业务日期",
        "of an adjusting entry: the break's business date",
    ),
    *(Column(name, *_AMOUNT_WORDS[name], _FEN, optional=True) for name in AMOUNT_COLUMNS),
    Column("fiscal_part_fen", "财政承担", "Fiscal part", _FEN),
    Column("platform_part_fen", "平台承担", "Platform part", _FEN),
    Column("merchant_part_fen", "商户承担", "Merchant part", _FEN),
    Column("voucher_state", "退款后券状态", "Voucher after refund", _ID, optional=True),
    Column(
        "settled_fen",
        "结算金额",
        "Settled",
        _FEN,
        "财政承担；退款为负。合计等于结算单净额的财政承担",
        "the fiscal part, negative for a refund; adds up to the fiscal part of the statement's net",
    ),
    Column("break_id", "差错号", "Break", _ID, optional=True),
)


def detail_cells(statement_id: str) -> list[str]:
    """SQL over a ledger row for each of DETAIL_COLUMNS."""
    own = {
        "order_no": text_sql("order_no"),
        "refund_no": text_sql("refund_no"),
        "person_token": person_token_sql(statement_id, "person_ref"),
        "business_date": "business_on",
        "break_id": "''",
        "settled_fen": "fiscal_part_fen * CASE entry_type WHEN 'REDEEM' THEN 1 ELSE -1 END",
    }
    return [own.get(column.name, column.name) for column in DETAIL_COLUMNS]


def person_token_sql(statement_id: str, person_ref: str) -> str:
    """A person within one statement: equal for the same person, and of no use in another file."""
    return f"substr(sha256('{statement_id}|' || {person_ref}), 1, 16)"


def adjusting_row(entry: AdjustingEntry) -> Row:
    """An adjusting entry as a row of DETAIL_COLUMNS; what only an order's entry has is empty."""
    order_no, _, refund_no = entry.row.key
    return dict.fromkeys((column.name for column in DETAIL_COLUMNS), None) | {
        "entry_type": ADJUSTING_ENTRY,
        "order_no": order_no,
        "refund_no": refund_no or None,
        "campaign_id": entry.campaign_id,
        "platform_id": entry.platform_id,
        "voucher_id": entry.row.voucher_id,
        "merchant_id": entry.row.merchant_id,
        "recorded_at": entry.recorded_at,
        "business_date": entry.business_on,
        "redeemed_on": entry.origin_on,
        "voucher_fen": entry.parts.total_fen,
        "fiscal_part_fen": entry.parts.fiscal_fen,
        "platform_part_fen": entry.parts.platform_fen,
        "merchant_part_fen": entry.parts.merchant_fen,
        "settled_fen": entry.parts.fiscal_fen,
        "break_id": entry.break_id,
    }


# The match, whole and what of it disagrees.


def _side_columns(side: str, zh: str, en: str, time_zh: str, time_en: str) -> Iterator[Column]:
    yield Column(f"{side}_voucher_id", f"{zh}券号", f"{en} voucher id", _ID, optional=True)
    yield Column(f"{side}_merchant_id", f"{zh}商户", f"{en} merchant", _ID, optional=True)
    yield Column(f"{side}_at", f"{zh}{time_zh}", f"{en} {time_en}", _TIME, optional=True)
    for name in AMOUNT_COLUMNS:
        words = _AMOUNT_WORDS[name]
        yield Column(
            f"{side}_{name}", f"{zh}{words.zh}", f"{en} {words.en.lower()}", _FEN, optional=True
        )


KEY_COLUMNS = (
    Column("order_no", "订单号", "Order", _ID),
    Column("entry_type", "类型", "Type", _ID),
    Column("refund_no", "退款号", "Refund", _ID, optional=True),
)
_SIDE_COLUMNS = (
    *_side_columns("ledger", "账本", "Ledger", "记账时间", "recorded"),
    *_side_columns("bill", "账单", "Bill", "发生时间", "occurred"),
)
DIFFERENCE_COLUMN = Column(
    "difference_fen",
    "差额",
    "Difference",
    _FEN,
    "账本券金额 − 账单券金额；退款计为负",
    "ledger less bill voucher amount; refunds count negative",
)
MATCH_COLUMN = Column(
    "match_state",
    "对账结果",
    "Match",
    _ID,
    "MATCHED 一致；LEDGER_ONLY 长款：账本有、账单无；BILL_ONLY 短款：账单有、账本无；"
    "AMOUNT_DIFFERS 金额不符；STATE_DIFFERS 券或商户不符；DUPLICATE 账单重复",
    "MATCHED; LEDGER_ONLY in the ledger only; BILL_ONLY in the bill only; AMOUNT_DIFFERS; "
    "STATE_DIFFERS another voucher or merchant; DUPLICATE billed once more",
)
RECONCILIATION_COLUMNS = (
    MATCH_COLUMN,
    *KEY_COLUMNS,
    *_SIDE_COLUMNS,
    DIFFERENCE_COLUMN,
    Column("break_id", "差错号", "Break", _ID, optional=True),
)
BREAK_COLUMNS = (
    Column("break_id", "差错号", "Break", _ID),
    Column(
        "state",
        "状态",
        "State",
        _ID,
        "OPEN 未结；CLOSED 已被更正账单消除（显示消除前的内容）",
        "OPEN; CLOSED by the corrected bill (shown as it was before)",
    ),
    MATCH_COLUMN,
    *KEY_COLUMNS,
    *_SIDE_COLUMNS,
    DIFFERENCE_COLUMN,
)


_SUMMARY_COLUMNS = (
    MATCH_COLUMN,
    Column("rows", "行数", "Rows", _COUNT),
    Column("ledger_voucher_fen", "账本券金额", "Ledger voucher", _FEN),
    Column("bill_voucher_fen", "账单券金额", "Bill voucher", _FEN),
    DIFFERENCE_COLUMN,
)


def agreed_cells() -> list[str]:
    """SQL for each of RECONCILIATION_COLUMNS, over a ledger row that agrees with the bill's.

    The two differ in nothing but their times.
    """
    keys = [f"'{MatchState.MATCHED.value}'", text_sql("order_no"), "entry_type"]
    sides = [
        cell
        for at in ("recorded_at", "bill_at")
        for cell in ("voucher_id", "merchant_id", at, *AMOUNT_COLUMNS)
    ]
    return [*keys, text_sql("refund_no"), *sides, "0", "''"]


def reconciliation_row(row: MatchRow) -> Row:
    """A row of the match under RECONCILIATION_COLUMNS."""
    return {**_match_row(row), "break_id": row.break_id}


def break_row(listed: ListedBreak) -> Row:
    """A break under BREAK_COLUMNS."""
    row, state = listed
    return {**_match_row(row), "break_id": row.break_id, "state": state.value}


def _summary_table(files: StatementSet) -> Table:
    rows = (
        {
            "match_state": state.value,
            "rows": of.rows,
            "ledger_voucher_fen": of.ledger_fen,
            "bill_voucher_fen": of.bill_fen,
            "difference_fen": of.difference_fen,
        }
        for state in MatchState
        if (of := files.sides.get(state)) is not None
    )
    return Table(
        "summary",
        "对账汇总",
        "Summary",
        _SUMMARY_COLUMNS,
        rows,
        totals=["rows", "ledger_voucher_fen", "bill_voucher_fen", "difference_fen"],
    )


def _shown_breaks_table(files: StatementSet) -> Table:
    return Table("breaks", "差错清单", "Breaks", BREAK_COLUMNS, map(break_row, files.breaks))


def _match_row(row: MatchRow) -> Row:
    order_no, entry_type, refund_no = row.side.key
    return {
        "match_state": row.match_state.value,
        "order_no": order_no,
        "entry_type": entry_type.value,
        "refund_no": refund_no or None,
        **_side_cells("ledger", row.ledger),
        **_side_cells("bill", row.bill),
        "difference_fen": row.difference_fen,
    }


def _side_cells(side: str, row: BillRow | None) -> Row:
    cells: dict[str, Cell] = {
        f"{side}_voucher_id": row.voucher_id if row else None,
        f"{side}_merchant_id": row.merchant_id if row else None,
        f"{side}_at": row.occurred_at if row else None,
    }
    amounts = row.amounts if row else (None,) * len(AMOUNT_COLUMNS)
    for name, amount_fen in zip(AMOUNT_COLUMNS, amounts, strict=True):
        cells[f"{side}_{name}"] = amount_fen
    return cells
