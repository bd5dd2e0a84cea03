"""The files of a settlement: statement, detail, reconciliation and breaks, with their manifest.

Everything here follows from the ledger, the bill and the version of the set, never from a clock:
rendered again, a set has the same bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date

from functions.shared.domain.bills import AMOUNT_COLUMNS, BillRow, BillVersion
from functions.shared.domain.breaks import (
    BreakState,
    MatchRow,
    breaks_of,
    compare_breaks,
)
from functions.shared.domain.business_time import day_bounds
from functions.shared.domain.ledger import Redemption, Refund
from functions.shared.domain.settlement import (
    Entry,
    NetParts,
    Statement,
    Tally,
    in_order,
    is_adjustment,
    parts_of,
    statement_id_of,
)
from functions.shared.files.bundle import render_table
from functions.shared.files.columns import Cell, Column, ColumnKind, Row, Table
from functions.shared.files.facts import Fact, Facts, Words
from functions.shared.files.manifest import FILE_NAME, FileEntry, Manifest, describe

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
class StatementSet:
    """All that one set of files is made from.

    Args:
        version: counts the sets of one statement from 1; later ones restate the reconciliation
            against a corrected bill, and never the statement's money.
        statement: the statement.
        entries: what it settles.
        rows: the campaign's rows of the match.
        bill: the bill that was matched; None where none had come.
        rows_before: the rows of the set before; None for the first set.
        bill_before: its bill.

    """

    version: int
    statement: Statement
    entries: Sequence[Entry]
    rows: Sequence[MatchRow]
    bill: BillVersion | None
    rows_before: Sequence[MatchRow] | None = None
    bill_before: BillVersion | None = None


def set_prefix(statement: Statement, version: int) -> str:
    """The folder of a set, with its final slash."""
    day = f"{statement.platform_id}/{statement.business_on.isoformat()}"
    return f"settlements/{day}/{statement.campaign_id}/v{version}/"


def run_id_of(platform_id: str, on: date, version: int) -> str:
    """The id of the run that writes the sets of that version: the same whenever it runs."""
    return f"reconcile-{platform_id}-{on.isoformat()}-v{version}"


def render_set(files: StatementSet) -> dict[str, bytes]:
    """The set's files by name, the manifest last; the same set gives the same bytes."""
    facts = Facts(
        cutoff_at=day_bounds(files.statement.business_on)[1],
        run_id=_run_id(files, files.version),
        more=tuple(_facts(files)),
    )
    written: dict[str, bytes] = {}
    entries: list[FileEntry] = []
    for table, formats in (
        (_statement_table(files), ("csv", "json", "xlsx")),
        (_detail_table(files), ("csv",)),
        (_reconciliation_table(files), ("csv", "xlsx")),
        (_breaks_table(files), ("csv",)),
    ):
        for name, data in render_table(table, formats=formats, facts=facts).items():
            written[name] = data
            entries.append(_described(name, data, table, files.statement))
    manifest = Manifest(
        kind="settlement",
        business_date=files.statement.business_on,
        cutoff_at=facts.cutoff_at,
        run_id=facts.run_id,
        files=tuple(entries),
        supersedes=None if files.rows_before is None else _run_id(files, files.version - 1),
        reason=None if files.rows_before is None else _reason(files, files.rows_before),
        inputs=_inputs(files),
    )
    written[FILE_NAME] = manifest.to_bytes()
    return written


def _run_id(files: StatementSet, version: int) -> str:
    return run_id_of(files.statement.platform_id, files.statement.business_on, version)


def _described(name: str, data: bytes, table: Table, statement: Statement) -> FileEntry:
    """The file's entry; the statement's lines hold their own sum, which is its total."""
    entry = describe(name, data, table)
    if table.name != "statement":
        return entry
    net = statement.net
    totals = {
        "voucher_fen": net.total_fen,
        "fiscal_fen": net.fiscal_fen,
        "platform_fen": net.platform_fen,
        "merchant_fen": net.merchant_fen,
    }
    return replace(entry, totals=totals)


def _inputs(files: StatementSet) -> dict[str, str | int]:
    inputs: dict[str, str | int] = {
        "statement_id": files.statement.statement_id,
        "campaign_id": files.statement.campaign_id,
        "platform_id": files.statement.platform_id,
        "entries": len(files.entries),
        "entries_digest": files.statement.entries_digest,
        "bill_version": files.bill.version if files.bill else 0,
    }
    if files.bill:
        inputs["bill_object"] = files.bill.object_key
        inputs["bill_sha256"] = files.bill.sha256
    return inputs


def _reason(files: StatementSet, rows_before: Sequence[MatchRow]) -> str:
    """What changed against the set before, and why; for people."""
    opened, changed, closed = compare_breaks(breaks_of(rows_before), breaks_of(files.rows))
    came = f"bill version {files.bill.version if files.bill else 0}"
    if files.bill_before is None:
        why = f"{came} came after the settlement had been made without a bill"
    else:
        why = f"{came} corrects version {files.bill_before.version}"
    return (
        f"{why}: {len(closed)} breaks closed, {len(changed)} changed, {len(opened)} opened; "
        "the statement's amounts are unchanged"
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
    breaks = len(breaks_of(files.rows))
    yield Fact("open_breaks", Words("未结差错数", "Open breaks"), breaks)


# The statement: its lines, and under them their sum.

_STATEMENT_COLUMNS = (
    Column("statement_id", "结算单号", "Statement", _ID),
    Column(
        "line",
        "项目",
        "Line",
        _ID,
        "GROSS 核销；REFUNDS 当日核销的退款；ADJUSTMENT 以前日期核销的退款；NET 以上合计",
        "GROSS redemptions; REFUNDS of the day's redemptions; ADJUSTMENT a refund of an earlier "
        "day's redemption; NET the sum of all above",
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
    yield _line(statement, "GROSS", 1, statement.gross)
    yield _line(statement, "REFUNDS", -1, statement.refunds)
    for entry in sorted(files.entries, key=in_order):
        if isinstance(entry, Refund) and is_adjustment(entry):
            origin = statement_id_of(entry.campaign_id, entry.platform_id, entry.redeemed_on)
            yield {
                **_line(statement, "ADJUSTMENT", -1, Tally(1, entry.parts)),
                "origin_business_date": entry.redeemed_on,
                "origin_statement_id": origin,
                "order_no": entry.order_no,
                "refund_no": entry.refund_no,
            }
    count = statement.gross.count + statement.refunds.count + statement.adjustments.count
    yield {
        **_line(statement, "NET", 1, Tally(count)),
        **_net_cells(statement.net),
        "payable_fen": statement.payable_fen,
        "payable_side": statement.payable_side.value,
    }


def _line(statement: Statement, name: str, sign: int, tally: Tally) -> Row:
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
    }


def _net_cells(net: NetParts) -> Row:
    return {
        "voucher_fen": net.total_fen,
        "fiscal_fen": net.fiscal_fen,
        "platform_fen": net.platform_fen,
        "merchant_fen": net.merchant_fen,
    }


# The detail: every entry that the statement settles.

_DETAIL_COLUMNS = (
    Column("entry_type", "类型", "Type", _ID),
    Column("redemption_id", "核销号", "Redemption", _ID),
    Column("order_no", "订单号", "Order", _ID),
    Column("refund_no", "退款号", "Refund", _ID, optional=True),
    Column("campaign_id", "活动", "Campaign", _ID),
    Column("round_id", "轮次", "Round", _ID),
    Column("voucher_type_id", "券种", "Voucher type", _ID),
    Column("platform_id", "平台", "Platform", _ID),
    Column("voucher_id", "券号", "Voucher", _ID),
    Column("person_token", "消费者标记", "Person token", _ID),
    Column("merchant_id", "商户", "Merchant", _ID),
    Column("industry", "行业", "Industry", _TEXT),
    Column("size_class", "规模类型", "Size class", _TEXT),
    Column("recorded_at", "记账时间", "Recorded", _TIME),
    Column("business_date", "业务日期", "Business date", _DATE),
    Column("redeemed_on", "核销日期", "Redeemed on", _DATE),
    *(Column(name, *_AMOUNT_WORDS[name], _FEN) for name in AMOUNT_COLUMNS),
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
)


def _detail_table(files: StatementSet) -> Table:
    statement = files.statement
    rows = (_detail_row(entry, statement) for entry in sorted(files.entries, key=in_order))
    return Table(
        "detail", "结算明细", "Settlement detail", _DETAIL_COLUMNS, rows, totals=["settled_fen"]
    )


def _detail_row(entry: Entry, statement: Statement) -> Row:
    is_refund = isinstance(entry, Refund)
    amounts = entry.amounts if isinstance(entry, Redemption) else entry
    parts = parts_of(entry)
    return {
        "entry_type": "REFUND" if is_refund else "REDEEM",
        "redemption_id": entry.redemption_id,
        "order_no": entry.order_no,
        "refund_no": entry.refund_no if isinstance(entry, Refund) else None,
        "campaign_id": entry.campaign_id,
        "round_id": entry.round_id,
        "voucher_type_id": entry.voucher_type_id,
        "platform_id": entry.platform_id,
        "voucher_id": entry.voucher_id,
        "person_token": person_token(statement, entry.person_ref),
        "merchant_id": entry.merchant_id,
        "industry": entry.industry,
        "size_class": entry.size_class,
        "recorded_at": entry.recorded_at,
        "business_date": entry.business_on,
        "redeemed_on": entry.redeemed_on if isinstance(entry, Refund) else entry.business_on,
        "order_fen": amounts.order_fen,
        "merchant_discount_fen": amounts.merchant_discount_fen,
        "platform_discount_fen": amounts.platform_discount_fen,
        "voucher_fen": amounts.voucher_fen,
        "paid_fen": amounts.paid_fen,
        "fiscal_part_fen": parts.fiscal_fen,
        "platform_part_fen": parts.platform_fen,
        "merchant_part_fen": parts.merchant_fen,
        "voucher_state": entry.voucher_state.value if isinstance(entry, Refund) else None,
        "settled_fen": -parts.fiscal_fen if is_refund else parts.fiscal_fen,
    }


def person_token(statement: Statement, person_ref: str) -> str:
    """A person within one statement: equal for the same person, and of no use in another file."""
    text = f"{statement.statement_id}|{person_ref}"
    return hashlib.sha256(text.encode()).hexdigest()[:16]


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


_KEY_COLUMNS = (
    Column("order_no", "订单号", "Order", _ID),
    Column("entry_type", "类型", "Type", _ID),
    Column("refund_no", "退款号", "Refund", _ID, optional=True),
)
_SIDE_COLUMNS = (
    *_side_columns("ledger", "账本", "Ledger", "记账时间", "recorded"),
    *_side_columns("bill", "账单", "Bill", "发生时间", "occurred"),
)
_DIFFERENCE_COLUMN = Column(
    "difference_fen",
    "差额",
    "Difference",
    _FEN,
    "账本券金额 − 账单券金额；退款计为负",
    "ledger less bill voucher amount; refunds count negative",
)
_MATCH_COLUMN = Column(
    "match_state",
    "对账结果",
    "Match",
    _ID,
    "MATCHED 一致；LEDGER_ONLY 长款：账本有、账单无；BILL_ONLY 短款：账单有、账本无；"
    "AMOUNT_DIFFERS 金额不符；STATE_DIFFERS 券或商户不符；DUPLICATE 账单重复",
    "MATCHED; LEDGER_ONLY in the ledger only; BILL_ONLY in the bill only; AMOUNT_DIFFERS; "
    "STATE_DIFFERS another voucher or merchant; DUPLICATE billed once more",
)
_RECONCILIATION_COLUMNS = (
    _MATCH_COLUMN,
    *_KEY_COLUMNS,
    *_SIDE_COLUMNS,
    _DIFFERENCE_COLUMN,
    Column("break_id", "差错号", "Break", _ID, optional=True),
)
_BREAK_COLUMNS = (
    Column("break_id", "差错号", "Break", _ID),
    Column(
        "state",
        "状态",
        "State",
        _ID,
        "OPEN 未结；CLOSED 已被更正账单消除（显示消除前的内容）",
        "OPEN; CLOSED by the corrected bill (shown as it was before)",
    ),
    _MATCH_COLUMN,
    *_KEY_COLUMNS,
    *_SIDE_COLUMNS,
    _DIFFERENCE_COLUMN,
)


def _reconciliation_table(files: StatementSet) -> Table:
    rows = ({**_match_row(row), "break_id": row.break_id} for row in files.rows)
    return Table(
        "reconciliation",
        "对账明细",
        "Reconciliation",
        _RECONCILIATION_COLUMNS,
        rows,
        totals=["difference_fen"],
    )


def _breaks_table(files: StatementSet) -> Table:
    found = breaks_of(files.rows)
    before = breaks_of(files.rows_before or ())
    _, _, closed = compare_breaks(before, found)
    listed = [(row, BreakState.OPEN) for row in found.values()]
    listed += [(before[name], BreakState.CLOSED) for name in closed]
    listed.sort(key=lambda item: (item[0].side.key, item[0].break_id))
    rows = (
        {**_match_row(row), "break_id": row.break_id, "state": state.value} for row, state in listed
    )
    return Table("breaks", "差错清单", "Breaks", _BREAK_COLUMNS, rows)


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
