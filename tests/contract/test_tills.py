"""Vouchers at sixteen tills at once: used once, refunded once, and either used or ended."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

import pytest

from functions.campaign.vouchers import VoucherDesk
from functions.issue.service import Claimed
from functions.redeem.service import RedeemService, RedemptionRequest, RefundRequest
from functions.shared.domain.errors import Code, HuiminError
from functions.shared.domain.vouchers import Voucher, VoucherState
from functions.shared.store.refusals import RefusalStore
from tests.contract.conftest import MakeSite
from tests.contract.site import MERCHANT, NOW, Site, Stocked, at_once
from tests.support.campaigns import REDUCTION, UNIONPAY

TILLS = 16
ORDER_FEN = 20_000


@pytest.fixture
def site(make_site: MakeSite) -> Site:
    """Sixty units in three shards, any number of them for one person."""
    return make_site({REDUCTION: Stocked(60, 3)}, limits=[{"scope": "CAMPAIGN", "max_count": 60}])


def claimed(site: Site, number: int) -> Voucher:
    """A voucher of the first person."""
    answer = site.process(number).claim(f"n{number}", 1)
    assert isinstance(answer, Claimed)
    return answer.vouchers[0]


def heard(act: Callable[[], str]) -> str:
    """What a platform hears in the end: it tries again as long as it hears BUSY."""
    while True:
        try:
            return act()
        except HuiminError as refusal:
            if refusal.code is not Code.BUSY:
                return str(refusal.code)


def redeemed(till: RedeemService, voucher: Voucher, order_no: str, now: datetime = NOW) -> str:
    """A redemption's id, or a refusal's code."""
    request = RedemptionRequest(
        platform_id=UNIONPAY,
        voucher_id=voucher.voucher_id,
        order_no=order_no,
        merchant_id=MERCHANT,
        order_fen=ORDER_FEN,
        merchant_discount_fen=0,
        platform_discount_fen=0,
    )
    return heard(lambda: till.redeem_voucher(request, now)[0].redemption_id)


def refunded(till: RedeemService, redemption_id: str, refund_no: str, fen: int) -> str:
    """DONE, or a refusal's code."""

    def refund() -> str:
        till.refund_redemption(RefundRequest(UNIONPAY, redemption_id, refund_no, fen), NOW)
        return "DONE"

    return heard(refund)


def test_a_voucher_redeemed_for_sixteen_orders_at_once_is_redeemed_for_one(site: Site) -> None:
    voucher = claimed(site, 1)
    found = at_once([partial(redeemed, site.till(), voucher, f"o{n}") for n in range(TILLS)])
    assert found.count("VOUCHER_NOT_REDEEMABLE") == TILLS - 1
    site.require_sound()


def test_an_order_redeemed_with_sixteen_vouchers_at_once_uses_one(site: Site) -> None:
    vouchers = [claimed(site, number) for number in range(TILLS)]
    found = at_once([partial(redeemed, site.till(), voucher, "o1") for voucher in vouchers])
    assert found.count("ORDER_ALREADY_USED") == TILLS - 1
    site.require_sound()


def test_an_order_redeemed_sixteen_times_at_once_is_one_redemption(site: Site) -> None:
    voucher = claimed(site, 1)
    assert len(set(at_once([partial(redeemed, site.till(), voucher, "o1")] * TILLS))) == 1
    site.require_sound()


def test_a_voucher_held_for_sixteen_orders_at_once_is_held_for_one(site: Site) -> None:
    """And only that order redeems it."""
    voucher = claimed(site, 1)

    def hold(till: RedeemService, order_no: str) -> str:
        return heard(lambda: str(till.hold_voucher(UNIONPAY, voucher.voucher_id, order_no, NOW)[0]))

    found = at_once([partial(hold, site.till(), f"o{n}") for n in range(TILLS)])
    assert found.count("VOUCHER_HELD") == TILLS - 1
    orders = at_once([partial(redeemed, site.till(), voucher, f"o{n}") for n in range(TILLS)])
    assert sum(answer.startswith("r_") for answer in orders) == 1
    site.require_sound()


def test_sixteen_refunds_of_a_tenth_at_once_are_ten(site: Site) -> None:
    """Never more than was redeemed, to the fen; and the ten together are all of it."""
    redemption_id = redeemed(site.till(), claimed(site, 1), "o1")
    found = at_once(
        [
            partial(refunded, site.till(), redemption_id, f"f{n}", ORDER_FEN // 10)
            for n in range(TILLS)
        ]
    )
    assert Counter(found) == {"DONE": 10, "REFUND_EXCEEDS_REDEMPTION": TILLS - 10}
    redemption, refunds = site.till().get_redemption(UNIONPAY, redemption_id)
    assert len(refunds) == 10
    assert redemption.refunded.refunded_fen == ORDER_FEN
    assert redemption.refunded.voucher_fen == redemption.amounts.voucher_fen
    site.require_sound()


def test_a_refund_sent_sixteen_times_at_once_is_one_refund(site: Site) -> None:
    redemption_id = redeemed(site.till(), claimed(site, 1), "o1")
    acts = [partial(refunded, site.till(), redemption_id, "f1", 1_000) for _ in range(TILLS)]
    assert set(at_once(acts)) == {"DONE"}
    assert len(site.till().get_redemption(UNIONPAY, redemption_id)[1]) == 1
    site.require_sound()


def test_a_voucher_is_either_redeemed_at_the_last_moment_or_expired(site: Site) -> None:
    """Tills whose clocks stand just before the end, and a sweep whose clock stands at it."""
    vouchers = [claimed(site, number) for number in range(40)]
    ends_at = vouchers[0].valid_until
    last = ends_at - timedelta(milliseconds=1)

    def redeem(start: int) -> list[str]:
        till = site.till()
        turn = vouchers[start:] + vouchers[:start]
        return [redeemed(till, voucher, f"o-{voucher.voucher_id}", last) for voucher in turn]

    def end(voucher: Voucher) -> str:
        return str(site.vouchers.expire(voucher.shard_id, [voucher], now=ends_at))

    def expire(start: int) -> list[str]:
        turn = (vouchers[start:] + vouchers[:start])[::-1]
        return [heard(partial(end, voucher)) for voucher in turn]

    acts: list[Callable[[], list[str]]] = [partial(redeem, 10 * n) for n in range(4)]
    acts += [partial(expire, 10 * n) for n in range(4)]
    at_once(acts)
    states = Counter(v.state for v in site.vouchers.many([v.voucher_id for v in vouchers]))
    assert set(states) <= {VoucherState.REDEEMED, VoucherState.EXPIRED}
    assert sum(states.values()) == len(vouchers)
    site.require_sound()


def test_a_voucher_is_either_redeemed_or_voided(site: Site) -> None:
    vouchers = [claimed(site, number) for number in range(40)]
    desk = VoucherDesk(site.vouchers, RefusalStore(site.database))

    def redeem() -> list[str]:
        till = site.till()
        return [redeemed(till, voucher, f"o-{voucher.voucher_id}") for voucher in vouchers]

    def end(voucher: Voucher, void_no: str) -> str:
        return str(desk.void(voucher.voucher_id, void_no=void_no, now=NOW)[0].state)

    def void(number: int) -> list[str]:
        return [heard(partial(end, voucher, f"v{number}")) for voucher in vouchers[::-1]]

    acts: list[Callable[[], list[str]]] = [partial(void, number) for number in range(3)]
    answers = at_once([redeem, *acts])
    states = {v.voucher_id: v.state for v in site.vouchers.many([v.voucher_id for v in vouchers])}
    assert set(states.values()) <= {VoucherState.REDEEMED, VoucherState.VOIDED}
    used = sum(answer.startswith("r_") for answer in answers[0])
    assert used == sum(state is VoucherState.REDEEMED for state in states.values())
    voided = sum(answer == "VOIDED" for found in answers[1:] for answer in found)
    assert voided == len(vouchers) - used
    site.require_sound()
