"""A campaign's money as its tables hold it: plain values for a recount.

Read as they are stored: nothing here trusts a total that can be counted, and nothing is refused
on the way in, so that a fault in the tables shows as a finding and not as an error. Amounts are
fen; those of the appropriation are called fiscal.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from functions.shared.domain.adjusting import AdjustingEntry
from functions.shared.domain.campaign import BankAccount, Campaign
from functions.shared.domain.funds import Funds, Pool, Shard
from functions.shared.domain.grants import RowState
from functions.shared.domain.vouchers import UNUSED, VoucherState

"""States in which a voucher holds its whole reserve."""


@dataclass(frozen=True, slots=True)
class CountedVoucher:
    """What a recount needs of a voucher; `touched_at` is of the last line of its timeline."""

    voucher_id: str
    round_id: str
    voucher_type_id: str
    platform_id: str
    identity_refs: tuple[str, ...]
    shard_id: str
    state: VoucherState
    issued_at: datetime
    touched_at: datetime
    valid_until: datetime
    reserve_fen: int
    slack_fen: int
    redemption_id: str | None
    is_forfeited: bool = False

    @property
    def held_fen(self) -> int:
        """What of the appropriation is still set aside for it."""
        return self.reserve_fen if self.state in UNUSED else self.slack_fen

    @property
    def counts_for_limits(self) -> bool:
        """Whether it counts for what its person may have: not once it was taken back."""
        return not (self.is_forfeited and self.state is VoucherState.VOIDED)


@dataclass(frozen=True, slots=True)
class Amounts:
    """The amounts of an entry, or of all refunds of a redemption, as stored."""

    merchant_discount_fen: int
    platform_discount_fen: int
    voucher_fen: int
    paid_fen: int
    fiscal_part_fen: int
    platform_part_fen: int
    merchant_part_fen: int

    def __add__(self, other: Amounts) -> Amounts:
        return Amounts(*(a + b for a, b in zip(self.values(), other.values(), strict=True)))

    def values(self) -> tuple[int, ...]:
        """All of them, in the order of the fields."""
        return (
            self.merchant_discount_fen,
            self.platform_discount_fen,
            self.voucher_fen,
            self.paid_fen,
            self.fiscal_part_fen,
            self.platform_part_fen,
            self.merchant_part_fen,
        )

    @property
    def refundable_fen(self) -> int:
        """The voucher's money and the consumer's together."""
        return self.voucher_fen + self.paid_fen

    @property
    def unclosed_fen(self) -> int:
        """By how much the funding parts miss the voucher's money."""
        parts_fen = self.fiscal_part_fen + self.platform_part_fen + self.merchant_part_fen
        return abs(self.voucher_fen - parts_fen)


NO_AMOUNTS = Amounts(0, 0, 0, 0, 0, 0, 0)
"""Where sums start."""


@dataclass(frozen=True, slots=True)
class CountedRedemption:
    """What a recount needs of a redemption; `refunded` is what its item says of its refunds."""

    redemption_id: str
    voucher_id: str
    platform_id: str
    merchant_id: str
    order_no: str
    business_on: date
    order_fen: int
    amounts: Amounts
    refund_count: int
    refunded_fen: int
    refunded: Amounts
    earned_voucher_id: str | None = None

    @property
    def was_refunded_at_once(self) -> bool:
        """Whether one refund reversed the whole order, which gives the merchant visit back."""
        return self.refund_count == 1 and self.refunded_fen == self.amounts.refundable_fen

    @property
    def is_live(self) -> bool:
        """Whether anything of it is left to refund."""
        return self.refunded_fen < self.amounts.refundable_fen


@dataclass(frozen=True, slots=True)
class CountedRefund:
    """What a recount needs of a refund."""

    redemption_id: str
    refund_no: str
    voucher_id: str
    platform_id: str
    business_on: date
    amounts: Amounts


@dataclass(frozen=True, slots=True)
class CountedPerson:
    """An identity's item: its counters by name, and the vouchers it lists."""

    identity_ref: str
    counters: Mapping[str, int]
    voucher_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CountedSettlement:
    """One platform's settled business date: the fiscal money it takes note of, net of refunds."""

    statement_key: str
    platform_id: str
    business_on: date
    fiscal_net_fen: int


@dataclass(frozen=True, slots=True)
class CountedPayout:
    """A platform's statements netted to be paid: what its record says, and each statement's net."""

    statement_key: str
    platform_id: str
    net_fen: int
    nets_fen: Mapping[date, int]
    platform_account: BankAccount
    bureau_account: BankAccount


@dataclass(frozen=True, slots=True)
class CountedReturn:
    """One return of money to the source account."""

    statement_key: str
    amount_fen: int
    account: BankAccount


@dataclass(frozen=True, slots=True)
class CountedStockChange:
    """What one change did to its pool's planned units so far."""

    change_id: str
    pool_key: str
    signed_units: int


@dataclass(frozen=True, slots=True)
class CountedGrant:
    """A grant: the totals that it keeps, and its rows by what became of them.

    `rows`, `granted` and `refused` are the totals; `by_state` the ids of the rows themselves.
    """

    grant_id: str
    is_approved: bool
    rows: int
    granted: int
    refused: int
    by_state: Mapping[RowState, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class CountedEarning:
    """An order that earned a voucher; of a plain one also its amounts and its refunds.

    `refunded` and `refund_count` are what its item says of the refunds, `refunds_fen` the refunds.
    """

    voucher_id: str
    platform_id: str
    order_no: str
    redemption_id: str | None
    amounts: Amounts
    refunded: Amounts
    refund_count: int
    refunds_fen: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All that the tables hold about one campaign; vouchers were read last."""

    campaign: Campaign
    funds: Funds
    is_funded: bool
    pools: tuple[Pool, ...]
    shards: tuple[Shard, ...]
    vouchers: tuple[CountedVoucher, ...]
    redemptions: tuple[CountedRedemption, ...]
    refunds: tuple[CountedRefund, ...]
    persons: tuple[CountedPerson, ...]
    settlements: tuple[CountedSettlement, ...]
    returns: tuple[CountedReturn, ...]
    changes: tuple[CountedStockChange, ...]
    grants: tuple[CountedGrant, ...]
    earnings: tuple[CountedEarning, ...] = ()
    payouts: tuple[CountedPayout, ...] = ()
    adjusting: tuple[AdjustingEntry, ...] = ()

    @property
    def outstanding_fen(self) -> int:
        """Set aside for vouchers that are issued or held."""
        return sum(v.reserve_fen for v in self.vouchers if v.state in UNUSED)

    @property
    def slack_fen(self) -> int:
        """What redemptions did not use and the sweep has not yet set free."""
        return sum(v.slack_fen for v in self.vouchers if v.state not in UNUSED)

    @property
    def redeemed_net_fen(self) -> int:
        """Fiscal money given for orders and not taken back."""
        return sum(r.amounts.fiscal_part_fen for r in self.redemptions) - sum(
            r.amounts.fiscal_part_fen for r in self.refunds
        )

    @property
    def adjusted_net_fen(self) -> int:
        """Fiscal money that adjusting entries add to what is owed; negative where they take."""
        return sum(entry.parts.fiscal_fen for entry in self.adjusting)
