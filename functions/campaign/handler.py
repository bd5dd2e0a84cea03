"""The campaign function: the bureau's plane, and campaigns as platforms see them."""

from __future__ import annotations

from functools import cache
from typing import Any

from functions.campaign.messages import (
    CampaignAdminAnswer,
    CampaignAnswer,
    CampaignList,
    MerchantAnswer,
    MerchantBody,
    PauseBody,
    PlatformAnswer,
    PlatformBody,
    VoidBody,
    VoucherAdminAnswer,
    campaign_admin_answer,
    campaign_answer,
    campaign_list,
    merchant_answer,
    platform_answer,
    voucher_admin_answer,
)
from functions.campaign.service import CampaignService
from functions.campaign.stock import PoolService
from functions.campaign.stock_messages import (
    PoolList,
    StockChangeAnswer,
    StockChangeBody,
    StockChangeList,
    StockChangesQuery,
    pool_list,
    stock_change_answer,
    stock_change_of,
)
from functions.campaign.vouchers import VoucherDesk
from functions.shared.domain.errors import Code
from functions.shared.domain.registry import Merchant, Platform
from functions.shared.edge import telemetry
from functions.shared.edge.app import Answer, App, Request
from functions.shared.edge.campaign_document import CampaignDocument
from functions.shared.edge.settings import settings
from functions.shared.store.callers import platform_of_role
from functions.shared.store.campaigns import CampaignStore
from functions.shared.store.connection import Database
from functions.shared.store.refusals import RefusalStore
from functions.shared.store.registry import RegistryStore
from functions.shared.store.stock import StockStore
from functions.shared.store.stock_changes import StockChangeStore
from functions.shared.store.vouchers import VoucherStore


@cache
def _database() -> Database:
    return Database(settings().table_prefix)


@cache
def _service() -> CampaignService:
    database = _database()
    return CampaignService(
        CampaignStore(database),
        StockStore(database),
        RegistryStore(database),
        bureau_roles=frozenset(settings().bureau_roles),
    )


@cache
def _pools() -> PoolService:
    database = _database()
    return PoolService(CampaignStore(database), StockStore(database), StockChangeStore(database))


@cache
def _desk() -> VoucherDesk:
    return VoucherDesk(VoucherStore(_database()), RefusalStore(_database()))


def forget() -> None:
    """Compose anew at the next call; for the local stack and tests."""
    _database.cache_clear()
    _service.cache_clear()
    _pools.cache_clear()
    _desk.cache_clear()
    app.platforms.forget()


_CHANGE_REFUSALS = (
    Code.NOT_FOUND,
    Code.KEY_REUSED,
    Code.CAMPAIGN_STATE,
    Code.ROUND_CLOSED,
    Code.STOCK_CHANGED,
    Code.STOCK_INSUFFICIENT,
    Code.FUNDS_INSUFFICIENT,
)

app = App("campaign", find_platform=lambda arn: platform_of_role(_database(), arn))


@app.operation("list_campaigns", gives={200: CampaignList})
def list_campaigns(request: Request) -> Answer:
    """The campaigns open to you / 贵平台可参与的活动。"""
    records = _service().open_campaigns(request.platform_id)
    return Answer(200, campaign_list(records, request.platform_id))


@app.operation("get_campaign", gives={200: CampaignAnswer}, refuses=(Code.NOT_FOUND,))
def get_campaign(request: Request) -> Answer:
    """A campaign's rounds, voucher types and stock left / 活动的轮次、券种与余量。"""
    record, lefts = _service().open_campaign(
        request.platform_id, request.path["campaign_id"], request.now
    )
    return Answer(200, campaign_answer(record, lefts, request.platform_id, request.now))


@app.operation(
    "put_campaign",
    body=CampaignDocument,
    gives={200: CampaignAdminAnswer, 201: CampaignAdminAnswer},
    refuses=(Code.CAMPAIGN_INVALID, Code.CAMPAIGN_STATE),
)
def put_campaign(request: Request[CampaignDocument]) -> Answer:
    """Makes a campaign's draft, or replaces it / 新建或修改活动草稿。"""
    record = _service().put_campaign(
        request.path["campaign_id"],
        request.document,
        expected_version=request.expected_version or None,
        made_by=request.caller.person,
        now=request.now,
    )
    status = 201 if record.version == 1 else 200
    return Answer(status, campaign_admin_answer(record), version=record.version)


@app.operation("get_campaign_admin", gives={200: CampaignAdminAnswer}, refuses=(Code.NOT_FOUND,))
def get_campaign_admin(request: Request) -> Answer:
    """A campaign's document, state and fund counters / 活动文档、状态与资金。"""
    record = _service().get_campaign(request.path["campaign_id"])
    return Answer(200, campaign_admin_answer(record), version=record.version)


@app.operation(
    "approve_campaign",
    gives={200: CampaignAdminAnswer},
    refuses=(Code.NOT_FOUND, Code.SAME_PERSON, Code.CAMPAIGN_STATE),
    versioned=True,
)
def approve_campaign(request: Request) -> Answer:
    """Approves the version you read, and funds its pools / 审批该版本并拨入券池。"""
    record = _service().approve_campaign(
        request.path["campaign_id"],
        version=request.expected_version,
        approver=request.caller.person,
        now=request.now,
    )
    return Answer(200, campaign_admin_answer(record), version=record.version)


@app.operation(
    "pause_campaign",
    body=PauseBody,
    gives={200: CampaignAdminAnswer},
    refuses=(Code.NOT_FOUND, Code.CAMPAIGN_STATE),
)
def pause_campaign(request: Request[PauseBody]) -> Answer:
    """Stops claims, holds and redemptions at once; refunds go on / 暂停发放与核销，退款照常。"""
    record = _service().pause_campaign(request.path["campaign_id"], request.now)
    telemetry.warning("campaign paused", by=request.caller.person, reason=request.body.reason)
    return Answer(200, campaign_admin_answer(record), version=record.version)


@app.operation(
    "resume_campaign",
    body=PauseBody,
    gives={200: CampaignAdminAnswer},
    refuses=(Code.NOT_FOUND, Code.CAMPAIGN_STATE),
)
def resume_campaign(request: Request[PauseBody]) -> Answer:
    """Opens a paused campaign again / 恢复已暂停的活动。"""
    record = _service().resume_campaign(request.path["campaign_id"], request.now)
    telemetry.warning("campaign resumed", by=request.caller.person, reason=request.body.reason)
    return Answer(200, campaign_admin_answer(record), version=record.version)


@app.operation("list_pools", gives={200: PoolList}, refuses=(Code.NOT_FOUND,))
def list_pools(request: Request) -> Answer:
    """A campaign's pools: planned units, and what became of them / 券池的计划与剩余数量。"""
    campaign_id = request.path["campaign_id"]
    return Answer(200, pool_list(campaign_id, _pools().levels(campaign_id), request.now))


@app.operation(
    "list_stock_changes",
    query=StockChangesQuery,
    gives={200: StockChangeList},
    refuses=(Code.NOT_FOUND,),
)
def list_stock_changes(request: Request[None, StockChangesQuery]) -> Answer:
    """A campaign's stock changes by id, page by page / 券量调整列表。"""
    query = request.query
    found = _pools().changes(request.path["campaign_id"], after=query.after, limit=query.limit + 1)
    page = found[: query.limit]
    following = page[-1].change_id if len(found) > len(page) else None
    return Answer(
        200, StockChangeList(changes=[stock_change_answer(c) for c in page], after=following)
    )


@app.operation(
    "put_stock_change",
    body=StockChangeBody,
    gives={200: StockChangeAnswer, 201: StockChangeAnswer},
    refuses=_CHANGE_REFUSALS,
    versioned=False,
)
def put_stock_change(request: Request[StockChangeBody]) -> Answer:
    """Proposes more or fewer units of a pool; nothing moves yet / 提出券量调整，待审批。"""
    change = stock_change_of(
        request.body,
        campaign_id=request.path["campaign_id"],
        change_id=request.path["change_id"],
        made_by=request.caller.person,
        now=request.now,
    )
    stored, replayed = _pools().propose(change, request.now)
    return Answer(200 if replayed else 201, stock_change_answer(stored), replayed)


@app.operation("get_stock_change", gives={200: StockChangeAnswer}, refuses=(Code.NOT_FOUND,))
def get_stock_change(request: Request) -> Answer:
    """A stock change, and how far it is / 查询券量调整及进度。"""
    change = _pools().change(request.path["campaign_id"], request.path["change_id"])
    return Answer(200, stock_change_answer(change))


@app.operation(
    "approve_stock_change",
    gives={200: StockChangeAnswer},
    refuses=(*_CHANGE_REFUSALS, Code.SAME_PERSON),
)
def approve_stock_change(request: Request) -> Answer:
    """Approves a stock change and carries it out / 审批并执行券量调整。"""
    change = _pools().approve(
        request.path["campaign_id"],
        request.path["change_id"],
        approver=request.caller.person,
        now=request.now,
    )
    return Answer(200, stock_change_answer(change))


@app.operation("get_voucher_admin", gives={200: VoucherAdminAnswer}, refuses=(Code.NOT_FOUND,))
def get_voucher_admin(request: Request) -> Answer:
    """A voucher's whole story, whichever platform's / 查询任一消费券的全部经过。"""
    voucher, refusal = _desk().story(request.path["voucher_id"])
    return Answer(200, voucher_admin_answer(voucher, refusal, request.now))


@app.operation(
    "void_voucher",
    body=VoidBody,
    gives={200: VoucherAdminAnswer},
    refuses=(Code.NOT_FOUND, Code.VOUCHER_EXPIRED, Code.VOUCHER_NOT_REDEEMABLE),
)
def void_voucher(request: Request[VoidBody]) -> Answer:
    """Makes an unused voucher void for good / 作废未使用的消费券。"""
    body = request.body
    desk, voucher_id = _desk(), request.path["voucher_id"]
    _, replayed = desk.void(voucher_id, void_no=body.void_no, now=request.now)
    voucher, refusal = desk.story(voucher_id)
    if not replayed:
        telemetry.warning(
            "voucher voided",
            by=request.caller.person,
            voucher_id=voucher.voucher_id,
            reason=body.reason,
        )
    return Answer(200, voucher_admin_answer(voucher, refusal, request.now), replayed)


@app.operation(
    "put_platform",
    body=PlatformBody,
    gives={200: PlatformAnswer, 201: PlatformAnswer},
    refuses=(Code.ROLE_TAKEN,),
)
def put_platform(request: Request[PlatformBody]) -> Answer:
    """Registers a platform and the role it signs with / 登记平台及其签名角色。"""
    platform = Platform(
        platform_id=request.path["platform_id"],
        version=0,
        made_by=request.caller.person,
        **dict(request.body),
    )
    stored = _service().put_platform(
        platform, expected_version=request.expected_version or None, now=request.now
    )
    status = 201 if stored.version == 1 else 200
    return Answer(status, platform_answer(stored), version=stored.version)


@app.operation("get_platform", gives={200: PlatformAnswer}, refuses=(Code.NOT_FOUND,))
def get_platform(request: Request) -> Answer:
    """A platform as registered / 查询平台登记信息。"""
    platform = _service().get_platform(request.path["platform_id"])
    return Answer(200, platform_answer(platform), version=platform.version)


@app.operation(
    "put_merchant",
    body=MerchantBody,
    gives={200: MerchantAnswer, 201: MerchantAnswer},
    refuses=(Code.MERCHANT_DATED,),
    versioned=False,
)
def put_merchant(request: Request[MerchantBody]) -> Answer:
    """Registers a merchant's facts from a date on; earlier facts stay / 登记商户自某日起的信息。"""
    merchant_id = request.path["merchant_id"]
    merchant = Merchant(
        merchant_id=merchant_id, made_by=request.caller.person, **dict(request.body)
    )
    is_new = _service().put_merchant(merchant, now=request.now)
    history = _service().get_merchant(merchant_id)
    return Answer(201 if is_new else 200, merchant_answer(merchant_id, history), not is_new)


@app.operation("get_merchant", gives={200: MerchantAnswer}, refuses=(Code.NOT_FOUND,))
def get_merchant(request: Request) -> Answer:
    """A merchant and all its dated facts / 查询商户及其历史信息。"""
    merchant_id = request.path["merchant_id"]
    return Answer(200, merchant_answer(merchant_id, _service().get_merchant(merchant_id)))


def handle(event: dict[str, Any], context: object) -> dict[str, Any]:
    """The Lambda entry point."""
    return app.handle(event, context)
