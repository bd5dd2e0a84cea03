"""Where a campaign's vouchers may be redeemed."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from functions.shared.domain.registry import Merchant, SizeClass, takes_part
from tests.support.campaigns import campaign

MERCHANT = Merchant(
    merchant_id="noodles",
    effective_on=date(2026, 1, 1),
    name="示例餐厅",
    credit_code="92110186MA2197029B",
    industry="dining",
    size_class=SizeClass.MICRO.value,
    district="110107",
    active=True,
    made_by="li.na",
)


def test_an_active_merchant_of_the_campaigns_industries_takes_part() -> None:
    assert takes_part(MERCHANT, campaign())
    assert takes_part(MERCHANT, campaign(scope={"industries": ["retail", "dining"]}))


def test_an_unknown_a_closed_and_a_merchant_of_another_industry_do_not() -> None:
    assert not takes_part(None, campaign())
    assert not takes_part(replace(MERCHANT, active=False), campaign())
    assert not takes_part(MERCHANT, campaign(scope={"industries": ["retail"]}))


def test_an_industry_is_matched_whole() -> None:
    assert not takes_part(MERCHANT, campaign(scope={"industries": ["dining-out"]}))
    assert not takes_part(replace(MERCHANT, industry="din"), campaign())
