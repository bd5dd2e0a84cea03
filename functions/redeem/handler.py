"""The redeem function: vouchers, holds, redemptions and refunds."""

from __future__ import annotations

from functools import cache
from typing import Any

from functions.redeem.messages import (
    OrderBody,
    RedemptionAnswer,
    RedemptionBody,
    RedemptionWithRefunds,
    RefundAnswer,
    RefundBody,
    SearchBody,
    VoucherPage,
    redemption_answer,
    refund_answer,
    with_refunds,
)
from functions.redeem.service import (
    RedeemService,
    RedeemStores,
    RedemptionRequest,
    RefundRequest,
)
from functions.shared.domain.errors import Code
from functions.shared.domain.keys import Keys, derive_keys
from functions.shared.edge.app import Answer, App, Request
from functions.shared.edge.cursors import open_cursor, seal_cursor
from functions.shared.edge.messages import (
    VoucherAnswer,
    VoucherStory,
    voucher_answer,
    voucher_story,
)
from functions.shared.edge.settings import settings
from functions.shared.store.callers import platform_of_role
from functions.shared.store.campaigns import CampaignStore
from functions.shared.store.connection import Database
from functions.shared.store.ledger import LedgerStore
from functions.shared.store.refusals import RefusalStore
from functions.shared.store.registry import RegistryStore
from functions.shared.store.secrets import fetch_secret
from functions.shared.store.vouchers import VoucherStore

_USE = (
    Code.CAMPAIGN_PAUSED,
    Code.CAMPAIGN_NOT_RUNNING,
    Code.VOUCHER_EXPIRED,
    Code.VOUCHER_NOT_YET_VALID,
    Code.VOUCHER_NOT_AT_THIS_TIME,
    Code.VOUCHER_HELD,
    Code.VOUCHER_NOT_REDEEMABLE,
)


@cache
def _database() -> Database:
    return Database(settings().table_prefix)


@cache
def _keys() -> Keys:
    return derive_keys(fetch_secret(settings().secret_id))


@cache
def _service() -> RedeemService:
    database = _database()
    stores = RedeemStores(
        CampaignStore(database),
        VoucherStore(database),
        LedgerStore(database),
        RegistryStore(database),
        RefusalStore(database),
    )
    return RedeemService(stores, _keys())


def forget() -> None:
    """Compose anew at the next call; for the local stack and tests."""
    _database.cache_clear()
    _keys.cache_clear()
    _service.cache_clear()
    app.platforms.forget()


app = App("redeem", find_platform=lambda arn: platform_of_role(_database(), arn))


@app.operation("get_voucher", gives={200: VoucherStory}, refuses=(Code.NOT_FOUND,))
def get_voucher(request: Request) -> Answer:
    """A voucher's state, timeline and last refusal / 查询消费券状态、经过与最近一次拒绝。"""
    voucher, refusal = _service().voucher_story(request.platform_id, request.path["voucher_id"])
    return Answer(200, voucher_story(voucher, refusal, request.now))


@app.operation(
    "search_vouchers", body=SearchBody, gives={200: VoucherPage}, refuses=(Code.NOT_FOUND,)
)
def search_vouchers(request: Request[SearchBody]) -> Answer:
    """A person's vouchers in a campaign, page by page / 分页查询某人在活动中的消费券。"""
    body = request.body
    found = _service().search_vouchers(
        request.platform_id, body.campaign_id, body.person.identities(), request.now
    )
    start = _opened(request) if body.cursor else 0
    page = found[start : start + body.limit]
    more = start + len(page) < len(found)
    return Answer(
        200,
        VoucherPage(
            vouchers=[voucher_answer(voucher, request.now) for voucher in page],
            next_cursor=_sealed(request, start + len(page)) if more else None,
        ),
    )


@app.operation(
    "hold_voucher",
    body=OrderBody,
    gives={200: VoucherAnswer},
    refuses=(*_USE, Code.HOLDS_EXHAUSTED),
    number="order_no",
)
def hold_voucher(request: Request[OrderBody]) -> Answer:
    """Reserves a voucher for an order while the consumer pays / 为订单预占消费券。"""
    voucher, replayed = _service().hold_voucher(
        request.platform_id, request.path["voucher_id"], request.body.order_no, request.now
    )
    return Answer(200, voucher_answer(voucher, request.now), replayed)


@app.operation(
    "release_voucher",
    body=OrderBody,
    gives={200: VoucherAnswer},
    refuses=(Code.VOUCHER_NOT_HELD,),
    number="order_no",
)
def release_voucher(request: Request[OrderBody]) -> Answer:
    """Gives a held voucher back / 释放预占。"""
    voucher, replayed = _service().release_voucher(
        request.platform_id, request.path["voucher_id"], request.body.order_no, request.now
    )
    return Answer(200, voucher_answer(voucher, request.now), replayed)


@app.operation(
    "redeem_voucher",
    body=RedemptionBody,
    gives={201: RedemptionAnswer, 200: RedemptionAnswer},
    refuses=(
        *_USE,
        Code.NOT_FOUND,
        Code.MERCHANT_NOT_IN_CAMPAIGN,
        Code.STACKING_NOT_ALLOWED,
        Code.BELOW_THRESHOLD,
        Code.ORDER_AMOUNTS_INVALID,
        Code.ORDER_ALREADY_USED,
        Code.PERSON_LIMIT_REACHED,
    ),
    number="order_no",
)
def redeem_voucher(request: Request[RedemptionBody]) -> Answer:
    """Redeems a voucher for an order / 核销消费券。"""
    asked = RedemptionRequest(platform_id=request.platform_id, **dict(request.body))
    redemption, replayed = _service().redeem_voucher(asked, request.now)
    return Answer(200 if replayed else 201, redemption_answer(redemption), replayed)


@app.operation("get_redemption", gives={200: RedemptionWithRefunds}, refuses=(Code.NOT_FOUND,))
def get_redemption(request: Request) -> Answer:
    """A redemption with its refunds / 查询核销及其退款。"""
    redemption, refunds = _service().get_redemption(
        request.platform_id, request.path["redemption_id"]
    )
    return Answer(200, with_refunds(redemption, refunds))


@app.operation(
    "refund_redemption",
    body=RefundBody,
    gives={201: RefundAnswer, 200: RefundAnswer},
    refuses=(
        Code.NOT_FOUND,
        Code.REFUND_EXCEEDS_REDEMPTION,
        Code.CAMPAIGN_CLOSING,
        Code.REFUND_WINDOW_CLOSED,
    ),
    number="refund_no",
)
def refund_redemption(request: Request[RefundBody]) -> Answer:
    """Refunds a part or the whole of a redemption / 全额或部分退款。

    Until the campaign's refund window ends, and late for 90 days once it is closed /
    退款窗口内受理；活动结项后 90 天内受理迟到退款。
    """
    asked = RefundRequest(
        platform_id=request.platform_id,
        redemption_id=request.path["redemption_id"],
        **dict(request.body),
    )
    refund, replayed = _service().refund_redemption(asked, request.now)
    return Answer(200 if replayed else 201, refund_answer(refund), replayed)


def handle(event: dict[str, Any], context: object) -> dict[str, Any]:
    """The Lambda entry point."""
    return app.handle(event, context)


def _sealed(request: Request[SearchBody], start: int) -> str:
    return seal_cursor(
        {"start": start},
        key=_keys().id_key,
        caller=request.platform_id,
        operation="search_vouchers",
        query=_query(request),
    )


def _opened(request: Request[SearchBody]) -> int:
    position = open_cursor(
        request.body.cursor or "",
        key=_keys().id_key,
        caller=request.platform_id,
        operation="search_vouchers",
        query=_query(request),
        place={"pointer": "/cursor"},
    )
    return int(position["start"])


def _query(request: Request[SearchBody]) -> str:
    """What the page depends on besides its start; signed with, never sent."""
    identities = sorted(request.body.person.identities().items())
    return f"{request.body.campaign_id} {identities}"
