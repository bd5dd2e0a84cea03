"""The files of a payout, for its platform and for the bureau.

    settlements/{platform}/{last date}/{campaign}/payout-{n}/
        payout.csv, payout.xlsx, payout.json     every statement that it nets, and the sum
        manifest.json
    payouts/{campaign}/{platform}/{n}/payment-{m}/
        what a payment of it is instructed by (functions.reconcile.payment_files)

The first lies where the platform finds its other files, the second where it does not. What a
platform owes is paid through its own bank: there is no instruction of ours for it.
"""

from __future__ import annotations

from functions.reconcile.payment_files import PaymentSheet, publish_payment, put_once
from functions.reconcile.stores import MoneyStores
from functions.shared.domain.funds import CampaignRecord
from functions.shared.domain.payouts import Payout
from functions.shared.domain.settlement import PayableSide
from functions.shared.files.bundle import render_table
from functions.shared.files.columns import Column, ColumnKind, Row, Table
from functions.shared.files.facts import Fact, Facts, Words
from functions.shared.files.html_out import Card
from functions.shared.files.manifest import FILE_NAME, Manifest, describe
from functions.shared.store.objects import ObjectStore

_ID, _TEXT, _FEN, _TIME = ColumnKind.ID, ColumnKind.TEXT, ColumnKind.FEN, ColumnKind.TIME
_COLUMNS = (
    Column("business_date", "业务日期", "Business date", ColumnKind.DATE),
    Column("statement_id", "结算单号", "Statement", _ID),
    Column(
        "confirmed_by",
        "确认方式",
        "Confirmed by",
        _TEXT,
        "PLATFORM 平台确认；TIMEOUT 逾期未答复视为确认",
        "PLATFORM; TIMEOUT where it did not answer in time",
    ),
    Column("confirmed_at", "确认时间", "Confirmed at", _TIME),
    Column(
        "net_fen",
        "应付净额",
        "Net payable",
        _FEN,
        "结算单净额的财政承担；为负由平台退回，已在本单内抵扣",
        "the fiscal part of the statement's net; where negative, it is set off in this payout",
    ),
)


def publish_payouts(record: CampaignRecord, stores: MoneyStores) -> tuple[str, ...]:
    """Writes what is not there yet of all payouts of a campaign; the folders written now.

    Cheap where all is written: two queries. The same payout gives the same bytes.

    Raises:
        Busy: throttled, or contention outlasted the retries; what is written stays.

    """
    campaign_id = record.campaign.campaign_id
    kept = list(stores.payouts.all(campaign_id))
    payments = stores.payments.of_all(campaign_id, [payout.owed for payout, _ in kept])
    written = []
    for (payout, published), paid in zip(kept, payments, strict=True):
        approved = [payment for payment in paid.payments if payment.approved_at is not None]
        # The payout's own set, and one for each payment.
        if published == 1 + len(approved):
            continue
        written.append(_publish(payout, stores.objects))
        if payout.payable_side is PayableSide.BUREAU:
            folder, sheet = payout_folder(payout), payment_sheet(payout)
            written += [
                publish_payment(folder, payout.owed, payment, sheet, stores.objects, stores.signer)
                for payment in approved
            ]
        stores.payouts.mark_published(payout, 1 + len(approved))
    return tuple(written)


def payout_folder(payout: Payout) -> str:
    """The folder of what a payout's payments are instructed by, with its final slash."""
    return f"payouts/{payout.campaign_id}/{payout.platform_id}/{payout.number:04d}/"


def advice_prefix(payout: Payout) -> str:
    """The folder of the payout's own set, with its final slash."""
    folder = f"settlements/{payout.platform_id}/{payout.lines[-1].business_on.isoformat()}"
    return f"{folder}/{payout.campaign_id}/payout-{payout.number:04d}/"


def _publish(payout: Payout, objects: ObjectStore) -> str:
    prefix = advice_prefix(payout)
    if objects.get(f"{prefix}{FILE_NAME}") is not None:
        return prefix
    facts = Facts(
        cutoff_at=payout.drawn_at, run_id=payout.reference, more=(*_facts(payout), _side(payout))
    )
    table = _table(payout)
    entries = [
        describe(name, put_once(objects, prefix + name, data), table)
        for name, data in render_table(table, facts=facts).items()
    ]
    manifest = Manifest(
        kind="payout",
        business_date=payout.lines[-1].business_on,
        cutoff_at=facts.cutoff_at,
        run_id=facts.run_id,
        files=tuple(entries),
        inputs={
            "campaign_id": payout.campaign_id,
            "platform_id": payout.platform_id,
            "number": payout.number,
            "net_fen": payout.net_fen,
            "payable_side": payout.payable_side.value,
            "drawn_by": payout.drawn_by,
        },
    )
    put_once(objects, prefix + FILE_NAME, manifest.to_bytes())
    return prefix


def payment_sheet(payout: Payout) -> PaymentSheet:
    """What a payment of the payout is for: the statements that it nets."""
    return PaymentSheet(
        kind="payout_payment",
        title=Words("结算付款单", "Payout of settlements"),
        subtitle=Words(payout.campaign_name.zh, payout.campaign_name.en),
        purpose=f"Settlement {payout.campaign_id} no. {payout.number}",
        facts=_facts(payout),
        cards=(Card(Words("应付净额", "Net payable"), payout.net_fen, _FEN),),
        account=_table(payout),
    )


def _facts(payout: Payout) -> tuple[Fact, ...]:
    return (
        Fact("campaign_id", Words("活动编号", "Campaign id"), payout.campaign_id),
        Fact("platform_id", Words("平台", "Platform"), payout.platform_id),
        Fact("payout_reference", Words("付款单号", "Payout"), payout.reference),
    )


def _side(payout: Payout) -> Fact:
    return Fact("payable_side", Words("应付方", "Payable side"), payout.payable_side.value)


def _table(payout: Payout) -> Table:
    rows: list[Row] = [
        {
            "business_date": line.business_on,
            "statement_id": line.statement_id,
            "confirmed_by": line.confirmed.by.value,
            "confirmed_at": line.confirmed.at,
            "net_fen": line.net_fen,
        }
        for line in payout.lines
    ]
    return Table("payout", "结算付款单", "Payout", _COLUMNS, rows, totals=["net_fen"])
