"""Orders that earned vouchers, kept anew from the journal: none without an order, none kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from functions.shared.domain.campaign import Campaign, EarningRule
from functions.shared.domain.earnings import after_plain_refund, base_left_fen, plain_order
from functions.shared.domain.errors import HuiminError
from functions.shared.domain.orders import Order
from functions.shared.domain.refunds import NOTHING_REFUNDED, Redeemed, Refunded
from infra.audit.findings import Finding, Kind


@dataclass(slots=True)
class EarningOrder:
    """An order that earned a voucher, with what is left of it.

    Args:
        voucher_id: that it earned.
        rule: by which.
        amounts: the order's.
        refunded: its refunds so far.

    """

    voucher_id: str
    rule: EarningRule
    amounts: Redeemed
    refunded: Refunded = NOTHING_REFUNDED

    @property
    def left_fen(self) -> int:
        """What is left of the amount that the rule looks at."""
        return base_left_fen(self.rule, self.amounts, self.refunded)

    @property
    def earns(self) -> bool:
        """Whether that is still enough."""
        return self.left_fen >= self.rule.threshold_fen


class EarnedOrders:
    """The orders of one campaign that earned vouchers.

    Args:
        campaign: its rules.

    """

    def __init__(self, campaign: Campaign) -> None:
        self._campaign = campaign
        self._plain: dict[str, EarningOrder] = {}
        self._redeemed: dict[str, EarningOrder] = {}
        self._numbers: set[tuple[str, str]] = set()
        self.earned: set[str] = set()
        # Vouchers of orders that no longer earn them, until the end of the instant.
        self.due_back: dict[str, str] = {}

    def earn(
        self,
        where: str,
        data: Mapping[str, Any],
        voucher_type_id: str,
        redeemed: tuple[Redeemed, Refunded] | None,
    ) -> Iterator[Finding]:
        """An order earns a voucher.

        Args:
            where: the line.
            data: what it says.
            voucher_type_id: of the voucher.
            redeemed: of an order that redeemed one, its amounts and refunds so far.

        """
        number = data["platform_id"], data["order_no"]
        if number in self._numbers or data["voucher_id"] in self.earned:
            yield Finding(Kind.ENTRY, where, f"the order {number[1]} earns twice")
        self._numbers.add(number)
        self.earned.add(data["voucher_id"])
        voucher_type = self._campaign.voucher_type(voucher_type_id)
        if voucher_type is None or voucher_type.earned_by is None:
            yield Finding(Kind.ENTRY, where, f"no order earns {voucher_type_id}")
            return
        if data["redemption_id"] is None:
            amounts = _plain_amounts(data)
            order = EarningOrder(data["voucher_id"], voucher_type.earned_by, amounts)
            self._plain[data["voucher_id"]] = order
        elif redeemed is None:
            yield Finding(Kind.ENTRY, where, f"{data['redemption_id']} was never made")
            return
        else:
            order = EarningOrder(data["voucher_id"], voucher_type.earned_by, *redeemed)
            self._redeemed[data["redemption_id"]] = order
        if not order.earns:
            detail = f"{order.left_fen} fen earn nothing, {order.rule.threshold_fen} would"
            yield Finding(Kind.ENTRY, where, detail)

    def refund_plain(self, where: str, data: Mapping[str, Any]) -> Iterator[Finding]:
        """A plain order is refunded."""
        order = self._plain[data["voucher_id"]]
        try:
            order.refunded = after_plain_refund(order.amounts, order.refunded, data["refund_fen"])
        except HuiminError as refusal:
            yield Finding(Kind.ENTRY, where, f"the rules refuse the refund: {refusal.code}")
            return
        if data["base_left_fen"] != order.left_fen:
            detail = f"{data['base_left_fen']} fen are left of the order, not {order.left_fen}"
            yield Finding(Kind.ENTRY, where, detail)
        self._look(where, order)

    def refund_redeemed(self, where: str, redemption_id: str, refunded: Refunded) -> None:
        """An order that redeemed a voucher is refunded."""
        order = self._redeemed.get(redemption_id)
        if order is not None:
            order.refunded = refunded
            self._look(where, order)

    def _look(self, where: str, order: EarningOrder) -> None:
        if not order.earns:
            self.due_back[order.voucher_id] = where


def _plain_amounts(data: Mapping[str, Any]) -> Redeemed:
    return plain_order(
        Order(
            order_fen=data["order_fen"],
            merchant_discount_fen=data["merchant_discount_fen"],
            platform_discount_fen=data["platform_discount_fen"],
        )
    )
