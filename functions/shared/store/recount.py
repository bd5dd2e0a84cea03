"""A campaign's money as the tables hold it, read whole for a recount.

Vouchers, ledger entries and persons are found by scanning their tables, strongly consistent, not
by the indexes that the daily work uses: a recount must not miss what an index has not got yet or
never got. That reads other campaigns' items too, once a day and once at closing. Source of the
cost: a scan takes half a read unit a KB; a million vouchers of 1 KB are a few cents and a minute.

Items are read one after another while claims and redemptions go on, so a reading can see a fen
twice or not at all: see functions.shared.domain.moving for how that is told from a fault.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from sys import intern
from typing import Any, Final

from functions.shared.domain.adjusting import AdjustingEntry
from functions.shared.domain.campaign import CampaignState
from functions.shared.domain.fund_return import from_payload
from functions.shared.domain.funds import CampaignRecord
from functions.shared.domain.grants import PARTS, Grant, GrantState, RowState
from functions.shared.domain.payouts import from_payload as payouts_from_payload
from functions.shared.domain.snapshot import (
    NO_AMOUNTS,
    Amounts,
    CountedEarning,
    CountedGrant,
    CountedPayout,
    CountedPerson,
    CountedRedemption,
    CountedRefund,
    CountedReturn,
    CountedSettlement,
    CountedStockChange,
    CountedVoucher,
    Snapshot,
)
from functions.shared.domain.vouchers import VoucherState
from functions.shared.store.adjusting import ADJUSTING, entry_of
from functions.shared.store.connection import Database
from functions.shared.store.earnings import EARN
from functions.shared.store.grants import GrantStore
from functions.shared.store.ledger import REDEEM
from functions.shared.store.payouts import PAYOUT
from functions.shared.store.persons import person_key
from functions.shared.store.returns import FUND_RETURN
from functions.shared.store.settlements import SETTLEMENT
from functions.shared.store.stock import StockStore
from functions.shared.store.stock_changes import StockChangeStore
from functions.shared.store.tables import (
    EarningItem,
    LedgerItem,
    PersonItem,
    SettlementItem,
    VoucherItem,
)
from functions.shared.store.vouchers import touched_at

_UNFUNDED: Final = frozenset({CampaignState.DRAFT, CampaignState.FUNDING})
_PERSON_KEY: Final = "person_key"
_VOUCHER_IDS: Final = "voucher_ids"


class RecountStore:
    """Everything about a campaign, as plain values."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._stock = StockStore(database)
        self._changes = StockChangeStore(database)
        self._grants = GrantStore(database)

    def snapshot(self, record: CampaignRecord) -> Snapshot:
        """All that the tables hold about the campaign.

        Raises:
            Busy: throttled or lost beyond the SDK's retries.

        """
        campaign_id = record.campaign.campaign_id
        pools = tuple(self._stock.pools(campaign_id))
        shards = tuple(self._stock.shards_of(pools))
        redemptions, refunds = self._entries(campaign_id)
        settlements, returns, payouts, adjusting = self._statements(campaign_id)
        persons = tuple(self._persons(campaign_id))
        earnings = tuple(self._earnings(campaign_id))
        grants = tuple(self._counted_grant(g) for g in self._grants.of_campaign(campaign_id))
        # Last: see functions.shared.domain.moving.
        vouchers = tuple(self._vouchers(campaign_id))
        return Snapshot(
            campaign=record.campaign,
            funds=record.funds,
            is_funded=record.state not in _UNFUNDED,
            pools=pools,
            shards=shards,
            vouchers=vouchers,
            redemptions=redemptions,
            refunds=refunds,
            persons=persons,
            settlements=settlements,
            returns=returns,
            changes=tuple(
                CountedStockChange(change.change_id, change.pool_key, change.signed_units)
                for change in self._changes.of_campaign(campaign_id)
            ),
            grants=grants,
            earnings=earnings,
            payouts=payouts,
            adjusting=adjusting,
        )

    def _counted_grant(self, grant: Grant) -> CountedGrant:
        by_state: defaultdict[RowState, list[str]] = defaultdict(list)
        for part in range(PARTS):
            for row in self._grants.rows(grant, part):
                by_state[row.state].append(row.voucher_id)
        progress = self._grants.progress(grant)
        return CountedGrant(
            grant_id=grant.grant_id,
            is_approved=grant.state is GrantState.APPROVED,
            rows=grant.rows,
            granted=progress.granted,
            refused=progress.refused,
            by_state={state: tuple(ids) for state, ids in by_state.items()},
        )

    def _vouchers(self, campaign_id: str) -> Iterator[CountedVoucher]:
        for item in self._database.scan(VoucherItem, VoucherItem.campaign_id == campaign_id):
            # What many vouchers share is kept once: a million of them must fit into memory.
            yield CountedVoucher(
                voucher_id=item.voucher_id,
                round_id=intern(item.round_id),
                voucher_type_id=intern(item.voucher_type_id),
                platform_id=intern(item.platform_id),
                identity_refs=tuple(intern(ref) for ref in item.identity_refs),
                shard_id=intern(item.shard_id),
                state=VoucherState(item.state),
                issued_at=item.issued_at,
                touched_at=touched_at(item),
                valid_until=item.valid_until,
                reserve_fen=item.reserve_fen,
                slack_fen=item.slack_fen,
                redemption_id=item.redemption_id,
                is_forfeited=bool(item.forfeited),
            )

    def _entries(
        self, campaign_id: str
    ) -> tuple[tuple[CountedRedemption, ...], tuple[CountedRefund, ...]]:
        redemptions, refunds = [], []
        for item in self._database.scan(LedgerItem, LedgerItem.campaign_id == campaign_id):
            if item.entry_type == REDEEM:
                redemptions.append(_redemption(item))
            else:
                refunds.append(_refund(item))
        return tuple(redemptions), tuple(refunds)

    def _earnings(self, campaign_id: str) -> Iterator[CountedEarning]:
        earnings: list[EarningItem] = []
        refunds: defaultdict[str, list[int]] = defaultdict(list)
        for item in self._database.scan(EarningItem, EarningItem.campaign_id == campaign_id):
            if item.entry_key == EARN:
                earnings.append(item)
            else:
                refunds[item.voucher_id].append(item.refund_fen)
        for item in earnings:
            yield _earning(item, tuple(refunds[item.voucher_id]))

    def _persons(self, campaign_id: str) -> Iterator[CountedPerson]:
        prefix = person_key(campaign_id, "")
        ours = PersonItem.person_key.startswith(prefix)
        for raw in self._database.scan_raw(PersonItem, ours):
            yield _person(raw, prefix)

    def _statements(
        self, campaign_id: str
    ) -> tuple[
        tuple[CountedSettlement, ...],
        tuple[CountedReturn, ...],
        tuple[CountedPayout, ...],
        tuple[AdjustingEntry, ...],
    ]:
        settlements, returns, payouts, adjusting = [], [], [], []
        for item in self._database.query(SettlementItem, campaign_id):
            if item.kind == SETTLEMENT:
                settlements.append(
                    CountedSettlement(
                        statement_key=item.statement_key,
                        platform_id=item.platform_id or "",
                        business_on=date.fromisoformat(item.business_on),
                        fiscal_net_fen=item.amount_fen,
                    )
                )
            elif item.kind == FUND_RETURN:
                account = from_payload(item.payload).source_account
                returns.append(CountedReturn(item.statement_key, item.amount_fen, account))
            elif item.kind == ADJUSTING:
                adjusting.append(entry_of(item))
            elif item.kind == PAYOUT:
                payout = payouts_from_payload(item.payload)
                payouts.append(
                    CountedPayout(
                        statement_key=item.statement_key,
                        platform_id=payout.platform_id,
                        net_fen=item.amount_fen,
                        nets_fen={line.business_on: line.net_fen for line in payout.lines},
                        platform_account=payout.platform_account,
                        bureau_account=payout.bureau_account,
                    )
                )
        return tuple(settlements), tuple(returns), tuple(payouts), tuple(adjusting)


def _person(raw: dict[str, dict[str, Any]], prefix: str) -> CountedPerson:
    """Every number of a person's item is a counter; see `shared.domain.limits`."""
    return CountedPerson(
        identity_ref=raw[_PERSON_KEY]["S"].removeprefix(prefix),
        counters={name: int(value["N"]) for name, value in raw.items() if "N" in value},
        voucher_ids=tuple(each["S"] for each in raw.get(_VOUCHER_IDS, {}).get("L", ())),
    )


def _redemption(item: LedgerItem) -> CountedRedemption:
    return CountedRedemption(
        redemption_id=item.redemption_id,
        voucher_id=item.voucher_id,
        platform_id=intern(item.platform_id),
        merchant_id=intern(item.merchant_id),
        order_no=item.order_no,
        business_on=date.fromisoformat(item.business_on),
        order_fen=item.order_fen,
        amounts=_amounts(item),
        refund_count=item.refund_count or 0,
        refunded_fen=item.refunded_fen or 0,
        refunded=Amounts(
            merchant_discount_fen=item.refunded_merchant_discount_fen or 0,
            platform_discount_fen=item.refunded_platform_discount_fen or 0,
            voucher_fen=item.refunded_voucher_fen or 0,
            paid_fen=item.refunded_paid_fen or 0,
            fiscal_part_fen=item.refunded_fiscal_part_fen or 0,
            platform_part_fen=item.refunded_platform_part_fen or 0,
            merchant_part_fen=item.refunded_merchant_part_fen or 0,
        ),
        earned_voucher_id=item.earned_voucher_id,
    )


def _earning(item: EarningItem, refunds_fen: tuple[int, ...]) -> CountedEarning:
    merchant_fen, platform_fen = item.merchant_discount_fen or 0, item.platform_discount_fen or 0
    return CountedEarning(
        voucher_id=item.voucher_id,
        platform_id=intern(item.platform_id),
        order_no=item.order_no or "",
        redemption_id=item.redemption_id,
        amounts=replace(
            NO_AMOUNTS,
            merchant_discount_fen=merchant_fen,
            platform_discount_fen=platform_fen,
            paid_fen=(item.order_fen or 0) - merchant_fen - platform_fen,
        ),
        refunded=replace(
            NO_AMOUNTS,
            merchant_discount_fen=item.refunded_merchant_discount_fen or 0,
            platform_discount_fen=item.refunded_platform_discount_fen or 0,
            paid_fen=item.refunded_fen or 0,
        ),
        refund_count=item.refund_count or 0,
        refunds_fen=refunds_fen,
    )


def _refund(item: LedgerItem) -> CountedRefund:
    return CountedRefund(
        redemption_id=item.redemption_id,
        refund_no=item.refund_no or "",
        voucher_id=item.voucher_id,
        platform_id=intern(item.platform_id),
        business_on=date.fromisoformat(item.business_on),
        amounts=_amounts(item),
    )


def _amounts(item: LedgerItem) -> Amounts:
    return Amounts(
        merchant_discount_fen=item.merchant_discount_fen,
        platform_discount_fen=item.platform_discount_fen,
        voucher_fen=item.voucher_fen,
        paid_fen=item.paid_fen,
        fiscal_part_fen=item.fiscal_part_fen,
        platform_part_fen=item.platform_part_fen,
        merchant_part_fen=item.merchant_part_fen,
    )
