"""Orders that earn, at once: one voucher an order, and none that a refund has taken back."""

from __future__ import annotations

from functools import partial

import pytest

from functions.earn.service import EarnService, PlainRefund, Purchase
from functions.issue.service import Claimed
from functions.shared.domain.claims import PersonFacts
from functions.shared.domain.vouchers import VoucherState
from tests.contract.conftest import MakeSite
from tests.contract.site import MERCHANT, NOW, Site, Stocked, at_once, identities
from tests.contract.test_tills import heard, redeemed, refunded
from tests.support.campaigns import (
    CAMPAIGN_ID,
    DISCOUNT,
    REDUCTION,
    ROUND_1,
    UNIONPAY,
    campaign_document,
)

TILLS = 16
ORDER_FEN = 20_000


@pytest.fixture
def site(make_site: MakeSite) -> Site:
    """Sixty units that orders from 150 yuan earn, and sixty that are claimed."""
    types = campaign_document()["voucher_types"]
    types[0] |= {
        "distribution": "EARNED",
        "earned_by": {"threshold_fen": 15_000, "threshold_base": "ORDER"},
    }
    return make_site(
        {REDUCTION: Stocked(60, 3), DISCOUNT: Stocked(60, 3)},
        voucher_types=types,
        limits=[{"scope": "CAMPAIGN", "max_count": 60}],
    )


def earned(earner: EarnService, order_no: str) -> str:
    """The id of the voucher that the order earned, or a refusal's code."""
    purchase = Purchase(
        platform_id=UNIONPAY,
        campaign_id=CAMPAIGN_ID,
        round_id=ROUND_1,
        voucher_type_id=REDUCTION,
        order_no=order_no,
        merchant_id=MERCHANT,
        order_fen=ORDER_FEN,
        merchant_discount_fen=0,
        platform_discount_fen=0,
        identities=identities(1),
        facts=PersonFacts(real_name=True, located_in="110107"),
    )
    return heard(lambda: earner.earn_voucher(purchase, NOW).voucher.voucher_id)


def taken_back(earner: EarnService, voucher_id: str, refund_no: str, fen: int) -> str:
    """The voucher's state after the refund of its plain order, or a refusal's code."""
    refund = PlainRefund(UNIONPAY, voucher_id, refund_no, fen)
    return heard(lambda: earner.refund_earning(refund, NOW)[0].voucher_state.value)


def test_an_order_that_earns_sixteen_times_at_once_earns_one_voucher(site: Site) -> None:
    found = at_once([partial(earned, site.earner(n), "p1") for n in range(TILLS)])
    assert len(set(found)) == 1
    assert site.left() == 59
    site.require_sound()


def test_sixteen_refunds_of_a_tenth_take_the_voucher_back_once(site: Site) -> None:
    voucher_id = earned(site.earner(99), "p1")
    tenth = ORDER_FEN // 10
    found = at_once(
        [partial(taken_back, site.earner(n), voucher_id, f"f{n}", tenth) for n in range(TILLS)]
    )
    assert found.count("REFUND_EXCEEDS_REDEMPTION") == TILLS - 10
    # Two tenths leave enough; the third does not.
    assert found.count("ISSUED") == 2
    assert found.count("VOIDED") == 8
    site.require_sound()


def test_a_refund_at_the_moment_of_the_earning_leaves_no_voucher_that_nothing_earns(
    site: Site,
) -> None:
    for attempt in range(8):
        answer = site.process(attempt).claim(f"n{attempt}", 1, type_id=DISCOUNT)
        assert isinstance(answer, Claimed)
        order_no = f"o{attempt}"
        redemption_id = redeemed(site.till(), answer.vouchers[0], order_no)
        at_once(
            [
                partial(earned, site.earner(attempt), order_no),
                partial(refunded, site.till(), redemption_id, "f", 8_000),
            ]
        )
        site.require_sound()


def test_a_refund_at_the_moment_of_the_use_leaves_it_void_or_forfeited(site: Site) -> None:
    for attempt in range(8):
        voucher_id = earned(site.earner(attempt), f"p{attempt}")
        voucher = site.vouchers.get(voucher_id)
        assert voucher is not None
        at_once(
            [
                partial(taken_back, site.earner(attempt), voucher_id, "f", ORDER_FEN),
                partial(redeemed, site.till(), voucher, f"u{attempt}"),
            ]
        )
        stored = site.vouchers.get(voucher_id)
        assert stored is not None
        assert stored.is_forfeited
        assert stored.state in {VoucherState.VOIDED, VoucherState.REDEEMED}
        site.require_sound()
