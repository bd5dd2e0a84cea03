"""A campaign of which every fen is given out, as changes for a journal, without any table.

record_of     its record: money for so many vouchers of 20 yuan, and no limits for persons
entry_of      the redemption of one of them on a day
changes_of    its changes: claimed, redeemed, and the entry
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from functions.shared.domain.campaign import CampaignState
from functions.shared.domain.campaign_reader import campaign_from_document
from functions.shared.domain.funds import CampaignRecord, Funds
from functions.shared.domain.journal import Change
from functions.shared.domain.journal_changes import entry_change, voucher_changes
from functions.shared.domain.ledger import Redemption
from functions.shared.domain.money import FundingShares
from functions.shared.domain.vouchers import (
    TimelineEntry,
    Voucher,
    VoucherEvent,
    VoucherState,
)
from tests.support.campaigns import CAMPAIGN_ID, REDUCTION, UNIONPAY, campaign_document
from tests.support.entries import redemption

FIRST = date(2026, 1, 5)
ENDS = datetime(2026, 1, 12, 2, tzinfo=UTC)
VOUCHER_FEN = 2_000
PUBLIC = FundingShares(fiscal_bp=10_000, platform_bp=0, merchant_bp=0)


def record_of(entries: int) -> CampaignRecord:
    """A campaign whose money is enough for so many vouchers, without limits for persons."""
    document = campaign_document(appropriated_fen=VOUCHER_FEN * entries, limits=[])
    document["rounds"][0]["stock"] = [
        {**document["rounds"][0]["stock"][0], "units": entries, "platform_id": UNIONPAY}
    ]
    document["rounds"][1]["stock"] = []
    return CampaignRecord(
        campaign=campaign_from_document(document),
        document=json.dumps(document),
        version=1,
        state=CampaignState.RUNNING,
        funds=Funds(0, 0, 0, 0, 0, 0),
        made_by="bench",
        made_at=ENDS,
    )


def entry_of(number: int, on: date) -> Redemption:
    """A voucher's redemption, an hour after it was claimed."""
    return replace(
        redemption(number, on=on, voucher_fen=VOUCHER_FEN, shares=PUBLIC),
        recorded_at=datetime(on.year, on.month, on.day, 5, tzinfo=UTC)
        + timedelta(milliseconds=number % 10_000_000),
    )


def changes_of(number: int, on: date) -> Iterator[Change]:
    """A voucher that is claimed and redeemed, and its entry."""
    entry = entry_of(number, on)
    claimed_at = entry.recorded_at - timedelta(hours=1)
    yield from voucher_changes(
        Voucher(
            voucher_id=entry.voucher_id,
            campaign_id=CAMPAIGN_ID,
            round_id="r1",
            voucher_type_id=REDUCTION,
            platform_id=UNIONPAY,
            person_ref=entry.person_ref,
            identity_refs=(entry.person_ref,),
            shard_id="",
            request_no=f"q-{number}",
            content_hash="",
            state=VoucherState.REDEEMED,
            issued_at=claimed_at,
            valid_from=claimed_at,
            valid_until=ENDS,
            reserve_fen=VOUCHER_FEN,
            slack_fen=0,
            timeline=(
                TimelineEntry(claimed_at, VoucherEvent.CLAIMED, f"q-{number}"),
                TimelineEntry(entry.recorded_at, VoucherEvent.REDEEMED, entry.order_no),
            ),
        )
    )
    yield entry_change(entry)
