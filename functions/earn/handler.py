"""The earn function: orders earn vouchers, and refunds of plain orders take them back."""

from __future__ import annotations

from functools import cache
from typing import Any

from functions.earn.messages import (
    EarnedVoucher,
    EarningAnswer,
    EarningBody,
    EarningRefundAnswer,
    EarningRefundBody,
    earned_answer,
    earning_answer,
    plain_refund_of,
    purchase_of,
    refund_answer,
)
from functions.earn.service import EarnService, EarnStores
from functions.shared.domain.errors import Code
from functions.shared.domain.keys import derive_keys
from functions.shared.edge.app import Answer, App, Request
from functions.shared.edge.settings import settings
from functions.shared.issuing.issuer import Issuer
from functions.shared.issuing.offers import Offers
from functions.shared.store.callers import platform_of_role
from functions.shared.store.campaigns import CampaignStore
from functions.shared.store.connection import Database
from functions.shared.store.earnings import EarningStore
from functions.shared.store.ledger import LedgerStore
from functions.shared.store.registry import RegistryStore
from functions.shared.store.secrets import fetch_secret
from functions.shared.store.stock import StockStore
from functions.shared.store.vouchers import VoucherStore


@cache
def _database() -> Database:
    return Database(settings().table_prefix)


@cache
def _service() -> EarnService:
    database = _database()
    stores = EarnStores(
        VoucherStore(database),
        LedgerStore(database),
        RegistryStore(database),
        EarningStore(database),
    )
    return EarnService(
        Offers(CampaignStore(database), StockStore(database)),
        stores,
        Issuer.of(database),
        derive_keys(fetch_secret(settings().secret_id)),
    )


def forget() -> None:
    """Compose anew at the next call; for the local stack and tests."""
    _database.cache_clear()
    _service.cache_clear()
    app.platforms.forget()


app = App("earn", find_platform=lambda arn: platform_of_role(_database(), arn))


@app.operation(
    "earn_voucher",
    body=EarningBody,
    gives={201: EarnedVoucher, 200: EarnedVoucher},
    refuses=(
        Code.NOT_FOUND,
        Code.CAMPAIGN_NOT_RUNNING,
        Code.CAMPAIGN_PAUSED,
        Code.ROUND_NOT_OPEN,
        Code.ROUND_CLOSED,
        Code.NOT_ELIGIBLE,
        Code.NOT_DISTRIBUTED_SO,
        Code.MERCHANT_NOT_IN_CAMPAIGN,
        Code.BELOW_THRESHOLD,
        Code.ORDER_AMOUNTS_INVALID,
        Code.ORDER_ALREADY_USED,
        Code.SOLD_OUT,
        Code.PERSON_LIMIT_REACHED,
    ),
    number="order_no",
)
def earn_voucher(request: Request[EarningBody]) -> Answer:
    """An order earns its person a voucher, once / 订单达到金额，消费送券，每单一次。"""
    earned = _service().earn_voucher(purchase_of(request.body, request.platform_id), request.now)
    return Answer(200 if earned.replayed else 201, earned_answer(earned), earned.replayed)


@app.operation("get_earning", gives={200: EarningAnswer}, refuses=(Code.NOT_FOUND,))
def get_earning(request: Request) -> Answer:
    """What earned a voucher, and what became of it / 查询消费送券的订单、退款与券。"""
    earning, refunds, voucher = _service().get_earning(
        request.platform_id, request.path["voucher_id"]
    )
    return Answer(200, earning_answer(earning, refunds, voucher, request.now))


@app.operation(
    "refund_earning",
    body=EarningRefundBody,
    gives={201: EarningRefundAnswer, 200: EarningRefundAnswer},
    refuses=(
        Code.NOT_FOUND,
        Code.EARNED_BY_REDEMPTION,
        Code.REFUND_EXCEEDS_REDEMPTION,
        Code.CAMPAIGN_CLOSING,
        Code.REFUND_WINDOW_CLOSED,
    ),
    number="refund_no",
)
def refund_earning(request: Request[EarningRefundBody]) -> Answer:
    """A plain order that earned a voucher is refunded / 获券订单（未用券）退款。"""
    refund, replayed = _service().refund_earning(
        plain_refund_of(request.body, request.platform_id, request.path["voucher_id"]), request.now
    )
    return Answer(200 if replayed else 201, refund_answer(refund), replayed)


def handle(event: dict[str, Any], context: object) -> dict[str, Any]:
    """The Lambda entry point."""
    return app.handle(event, context)
