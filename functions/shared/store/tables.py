"""One PynamoDB model per table: every key and index of the system is written here, once.

CDK, the local engine and the tests read `table_schema`; docs/data-model.md lists the access
patterns that each key serves. A table's name is a prefix plus `suffix` and is bound on first use
(`shared.store.connection`), because PynamoDB freezes a model's connection when it is made.

Hot keys: claims meet only on stock shards. Index keys carry a segment, a hash of the item's own
id, because a hot index key throttles its base table.
"""

from __future__ import annotations

from typing import Any

from pynamodb.attributes import (
    BooleanAttribute,
    ListAttribute,
    UnicodeAttribute,
)
from pynamodb.indexes import (
    AllProjection,
    GlobalSecondaryIndex,
    IncludeProjection,
)
from pynamodb.models import Model

from functions.shared.store.attributes import InstantAttribute, IntegerAttribute

# 10,000 claims/s on one campaign put 156 writes/s on each index key (the limit is 1,000).
ISSUE_SEGMENTS = 64


class CampaignItem(Model):
    """A campaign: its document, its state and its fund counters."""

    class Meta:
        """Bound by `shared.store.connection`."""

        table_name = "campaigns"

    campaign_id = UnicodeAttribute(hash_key=True)
    version = IntegerAttribute()
    state = UnicodeAttribute()
    document = UnicodeAttribute()
    made_by = UnicodeAttribute()
    made_at = InstantAttribute()
    approved_by = UnicodeAttribute(null=True)
    approved_at = InstantAttribute(null=True)
    closed_at = InstantAttribute(null=True)
    appropriated_fen = IntegerAttribute()
    unallocated_fen = IntegerAttribute()
    returned_fen = IntegerAttribute()
    settled_fen = IntegerAttribute()
    adjusted_fen = IntegerAttribute()
    held_back_fen = IntegerAttribute()
    swept_until = InstantAttribute(null=True)


class PoolItem(Model):
    """Stock of one voucher type for one platform in one round; its units lie in shards.

    `pot_fen` is money on its way: allocated but not yet spread over shards, or drained from
    shards and not yet moved on. `stock_version` counts the times units came into its shards from
    outside; the pool is sold out while `sold_out_version` equals it. `change_id` names the stock
    change that is half done.
    """

    class Meta:
        """Bound by `shared.store.connection`."""

        table_name = "pools"

    campaign_id = UnicodeAttribute(hash_key=True)
    pool_key = UnicodeAttribute(range_key=True)
    round_id = UnicodeAttribute()
    voucher_type_id = UnicodeAttribute()
    platform_id = UnicodeAttribute()
    unit_reserve_fen = IntegerAttribute()
    planned_units = IntegerAttribute()
    shard_count = IntegerAttribute()
    funded_shards = IntegerAttribute()
    pot_fen = IntegerAttribute()
    state = UnicodeAttribute()
    state_version = IntegerAttribute(null=True)
    followed_version = IntegerAttribute(null=True)
    drained_at = InstantAttribute(null=True)
    stock_version = IntegerAttribute(null=True)
    sold_out_version = IntegerAttribute(null=True)
    change_id = UnicodeAttribute(null=True)


class StockItem(Model):
    """One shard of a pool: a counter that claims draw from, with a partition key of its own.

    `fills` counts the times units were put into it, from outside or from another shard.
    """

    class Meta:
        """Bound by `shared.store.connection`."""

        table_name = "stock"

    shard_id = UnicodeAttribute(hash_key=True)
    state = UnicodeAttribute()
    allocated = IntegerAttribute()
    available = IntegerAttribute()
    issued = IntegerAttribute()
    lapsed_fen = IntegerAttribute()
    unit_reserve_fen = IntegerAttribute()
    state_version = IntegerAttribute(null=True)
    fills = IntegerAttribute(null=True)


class HomesItem(Model):
    """How many of a pool's shards were given to processes as the one to draw from.

    A hint that keeps claims apart, and nothing else: it may be lost, or count too many.
    """

    class Meta:
        """Bound by `shared.store.connection`."""

        table_name = "homes"

    pool_id = UnicodeAttribute(hash_key=True)
    homes_given = IntegerAttribute()


class StockChangeItem(Model):
    """A change of a pool's planned units: who asked for it, who approved it, how far it is."""

    class Meta:
        """Bound by `shared.store.connection`."""

        table_name = "changes"

    campaign_id = UnicodeAttribute(hash_key=True)
    change_id = UnicodeAttribute(range_key=True)
    pool_key = UnicodeAttribute()
    units_before = IntegerAttribute()
    units_after = IntegerAttribute()
    reason = UnicodeAttribute()
    made_by = UnicodeAttribute()
    made_at = InstantAttribute()
    state = UnicodeAttribute()
    moved_units = IntegerAttribute()
    approved_by = UnicodeAttribute(null=True)
    approved_at = InstantAttribute(null=True)
    ended_at = InstantAttribute(null=True)


class GrantItem(Model):
    """A list of persons whom the bureau grants vouchers: what for, by whom, and how many."""

    class Meta:
        """Bound by `shared.store.connection`."""

        table_name = "grants"

    campaign_id = UnicodeAttribute(hash_key=True)
    grant_id = UnicodeAttribute(range_key=True)
    pool_key = UnicodeAttribute()
    reason = UnicodeAttribute()
    made_by = UnicodeAttribute()
    made_at = InstantAttribute()
    state = UnicodeAttribute()
    listed = IntegerAttribute()
    approved_by = UnicodeAttribute(null=True)
    approved_at = InstantAttribute(null=True)


class GrantRowItem(Model):
    """A person on such a list; the row's id is that of the voucher that it gets."""

    class Meta:
        """Bound by `shared.store.connection`."""

        table_name = "grant_rows"

    part_key = UnicodeAttribute(hash_key=True)
    voucher_id = UnicodeAttribute(range_key=True)
    identity_refs: ListAttribute[Any] = ListAttribute(of=UnicodeAttribute)
    state = UnicodeAttribute()
    refusal = UnicodeAttribute(null=True)
    ended_at = InstantAttribute(null=True)


class GrantPartItem(Model):
    """How many rows of one part of a list have ended, and how; moved with each of them."""

    class Meta:
        """Bound by `shared.store.connection`."""

        table_name = "grant_parts"

    part_key = UnicodeAttribute(hash_key=True)
    granted = IntegerAttribute(null=True)
    refused = IntegerAttribute(null=True)


class PersonItem(Model):
    """What one identity has used of its limits in one campaign, and the vouchers it holds.

    Each limit is a counter attribute of its own, named by `shared.domain.limits`; the model does
    not declare them, so they are read from the raw item.
    """

    class Meta:
        """Bound by `shared.store.connection`."""

        table_name = "people"

    person_key = UnicodeAttribute(hash_key=True)
    voucher_ids: ListAttribute[Any] = ListAttribute(of=UnicodeAttribute, null=True)


class VouchersByIssueDay(GlobalSecondaryIndex["VoucherItem"]):
    """Vouchers of a campaign by the day they were issued: the sweep and the T+1 report."""

    class Meta:
        """What the sweep and the report read, and no more."""

        index_name = "by_issue_day"
        projection = IncludeProjection(
            ["state", "person_ref", "voucher_type_id", "platform_id", "round_id", "reserve_fen"],
        )

    issue_bucket = UnicodeAttribute(hash_key=True)
    valid_until = InstantAttribute(range_key=True)
    state = UnicodeAttribute()
    person_ref = UnicodeAttribute()
    voucher_type_id = UnicodeAttribute()
    platform_id = UnicodeAttribute()
    round_id = UnicodeAttribute()
    reserve_fen = IntegerAttribute()


class VoucherItem(Model):
    """A voucher, from its claim to its end; its id is the guard of the claim."""

    class Meta:
        """Bound by `shared.store.connection`."""

        table_name = "vouchers"

    voucher_id = UnicodeAttribute(hash_key=True)
    campaign_id = UnicodeAttribute()
    round_id = UnicodeAttribute()
    voucher_type_id = UnicodeAttribute()
    platform_id = UnicodeAttribute()
    person_ref = UnicodeAttribute()
    identity_refs: ListAttribute[Any] = ListAttribute(of=UnicodeAttribute)
    shard_id = UnicodeAttribute()
    request_no = UnicodeAttribute()
    content_hash = UnicodeAttribute()
    state = UnicodeAttribute()
    issued_at = InstantAttribute()
    valid_from = InstantAttribute()
    valid_until = InstantAttribute()
    reserve_fen = IntegerAttribute()
    slack_fen = IntegerAttribute()
    timeline: ListAttribute[Any] = ListAttribute(of=UnicodeAttribute)
    issue_bucket = UnicodeAttribute()
    order_no = UnicodeAttribute(null=True)
    held_until = InstantAttribute(null=True)
    redemption_id = UnicodeAttribute(null=True)
    # An earned voucher whose order was refunded; not there otherwise.
    forfeited = BooleanAttribute(null=True)

    by_issue_day = VouchersByIssueDay()


class RefusalItem(Model):
    """Why a voucher was refused last: a note for complaint desks, which may be lost."""

    class Meta:
        """Bound by `shared.store.connection`."""

        table_name = "refusals"

    voucher_id = UnicodeAttribute(hash_key=True)
    refused_at = InstantAttribute()
    code = UnicodeAttribute()
    operation = UnicodeAttribute()
    order_no = UnicodeAttribute()


class LedgerByDay(GlobalSecondaryIndex["LedgerItem"]):
    """Ledger entries of one campaign, platform and business date, in order of recording."""

    class Meta:
        """The reconciler reads whole entries."""

        index_name = "by_day"
        projection = AllProjection()

    day_bucket = UnicodeAttribute(hash_key=True)
    recorded_key = UnicodeAttribute(range_key=True)


class LedgerItem(Model):
    """A redemption or a refund; a redemption's item also carries its refunded totals."""

    class Meta:
        """Bound by `shared.store.connection`."""

        table_name = "ledger"

    redemption_id = UnicodeAttribute(hash_key=True)
    entry_key = UnicodeAttribute(range_key=True)
    entry_type = UnicodeAttribute()
    campaign_id = UnicodeAttribute()
    round_id = UnicodeAttribute()
    voucher_type_id = UnicodeAttribute()
    platform_id = UnicodeAttribute()
    voucher_id = UnicodeAttribute()
    person_ref = UnicodeAttribute()
    merchant_id = UnicodeAttribute()
    industry = UnicodeAttribute()
    size_class = UnicodeAttribute()
    order_no = UnicodeAttribute()
    refund_no = UnicodeAttribute(null=True)
    content_hash = UnicodeAttribute()
    recorded_at = InstantAttribute()
    business_on = UnicodeAttribute()
    redeemed_on = UnicodeAttribute()
    day_bucket = UnicodeAttribute()
    recorded_key = UnicodeAttribute()
    # The entry's own amounts; a refund's are what it reverses.
    order_fen = IntegerAttribute()
    merchant_discount_fen = IntegerAttribute()
    platform_discount_fen = IntegerAttribute()
    voucher_fen = IntegerAttribute()
    paid_fen = IntegerAttribute()
    fiscal_part_fen = IntegerAttribute()
    platform_part_fen = IntegerAttribute()
    merchant_part_fen = IntegerAttribute()
    voucher_state = UnicodeAttribute(null=True)
    # A redemption's refunded totals.
    refund_count = IntegerAttribute(null=True)
    refunded_fen = IntegerAttribute(null=True)
    refunded_voucher_fen = IntegerAttribute(null=True)
    refunded_paid_fen = IntegerAttribute(null=True)
    refunded_merchant_discount_fen = IntegerAttribute(null=True)
    refunded_platform_discount_fen = IntegerAttribute(null=True)
    refunded_fiscal_part_fen = IntegerAttribute(null=True)
    refunded_platform_part_fen = IntegerAttribute(null=True)
    refunded_merchant_part_fen = IntegerAttribute(null=True)
    # The voucher that a redemption's order has earned.
    earned_voucher_id = UnicodeAttribute(null=True)

    by_day = LedgerByDay()


class EarningItem(Model):
    """That an order earned the voucher; or, under the same voucher, a refund of a plain order."""

    class Meta:
        """Bound by `shared.store.connection`."""

        table_name = "earnings"

    voucher_id = UnicodeAttribute(hash_key=True)
    entry_key = UnicodeAttribute(range_key=True)
    campaign_id = UnicodeAttribute()
    platform_id = UnicodeAttribute()
    content_hash = UnicodeAttribute()
    recorded_at = InstantAttribute()
    # An earning's own.
    round_id = UnicodeAttribute(null=True)
    voucher_type_id = UnicodeAttribute(null=True)
    order_no = UnicodeAttribute(null=True)
    merchant_id = UnicodeAttribute(null=True)
    redemption_id = UnicodeAttribute(null=True)
    # A plain order's amounts and its refunded totals; a redemption has them in the ledger.
    order_fen = IntegerAttribute(null=True)
    merchant_discount_fen = IntegerAttribute(null=True)
    platform_discount_fen = IntegerAttribute(null=True)
    refund_count = IntegerAttribute(null=True)
    refunded_fen = IntegerAttribute(null=True)
    refunded_merchant_discount_fen = IntegerAttribute(null=True)
    refunded_platform_discount_fen = IntegerAttribute(null=True)
    # A refund's own.
    refund_no = UnicodeAttribute(null=True)
    refund_fen = IntegerAttribute(null=True)
    base_left_fen = IntegerAttribute(null=True)
    voucher_state = UnicodeAttribute(null=True)


class SettlementItem(Model):
    """A statement: of a platform and business date, an adjusting entry, a payout, a fund return."""

    class Meta:
        """Bound by `shared.store.connection`."""

        table_name = "settlements"

    campaign_id = UnicodeAttribute(hash_key=True)
    statement_key = UnicodeAttribute(range_key=True)
    kind = UnicodeAttribute()
    statement_id = UnicodeAttribute()
    business_on = UnicodeAttribute()
    platform_id = UnicodeAttribute(null=True)
    payload = UnicodeAttribute()
    amount_fen = IntegerAttribute()
    made_at = InstantAttribute()
    # A payout's own: how many sets of files of it and of its payments are written.
    published = IntegerAttribute(null=True)


class UnresolvedBreaks(GlobalSecondaryIndex["BreakItem"]):
    """The breaks of a platform that somebody must still end, oldest business date first.

    A break that is ended has no `unresolved_key`, and so is not in it.
    """

    class Meta:
        """A list shows whole breaks."""

        index_name = "unresolved"
        projection = AllProjection()

    platform_id = UnicodeAttribute(hash_key=True)
    unresolved_key = UnicodeAttribute(range_key=True)


class BreakItem(Model):
    """A row on which ledger and bill disagree."""

    class Meta:
        """Bound by `shared.store.connection`."""

        table_name = "breaks"

    day_key = UnicodeAttribute(hash_key=True)
    break_id = UnicodeAttribute(range_key=True)
    match_state = UnicodeAttribute()
    campaign_id = UnicodeAttribute(null=True)
    platform_id = UnicodeAttribute()
    business_on = UnicodeAttribute()
    difference_fen = IntegerAttribute()
    state = UnicodeAttribute()
    payload = UnicodeAttribute()
    opened_at = InstantAttribute()
    unresolved_key = UnicodeAttribute(null=True)
    unresolved = UnresolvedBreaks()


class BillItem(Model):
    """A platform's bill of a business date, by version: accepted or quarantined whole."""

    class Meta:
        """Bound by `shared.store.connection`."""

        table_name = "bills"

    platform_id = UnicodeAttribute(hash_key=True)
    bill_key = UnicodeAttribute(range_key=True)
    state = UnicodeAttribute()
    object_key = UnicodeAttribute()
    object_version = UnicodeAttribute()
    sha256 = UnicodeAttribute()
    rows = IntegerAttribute()
    received_at = InstantAttribute()
    reconciled_at = InstantAttribute(null=True)


class MerchantItem(Model):
    """A merchant's facts from a date on; earlier facts stay, so that past reports do not move."""

    class Meta:
        """Bound by `shared.store.connection`."""

        table_name = "merchants"

    merchant_id = UnicodeAttribute(hash_key=True)
    effective_on = UnicodeAttribute(range_key=True)
    name = UnicodeAttribute()
    credit_code = UnicodeAttribute()
    industry = UnicodeAttribute()
    size_class = UnicodeAttribute()
    district = UnicodeAttribute()
    active = BooleanAttribute()
    made_by = UnicodeAttribute()
    made_at = InstantAttribute()


class PlatformItem(Model):
    """A licensed platform and the one IAM role that it calls with."""

    class Meta:
        """Bound by `shared.store.connection`."""

        table_name = "platforms"

    platform_id = UnicodeAttribute(hash_key=True)
    version = IntegerAttribute()
    name = UnicodeAttribute()
    role_arn = UnicodeAttribute()
    active = BooleanAttribute()
    made_by = UnicodeAttribute()
    made_at = InstantAttribute()


class CallerItem(Model):
    """Which platform an IAM role is. A table of its own, so that no role is two platforms."""

    class Meta:
        """Bound by `shared.store.connection`."""

        table_name = "callers"

    role_arn = UnicodeAttribute(hash_key=True)
    platform_id = UnicodeAttribute()
    active = BooleanAttribute()


MODELS: tuple[type[Model], ...] = (
    CampaignItem,
    PoolItem,
    StockItem,
    HomesItem,
    StockChangeItem,
    GrantItem,
    GrantRowItem,
    GrantPartItem,
    PersonItem,
    VoucherItem,
    RefusalItem,
    LedgerItem,
    EarningItem,
    SettlementItem,
    BreakItem,
    BillItem,
    MerchantItem,
    PlatformItem,
    CallerItem,
)


# Read when the module loads, before any connection binds a full name over the suffix.
_SUFFIXES: dict[type[Model], str] = {model: model.Meta.table_name for model in MODELS}


def table_suffix(model: type[Model]) -> str:
    """The table's name without the prefix of its deployment."""
    return _SUFFIXES[model]
