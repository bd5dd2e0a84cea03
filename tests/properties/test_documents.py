"""Any campaign document, any order, any sequence of refunds: the money of one voucher closes."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from hypothesis import given
from hypothesis import strategies as st

from functions.shared.domain.campaign import Campaign, VoucherType
from functions.shared.domain.campaign_checks import check_campaign
from functions.shared.domain.campaign_reader import campaign_from_document
from functions.shared.domain.fates import Fate, fate_after_refund
from functions.shared.domain.orders import Order
from functions.shared.domain.refund_policies import (
    PartPolicy,
    WholeExpiredPolicy,
    WholeValidPolicy,
)
from functions.shared.domain.refunds import NOTHING_REFUNDED, Redeemed, Refunded, plan_refund
from functions.shared.domain.tills import price_at_till
from functions.shared.domain.vouchers import Voucher, VoucherEvent, VoucherState, new_voucher
from functions.shared.edge.campaign_document import CampaignDocument
from infra.cli.campaign_summary import summary
from tests.properties.documents import INDUSTRIES, PLATFORMS, documents

if TYPE_CHECKING:
    from datetime import datetime

MOMENT = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Sale:
    """A redemption under some document, and the voucher right after it."""

    campaign: Campaign
    voucher_type: VoucherType
    amounts: Redeemed
    voucher: Voucher


@st.composite
def fitting_orders(draw: st.DrawFn, voucher_type: VoucherType) -> Order:
    """An order with which the voucher may be used, of any size above what that takes."""
    benefit, stacking = voucher_type.benefit, voucher_type.stacking
    # From 10,000 fen on even a ten-thousandth is a fen.
    least_fen = max(benefit.threshold_fen, benefit.greatest_fen, 10_000)
    discounts = st.one_of(st.just(0), st.integers(0, 50_000))
    merchant_fen = draw(discounts) if stacking.with_merchant_discount else 0
    platform_fen = draw(discounts) if stacking.with_platform_discount else 0
    more_fen = draw(st.one_of(st.integers(0, 40), st.integers(0, 200_000)))
    return Order(
        order_fen=least_fen + more_fen + merchant_fen + platform_fen,
        merchant_discount_fen=merchant_fen,
        platform_discount_fen=platform_fen,
    )


@st.composite
def sales(draw: st.DrawFn) -> Sale:
    """An order that the rules let through, whatever they are."""
    campaign = campaign_from_document(draw(documents()))
    voucher_type = draw(st.sampled_from(campaign.voucher_types))
    platform_id = draw(st.sampled_from(PLATFORMS))
    order = draw(fitting_orders(voucher_type))
    industry = draw(st.sampled_from(INDUSTRIES))
    priced = price_at_till(voucher_type, order, industry=industry, platform_id=platform_id)
    in_round = draw(st.sampled_from(campaign.rounds))
    issued = new_voucher(
        voucher_id="v_" + "a" * 32,
        campaign_id=campaign.campaign_id,
        in_round=in_round,
        voucher_type=voucher_type,
        platform_id=platform_id,
        identity_refs=("p1_x",),
        request_no="q",
        content_hash="",
        event=VoucherEvent.CLAIMED,
        now=in_round.opens_at,
    )
    amounts = Redeemed(
        order_fen=order.order_fen,
        merchant_discount_fen=order.merchant_discount_fen,
        platform_discount_fen=order.platform_discount_fen,
        voucher_fen=priced.voucher_fen,
        paid_fen=priced.paid_fen,
        parts=priced.parts,
    )
    used = replace(
        issued,
        state=VoucherState.REDEEMED,
        slack_fen=issued.reserve_fen - priced.parts.fiscal_fen,
    )
    return Sale(campaign, voucher_type, amounts, used)


@dataclass
class Purse:
    """Where the money that was set aside for the voucher is."""

    sale: Sale
    voucher: Voucher
    refunded: Refunded = NOTHING_REFUNDED
    lapsed_fen: int = 0

    def refund(self, refund_fen: int, now: datetime) -> Fate:
        """One refund at that time; the voucher's fate."""
        campaign, amounts = self.sale.campaign, self.sale.amounts
        step = plan_refund(
            amounts, self.refunded, refund_fen=refund_fen, policy=campaign.refunds.part
        )
        fate = fate_after_refund(
            self.voucher,
            step,
            campaign.refunds,
            redeemed_fiscal_fen=amounts.parts.fiscal_fen,
            now=now,
        )
        self.refunded = step.after
        self.voucher = replace(self.voucher, state=fate.state, slack_fen=fate.slack_fen)
        self.lapsed_fen += fate.lapsed_fen
        return fate

    def sweep(self) -> None:
        """What the redemption left over is set free."""
        self.lapsed_fen += self.voucher.slack_fen
        self.voucher = replace(self.voucher, slack_fen=0)

    def require_closed(self) -> None:
        """Every fen of the reserve is in one place, and no place is below nothing."""
        voucher = self.voucher
        held_fen = voucher.slack_fen
        if voucher.state is VoucherState.ISSUED:
            held_fen = voucher.reserve_fen
        given = self.sale.amounts.parts.fiscal_fen
        spent_fen = given - self.refunded.parts.fiscal_fen
        assert min(held_fen, spent_fen, self.lapsed_fen) >= 0
        assert held_fen + spent_fen + self.lapsed_fen == voucher.reserve_fen


def times(sale: Sale) -> st.SearchStrategy[datetime]:
    """While the voucher is valid, and after it has ended."""
    until = sale.voucher.valid_until
    return st.sampled_from([sale.voucher.issued_at, until - MOMENT, until, until + MOMENT])


@given(documents())
def test_any_choice_makes_a_document_that_can_be_published_and_told(
    plain: dict[str, Any],
) -> None:
    """The shape, the reader and the checks agree; and the rules can be said in both languages."""
    CampaignDocument.model_validate_json(json.dumps(plain))
    campaign = campaign_from_document(plain)
    assert check_campaign(campaign) == []
    assert all(words.zh and words.en for _, words in summary(campaign))


@given(sales(), st.data())
def test_in_any_sequence_of_refunds_the_money_of_a_voucher_closes(
    sale: Sale, data: st.DataObject
) -> None:
    purse = Purse(sale, sale.voucher)
    purse.require_closed()
    whole_fen = sale.amounts.refundable_fen
    for now in sorted(data.draw(st.lists(times(sale), max_size=5))):
        if now >= sale.voucher.valid_until and data.draw(st.booleans()):
            purse.sweep()
        left_fen = whole_fen - purse.refunded.refunded_fen
        if not left_fen or purse.voucher.state is not VoucherState.REDEEMED:
            break
        purse.refund(data.draw(st.integers(1, left_fen)), now)
        purse.require_closed()
    left_fen = whole_fen - purse.refunded.refunded_fen
    if left_fen and purse.voucher.state is VoucherState.REDEEMED:
        purse.refund(left_fen, sale.voucher.valid_until + MOMENT)
    purse.require_closed()
    # The last refund closes all to zero.
    after, given_out = purse.refunded, sale.amounts
    assert after.parts == given_out.parts
    assert (after.voucher_fen, after.paid_fen) == (given_out.voucher_fen, given_out.paid_fen)
    assert after.merchant_discount_fen == given_out.merchant_discount_fen
    assert after.platform_discount_fen == given_out.platform_discount_fen


@given(sales(), st.data())
def test_a_whole_refund_does_what_the_document_says(sale: Sale, data: st.DataObject) -> None:
    now = data.draw(times(sale))
    purse = Purse(sale, sale.voucher)
    state = purse.refund(sale.amounts.refundable_fen, now).state
    purse.require_closed()
    policies = sale.campaign.refunds
    if now < sale.voucher.valid_until:
        restores = policies.whole_valid is WholeValidPolicy.RESTORE
        assert state is (VoucherState.ISSUED if restores else VoucherState.VOIDED)
    else:
        lapses = policies.whole_expired is WholeExpiredPolicy.LAPSE
        assert state is (VoucherState.EXPIRED if lapses else VoucherState.VOIDED)


@given(sales(), st.data())
def test_part_refunds_take_the_vouchers_money_as_the_document_says(
    sale: Sale, data: st.DataObject
) -> None:
    amounts = sale.amounts
    refund_fen = data.draw(st.integers(1, amounts.refundable_fen))
    purse = Purse(sale, sale.voucher)
    purse.refund(refund_fen, sale.voucher.issued_at)
    back_fen = purse.refunded.voucher_fen
    match sale.campaign.refunds.part:
        case PartPolicy.RECLAIM_ALL:
            assert back_fen == min(refund_fen, amounts.voucher_fen)
        case PartPolicy.KEEP:
            assert back_fen == max(0, refund_fen - amounts.paid_fen)
        case PartPolicy.PRO_RATA:
            exact = refund_fen * amounts.voucher_fen
            assert abs(2 * (back_fen * amounts.refundable_fen - exact)) <= amounts.refundable_fen


@given(sales(), st.data())
def test_the_order_of_part_refunds_changes_no_total(sale: Sale, data: st.DataObject) -> None:
    most_fen = (sale.amounts.refundable_fen - 1) // 5
    cut = data.draw(st.lists(st.integers(1, most_fen), min_size=2, max_size=5))
    ends = []
    for steps in (cut, data.draw(st.permutations(cut))):
        purse = Purse(sale, sale.voucher)
        for refund_fen in steps:
            purse.refund(refund_fen, sale.voucher.issued_at)
            purse.require_closed()
        ends.append((purse.refunded, purse.lapsed_fen, purse.voucher))
    assert ends[0] == ends[1]
