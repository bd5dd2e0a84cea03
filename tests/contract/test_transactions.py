"""What the store relies on of TransactWriteItems, and what two at once make of one voucher."""

from __future__ import annotations

from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError

from functions.issue.service import Claimed
from functions.redeem.service import RedeemService, RedemptionRequest
from functions.shared.domain.errors import Code, HuiminError
from functions.shared.domain.vouchers import Voucher
from functions.shared.store.tables import StockItem
from functions.shared.store.transaction import Cancelled
from tests.contract.conftest import MakeSite
from tests.contract.site import MERCHANT, NOW, Site, Stocked, at_once
from tests.support.campaigns import REDUCTION, UNIONPAY


@pytest.fixture
def site(make_site: MakeSite) -> Site:
    """Thirty units in three shards."""
    return make_site({REDUCTION: Stocked(30, 3)}, limits=[{"scope": "CAMPAIGN", "max_count": 20}])


def draw(site: Site, token: str, units: int = 1) -> None:
    """Takes units of the first shard by a bare call, under that token."""
    item: dict[str, Any] = {
        "TableName": StockItem.Meta.table_name,
        "Key": {"shard_id": {"S": site.pool().shard_id(0)}},
        "UpdateExpression": "SET available = available - :units",
        "ExpressionAttributeValues": {":units": {"N": str(units)}},
    }
    site.database.client.transact_write_items(
        TransactItems=[{"Update": item}], ClientRequestToken=token
    )


def test_a_token_sent_again_with_the_same_content_writes_once(site: Site) -> None:
    token = str(uuid4())
    for _ in range(3):
        draw(site, token)
    assert site.left() == 29
    draw(site, str(uuid4()))
    assert site.left() == 28


def test_a_token_sent_again_with_other_content_is_refused_and_writes_nothing(site: Site) -> None:
    token = str(uuid4())
    draw(site, token)
    with pytest.raises(ClientError) as refused:
        draw(site, token, units=2)
    code = refused.value.response.get("Error", {}).get("Code")
    assert code == "IdempotentParameterMismatchException"
    assert site.left() == 29


def test_reasons_come_in_the_order_sent_each_with_its_item_as_it_was(site: Site) -> None:
    """Checks, puts, updates; what was met is named by label, and nothing is written."""
    pool = site.pool()
    transaction = site.database.transaction("sample")
    transaction.update(
        "drained",
        StockItem(pool.shard_id(0)),
        [StockItem.available.add(-11)],
        StockItem.available >= 11,
    )
    transaction.update(
        "absent", StockItem("none"), [StockItem.available.add(1)], StockItem.shard_id.exists()
    )
    transaction.check("open", StockItem, pool.shard_id(2), condition=StockItem.state == "OPEN")
    transaction.put(
        "taken",
        StockItem(
            pool.shard_id(1), state="OPEN", allocated=1, available=1, issued=0, lapsed_fen=0,
            unit_reserve_fen=1,
        ),
        StockItem.shard_id.does_not_exist(),
    )  # fmt: skip
    with pytest.raises(Cancelled) as cancelled:
        transaction.commit()
    found = cancelled.value
    assert set(found.reasons) == {"drained", "absent", "taken"}
    assert all(found.failed(label) for label in found.reasons)
    drained, taken = (found.old(label, StockItem) for label in ("drained", "taken"))
    assert drained is not None
    assert taken is not None
    assert (drained.shard_id, drained.available) == (pool.shard_id(0), 10)
    assert taken.shard_id == pool.shard_id(1)
    assert found.old("absent", StockItem) is None
    assert site.left() == 30


def claimed(site: Site, number: int) -> Voucher:
    """A voucher of the first person."""
    answer = site.process(number).claim(f"n{number}", 1)
    assert isinstance(answer, Claimed)
    return answer.vouchers[0]


def redeemed(till: RedeemService, voucher: Voucher, order_no: str) -> str:
    """What the platform hears: a redemption's id, or a refusal's code."""
    request = RedemptionRequest(
        platform_id=UNIONPAY,
        voucher_id=voucher.voucher_id,
        order_no=order_no,
        merchant_id=MERCHANT,
        order_fen=20_000,
        merchant_discount_fen=0,
        platform_discount_fen=0,
    )
    while True:
        try:
            return till.redeem_voucher(request, NOW)[0].redemption_id
        except HuiminError as refusal:
            if refusal.code is not Code.BUSY:
                return str(refusal.code)


def test_a_voucher_redeemed_for_eight_orders_at_once_is_redeemed_for_one(site: Site) -> None:
    voucher = claimed(site, 1)
    found = at_once([partial(redeemed, site.till(), voucher, f"o{n}") for n in range(8)])
    assert found.count("VOUCHER_NOT_REDEEMABLE") == 7
    site.require_sound()


def test_an_order_redeemed_with_eight_vouchers_at_once_uses_one(site: Site) -> None:
    vouchers = [claimed(site, number) for number in range(8)]
    found = at_once([partial(redeemed, site.till(), voucher, "o1") for voucher in vouchers])
    assert found.count("ORDER_ALREADY_USED") == 7
    site.require_sound()


def test_an_order_redeemed_eight_times_at_once_is_one_redemption(site: Site) -> None:
    voucher = claimed(site, 1)
    assert len(set(at_once([partial(redeemed, site.till(), voucher, "o1")] * 8))) == 1
    site.require_sound()
