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
from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from datetime import date
from functools import lru_cache
from sys import intern
from typing import Any, Final

from functions.shared.domain.adjusting import AdjustingEntry
from functions.shared.domain.business_time import parse_rfc3339
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
from functions.shared.store.vouchers import timeline_time

_UNFUNDED: Final = frozenset({CampaignState.DRAFT, CampaignState.FUNDING})
_PERSON_KEY: Final = "person_key"
_VOUCHER_IDS: Final = "voucher_ids"
_AMOUNTS: Final = tuple(field.name for field in fields(Amounts))

Raw = Mapping[str, Mapping[str, Any]]
"""An item as DynamoDB writes it."""


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
        ours = VoucherItem.campaign_id == campaign_id
        return map(_voucher, self._database.scan_raw(VoucherItem, ours))

    def _entries(
        self, campaign_id: str
    ) -> tuple[tuple[CountedRedemption, ...], tuple[CountedRefund, ...]]:
        redemptions, refunds = [], []
        for raw in self._database.scan_raw(LedgerItem, LedgerItem.campaign_id == campaign_id):
            if raw["entry_type"]["S"] == REDEEM:
                redemptions.append(_redemption(raw))
            else:
                refunds.append(_refund(raw))
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


# Of millions of items: what PynamoDB makes of one costs ten times what is needed of it here, and a
# text that stands in several (an id, a counter's name) is kept once.


def _voucher(raw: Raw) -> CountedVoucher:
    timeline = raw["timeline"]["L"]
    issued_at = raw["issued_at"]["S"]
    return CountedVoucher(
        voucher_id=intern(raw["voucher_id"]["S"]),
        round_id=intern(raw["round_id"]["S"]),
        voucher_type_id=intern(raw["voucher_type_id"]["S"]),
        platform_id=intern(raw["platform_id"]["S"]),
        identity_refs=tuple(intern(ref["S"]) for ref in raw["identity_refs"]["L"]),
        shard_id=intern(raw["shard_id"]["S"]),
        state=VoucherState(raw["state"]["S"]),
        issued_at=parse_rfc3339(issued_at),
        touched_at=parse_rfc3339(timeline_time(timeline[-1]["S"]) if timeline else issued_at),
        valid_until=_shared_time(raw["valid_until"]["S"]),
        reserve_fen=int(raw["reserve_fen"]["N"]),
        slack_fen=int(raw["slack_fen"]["N"]),
        redemption_id=_id(raw, "redemption_id"),
        is_forfeited=raw.get("forfeited", {}).get("BOOL", False),
    )


def _person(raw: Raw, prefix: str) -> CountedPerson:
    """Every number of a person's item is a counter; see `shared.domain.limits`."""
    return CountedPerson(
        identity_ref=intern(raw[_PERSON_KEY]["S"].removeprefix(prefix)),
        counters=_shared_counters(
            tuple((intern(name), int(value["N"])) for name, value in raw.items() if "N" in value)
        ),
        voucher_ids=tuple(intern(each["S"]) for each in raw.get(_VOUCHER_IDS, {}).get("L", ())),
    )


def _redemption(raw: Raw) -> CountedRedemption:
    refunded = Amounts(*(_fen(raw, f"refunded_{name}") for name in _AMOUNTS))
    return CountedRedemption(
        redemption_id=intern(raw["redemption_id"]["S"]),
        voucher_id=intern(raw["voucher_id"]["S"]),
        platform_id=intern(raw["platform_id"]["S"]),
        merchant_id=intern(raw["merchant_id"]["S"]),
        order_no=raw["order_no"]["S"],
        business_on=_shared_date(raw["business_on"]["S"]),
        order_fen=int(raw["order_fen"]["N"]),
        amounts=_amounts(raw),
        refund_count=_fen(raw, "refund_count"),
        refunded_fen=_fen(raw, "refunded_fen"),
        refunded=NO_AMOUNTS if refunded == NO_AMOUNTS else refunded,
        earned_voucher_id=_id(raw, "earned_voucher_id"),
    )


def _id(raw: Raw, name: str) -> str | None:
    text = raw.get(name, {}).get("S")
    return None if text is None else intern(text)


def _fen(raw: Raw, name: str) -> int:
    """A number that need not be there."""
    return int(raw.get(name, {}).get("N", 0))


@lru_cache(maxsize=10_000)
def _shared_counters(counters: tuple[tuple[str, int], ...]) -> Mapping[str, int]:
    """Most persons have used the same of the same limits."""
    return dict(counters)


_shared_time = lru_cache(maxsize=1_000)(parse_rfc3339)
_shared_date = lru_cache(maxsize=1_000)(date.fromisoformat)


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


def _refund(raw: Raw) -> CountedRefund:
    return CountedRefund(
        redemption_id=intern(raw["redemption_id"]["S"]),
        refund_no=raw.get("refund_no", {}).get("S", ""),
        voucher_id=intern(raw["voucher_id"]["S"]),
        platform_id=intern(raw["platform_id"]["S"]),
        business_on=_shared_date(raw["business_on"]["S"]),
        amounts=_amounts(raw),
    )


def _amounts(raw: Raw) -> Amounts:
    return Amounts(*(int(raw[name]["N"]) for name in _AMOUNTS))
