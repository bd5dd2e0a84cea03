"""The issue function: POST /v1/claims."""

from __future__ import annotations

from functools import cache
from typing import Any

from functions.issue.messages import ClaimAnswer, ClaimBody, claim_answer, claim_of
from functions.issue.service import ClaimService
from functions.shared.domain.errors import Code
from functions.shared.domain.keys import derive_keys
from functions.shared.edge.app import Answer, App, Request
from functions.shared.edge.settings import settings
from functions.shared.issuing.issuer import Issuer
from functions.shared.issuing.offers import Offers
from functions.shared.store.callers import platform_of_role
from functions.shared.store.campaigns import CampaignStore
from functions.shared.store.connection import Database
from functions.shared.store.secrets import fetch_secret
from functions.shared.store.stock import StockStore
from functions.shared.store.vouchers import VoucherStore


@cache
def _database() -> Database:
    return Database(settings().table_prefix)


@cache
def _service() -> ClaimService:
    database = _database()
    return ClaimService(
        Offers(CampaignStore(database), StockStore(database)),
        VoucherStore(database),
        Issuer.of(database),
        derive_keys(fetch_secret(settings().secret_id)),
    )


def forget() -> None:
    """Compose anew at the next call; for the local stack and tests."""
    _database.cache_clear()
    _service.cache_clear()
    app.platforms.forget()


app = App("issue", find_platform=lambda arn: platform_of_role(_database(), arn))


@app.operation(
    "claim_voucher",
    body=ClaimBody,
    gives={201: ClaimAnswer, 200: ClaimAnswer},
    refuses=(
        Code.NOT_FOUND,
        Code.CAMPAIGN_NOT_RUNNING,
        Code.CAMPAIGN_PAUSED,
        Code.ROUND_NOT_OPEN,
        Code.ROUND_CLOSED,
        Code.NOT_ELIGIBLE,
        Code.NOT_DISTRIBUTED_SO,
        Code.SOLD_OUT,
        Code.PERSON_LIMIT_REACHED,
    ),
    number="request_no",
)
def claim_voucher(request: Request[ClaimBody]) -> Answer:
    """Claims a voucher, or a pack of them, of a round for a person / 领取一张消费券或一个券包。"""
    claimed = _service().claim_voucher(claim_of(request.body, request.platform_id), request.now)
    return Answer(200 if claimed.replayed else 201, claim_answer(claimed), claimed.replayed)


def handle(event: dict[str, Any], context: object) -> dict[str, Any]:
    """The Lambda entry point."""
    return app.handle(event, context)
