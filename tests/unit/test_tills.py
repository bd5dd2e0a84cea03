"""What a voucher type does to an order at the till, and which reason comes first."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from functions.shared.domain.campaign import MerchantScope, OrderShareCap, Stacking
from functions.shared.domain.errors import Code, HuiminError
from functions.shared.domain.orders import Order
from functions.shared.domain.registry import Merchant, SizeClass
from functions.shared.domain.tills import price_at_till, require_merchant
from tests.support.campaigns import UNIONPAY, campaign

CAMPAIGN = campaign()
REDUCTION = CAMPAIGN.voucher_types[0]
NOODLES = Merchant(
    merchant_id="noodles",
    effective_on=date(2026, 1, 1),
    name="面馆",
    credit_code="91110000000000000X",
    industry="dining",
    size_class=SizeClass.MICRO,
    district="110107",
    active=True,
    made_by="li.na",
)


def refusal(**of_order: int) -> HuiminError:
    """Why the reduction, beside nothing, is not given."""
    alone = replace(REDUCTION, stacking=Stacking(False, False))
    with pytest.raises(HuiminError) as refused:
        price_at_till(alone, Order(**of_order), industry="dining", platform_id=UNIONPAY)
    return refused.value


def test_the_price_is_that_of_the_type_at_that_merchant_and_platform() -> None:
    order = Order(order_fen=8_000)
    priced = price_at_till(REDUCTION, order, industry="dining", platform_id=UNIONPAY)
    assert (priced.voucher_fen, priced.paid_fen) == (2_000, 6_000)
    capped = replace(REDUCTION, order_share_caps=(OrderShareCap(1_000, ("dining",), (UNIONPAY,)),))
    found = {
        (industry, platform): price_at_till(
            capped, order, industry=industry, platform_id=platform
        ).voucher_fen
        for industry, platform in (("dining", UNIONPAY), ("dining", "jd"), ("retail", UNIONPAY))
    }
    assert found == {
        ("dining", UNIONPAY): 800,
        ("dining", "jd"): 2_000,
        ("retail", UNIONPAY): 2_000,
    }


@pytest.mark.parametrize("discount", ["merchant_discount_fen", "platform_discount_fen"])
def test_a_discount_that_it_excludes_is_the_reason_before_the_threshold(discount: str) -> None:
    refused = refusal(**{"order_fen": 100, discount: 1})
    assert (refused.code, refused.context) == (Code.STACKING_NOT_ALLOWED, {discount: 1})


def test_without_discounts_the_threshold_is_the_reason() -> None:
    assert refusal(order_fen=100).code is Code.BELOW_THRESHOLD


@pytest.mark.parametrize(
    ("stacking", "discount"),
    [
        (Stacking(True, False), "merchant_discount_fen"),
        (Stacking(False, True), "platform_discount_fen"),
    ],
)
def test_the_other_discount_is_none_of_its_business(stacking: Stacking, discount: str) -> None:
    order = Order(order_fen=8_000, **{discount: 100})
    kind = replace(REDUCTION, stacking=stacking)
    assert price_at_till(kind, order, industry="dining", platform_id="x").paid_fen == 5_900


@pytest.mark.parametrize(
    ("scope", "takes"),
    [
        (MerchantScope(("dining",)), True),
        (MerchantScope(("retail",)), False),
        (MerchantScope(("dining",), merchants=("noodles",)), True),
        (MerchantScope(("dining",), merchants=("books",)), False),
        (MerchantScope(("dining",), districts=("31", "1101")), True),
        (MerchantScope(("dining",), districts=("31",)), False),
    ],
)
def test_a_merchant_is_in_the_campaign_or_named_in_the_refusal(
    scope: MerchantScope, *, takes: bool
) -> None:
    scoped = replace(CAMPAIGN, scope=scope)
    if takes:
        assert require_merchant(scoped, NOODLES, "noodles") is NOODLES
        return
    with pytest.raises(HuiminError) as refused:
        require_merchant(scoped, NOODLES, "noodles")
    assert refused.value.code is Code.MERCHANT_NOT_IN_CAMPAIGN
    assert refused.value.context == {"merchant_id": "noodles"}


@pytest.mark.parametrize("merchant", [None, replace(NOODLES, active=False)])
def test_a_merchant_that_is_not_or_no_longer_there_is_refused(merchant: Merchant | None) -> None:
    with pytest.raises(HuiminError) as refused:
        require_merchant(CAMPAIGN, merchant, "gone")
    assert refused.value.context == {"merchant_id": "gone"}
