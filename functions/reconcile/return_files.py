"""The files of a fund return, for the treasury: one row that says what goes back, and why.

Written from the stored return alone, so that every run writes the same bytes; the manifest comes
last and names what is there.
"""

from __future__ import annotations

from functions.reconcile.payment_files import PaymentSheet, put_once
from functions.shared.domain.fund_return import FundReturn
from functions.shared.files.bundle import render_table
from functions.shared.files.columns import Column, ColumnKind, Row, Table
from functions.shared.files.facts import Fact, Facts, Words
from functions.shared.files.html_out import Card
from functions.shared.files.manifest import FILE_NAME, Manifest, describe
from functions.shared.store.objects import ObjectStore

_KIND = "fund_return"
_ID, _TEXT, _FEN = ColumnKind.ID, ColumnKind.TEXT, ColumnKind.FEN

_COLUMNS = (
    Column("campaign_id", "活动编号", "Campaign id", _ID),
    Column("campaign_name", "活动名称", "Campaign", _TEXT),
    Column("run", "退回序次", "Return no.", ColumnKind.COUNT),
    Column("decided_at", "决定时间", "Decided at", ColumnKind.TIME),
    Column(
        "settled_on",
        "结算截止日",
        "Settled up to",
        ColumnKind.DATE,
        "净核销与净调账计至该业务日（含）的各结算单",
        "redeemed and adjusted net are those of all statements up to this business date",
    ),
    Column("appropriated_fen", "拨款", "Appropriated", _FEN),
    Column(
        "redeemed_net_fen",
        "净核销",
        "Redeemed net",
        _FEN,
        "各笔核销的财政部分之和 − 各笔退款的财政部分之和",
        "fiscal parts of all redemptions − fiscal parts of all refunds",
    ),
    Column(
        "adjusted_net_fen",
        "净调账",
        "Adjusted net",
        _FEN,
        "各笔调账的财政部分之和，可为负",
        "fiscal parts of all adjusting entries; may be negative",
    ),
    Column("returned_before_fen", "此前已退回", "Returned before", _FEN),
    Column(
        "to_return_fen",
        "本次退回",
        "To return",
        _FEN,
        "拨款 − 净核销 − 净调账 − 此前已退回",
        "appropriated − redeemed net − adjusted net − returned before",
    ),
    Column("account_name", "来源账户户名", "Source account name", _TEXT),
    Column("account_number", "来源账户账号", "Source account number", _ID),
    Column("bank", "开户银行", "Bank", _TEXT),
    Column("bank_code", "行号", "Bank code", _ID),
    Column("reference", "退回凭证号", "Reference", _ID),
)

_USE_COLUMNS = (
    Column("bucket", "资金去向", "Use of funds", _TEXT),
    Column("amount_fen", "金额", "Amount", _FEN),
)
_USES = (
    ("redeemed_net_fen", "已核销（扣除退款） Redeemed, less refunds"),
    ("adjusted_net_fen", "调账 Adjusting entries"),
    ("returned_before_fen", "此前已退回 Returned before"),
    ("to_return_fen", "本次应退回 To return now"),
)


def publish_return(fund_return: FundReturn, objects: ObjectStore) -> str:
    """Writes what is not there yet of the return's files; the folder they lie in.

    Once the manifest is there, nothing else is looked at. Where a run that died has written a
    file, the manifest describes that file, whatever this version of the code would write.
    """
    prefix = return_prefix(fund_return)
    if objects.get(f"{prefix}{FILE_NAME}") is not None:
        return prefix
    facts = Facts(
        cutoff_at=fund_return.decided_at,
        run_id=fund_return.reference,
        more=(
            Fact("campaign_id", Words("活动编号", "Campaign id"), fund_return.campaign_id),
            Fact("reference", Words("退回凭证号", "Reference"), fund_return.reference),
        ),
    )
    table = _table(fund_return)
    entries = []
    for name, data in render_table(table, facts=facts).items():
        there = put_once(objects, f"{prefix}{name}", data)
        entries.append(describe(name, there, table))
    manifest = Manifest(
        kind=_KIND,
        business_date=None,
        cutoff_at=facts.cutoff_at,
        run_id=facts.run_id,
        files=tuple(entries),
    )
    put_once(objects, f"{prefix}{FILE_NAME}", manifest.to_bytes())
    return prefix


def return_prefix(fund_return: FundReturn) -> str:
    """The folder of a return's files, with its final slash."""
    return f"returns/{fund_return.campaign_id}/{fund_return.run:04d}/"


def payment_sheet(made: FundReturn) -> PaymentSheet:
    """What a payment of the return is for: the use of the campaign's money."""
    uses = Table(
        "use",
        "资金使用情况",
        "Use of funds",
        _USE_COLUMNS,
        [{"bucket": words, "amount_fen": getattr(made, name)} for name, words in _USES],
        totals=["amount_fen"],
    )
    return PaymentSheet(
        kind="fund_return_payment",
        title=Words("财政资金退回单", "Return of public funds"),
        subtitle=Words(made.campaign_name.zh, made.campaign_name.en),
        purpose=f"Fund return {made.campaign_id}",
        facts=(
            Fact("campaign_id", Words("活动编号", "Campaign id"), made.campaign_id),
            Fact("return_reference", Words("退回凭证号", "Fund return"), made.reference),
        ),
        cards=(
            Card(Words("拨款", "Appropriated"), made.appropriated_fen, _FEN),
            Card(Words("净核销", "Redeemed net"), made.redeemed_net_fen, _FEN),
            Card(Words("应退回", "To return"), made.to_return_fen, _FEN),
        ),
        account=uses,
    )


def _table(fund_return: FundReturn) -> Table:
    account = fund_return.source_account
    row: Row = {
        "campaign_id": fund_return.campaign_id,
        "campaign_name": fund_return.campaign_name.zh,
        "run": fund_return.run,
        "decided_at": fund_return.decided_at,
        "settled_on": fund_return.settled_on,
        "appropriated_fen": fund_return.appropriated_fen,
        "redeemed_net_fen": fund_return.redeemed_net_fen,
        "adjusted_net_fen": fund_return.adjusted_net_fen,
        "returned_before_fen": fund_return.returned_before_fen,
        "to_return_fen": fund_return.to_return_fen,
        "account_name": account.name,
        "account_number": account.number,
        "bank": account.bank,
        "bank_code": account.bank_code,
        "reference": fund_return.reference,
    }
    return Table(_KIND, "资金退回单", "Fund return", _COLUMNS, [row], totals=("to_return_fen",))
