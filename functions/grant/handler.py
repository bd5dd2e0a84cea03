"""The grant function: the bureau lists persons, approves the list, and has it carried out."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, TypeVar

from functions.grant.messages import (
    ApproveGrantBody,
    GrantAnswer,
    GrantBody,
    GrantList,
    GrantsQuery,
    GrantWithProgress,
    ListedPersons,
    PersonsBody,
    RowList,
    RowsQuery,
    RunAnswer,
    RunBody,
    grant_answer,
    grant_of,
    grant_with_progress,
    listed_persons,
    row_answer,
    run_answer,
)
from functions.grant.service import GrantService
from functions.shared.domain.errors import Code
from functions.shared.domain.keys import derive_keys
from functions.shared.edge.app import Answer, App, Request
from functions.shared.edge.settings import settings
from functions.shared.issuing.issuer import Issuer
from functions.shared.store.callers import platform_of_role
from functions.shared.store.campaigns import CampaignStore
from functions.shared.store.connection import Database
from functions.shared.store.grants import GrantStore
from functions.shared.store.secrets import fetch_secret
from functions.shared.store.stock import StockStore

EntryT = TypeVar("EntryT")


@cache
def _database() -> Database:
    return Database(settings().table_prefix)


@cache
def _service() -> GrantService:
    database = _database()
    return GrantService(
        CampaignStore(database),
        StockStore(database),
        GrantStore(database),
        Issuer.of(database),
        derive_keys(fetch_secret(settings().secret_id)),
    )


def forget() -> None:
    """Compose anew at the next call; for the local stack and tests."""
    _database.cache_clear()
    _service.cache_clear()
    app.platforms.forget()


app = App("grant", find_platform=lambda arn: platform_of_role(_database(), arn))


@app.operation("list_grants", query=GrantsQuery, gives={200: GrantList}, refuses=(Code.NOT_FOUND,))
def list_grants(request: Request[None, GrantsQuery]) -> Answer:
    """A campaign's grants by id, page by page / 定向发放列表。"""
    query = request.query
    found = _service().grants(request.path["campaign_id"], after=query.after, limit=query.limit + 1)
    page, more = _page(found, query.limit)
    following = page[-1].grant_id if more else None
    return Answer(200, GrantList(grants=[grant_answer(grant) for grant in page], after=following))


@app.operation(
    "put_grant",
    body=GrantBody,
    gives={200: GrantAnswer, 201: GrantAnswer},
    refuses=(
        Code.NOT_FOUND,
        Code.NOT_DISTRIBUTED_SO,
        Code.CAMPAIGN_STATE,
        Code.ROUND_CLOSED,
        Code.KEY_REUSED,
    ),
    versioned=False,
)
def put_grant(request: Request[GrantBody]) -> Answer:
    """Begins a list of persons who shall each have a voucher / 新建定向发放，待登记名单。"""
    grant = grant_of(
        request.body,
        campaign_id=request.path["campaign_id"],
        grant_id=request.path["grant_id"],
        made_by=request.caller.person,
        now=request.now,
    )
    stored, replayed = _service().make(grant, request.now)
    return Answer(200 if replayed else 201, grant_answer(stored), replayed)


@app.operation("get_grant", gives={200: GrantWithProgress}, refuses=(Code.NOT_FOUND,))
def get_grant(request: Request) -> Answer:
    """A grant, and how far it is / 查询定向发放及进度。"""
    grant, progress = _service().grant(request.path["campaign_id"], request.path["grant_id"])
    return Answer(200, grant_with_progress(grant, progress))


@app.operation(
    "add_grant_persons",
    body=PersonsBody,
    gives={200: ListedPersons},
    refuses=(Code.NOT_FOUND, Code.GRANT_STATE),
)
def add_grant_persons(request: Request[PersonsBody]) -> Answer:
    """Puts persons on the list, each once however often they are sent / 登记人员，重复只计一次。"""
    listed = _service().list_persons(
        request.path["campaign_id"],
        request.path["grant_id"],
        [person.identities() for person in request.body.persons],
    )
    return Answer(200, listed_persons(listed))


@app.operation(
    "approve_grant",
    body=ApproveGrantBody,
    gives={200: GrantAnswer},
    refuses=(
        Code.NOT_FOUND,
        Code.SAME_PERSON,
        Code.GRANT_STATE,
        Code.GRANT_CHANGED,
        Code.CAMPAIGN_STATE,
        Code.ROUND_CLOSED,
        Code.STOCK_INSUFFICIENT,
    ),
)
def approve_grant(request: Request[ApproveGrantBody]) -> Answer:
    """Approves the list that you saw; nothing is issued yet / 审批所见名单，尚未发放。"""
    grant = _service().approve(
        request.path["campaign_id"],
        request.path["grant_id"],
        rows=request.body.rows,
        approver=request.caller.person,
        now=request.now,
    )
    return Answer(200, grant_answer(grant))


@app.operation(
    "run_grant",
    body=RunBody,
    gives={200: RunAnswer},
    refuses=(
        Code.NOT_FOUND,
        Code.GRANT_STATE,
        Code.CAMPAIGN_STATE,
        Code.CAMPAIGN_NOT_RUNNING,
        Code.CAMPAIGN_PAUSED,
        Code.ROUND_NOT_OPEN,
        Code.ROUND_CLOSED,
    ),
)
def run_grant(request: Request[RunBody]) -> Answer:
    """Carries out some rows of an approved list; may be repeated / 发放部分名单，可重复执行。"""
    run = _service().carry_out(
        request.path["campaign_id"],
        request.path["grant_id"],
        part=request.body.part,
        after=request.body.after,
        limit=request.body.limit,
        now=request.now,
    )
    return Answer(200, run_answer(run))


@app.operation("list_grant_rows", query=RowsQuery, gives={200: RowList}, refuses=(Code.NOT_FOUND,))
def list_grant_rows(request: Request[None, RowsQuery]) -> Answer:
    """What became of the persons on a list, part by part / 名单逐行结果。"""
    query = request.query
    found = _service().rows(
        request.path["campaign_id"],
        request.path["grant_id"],
        part=query.part,
        after=query.after,
        limit=query.limit + 1,
    )
    page, more = _page(found, query.limit)
    following = page[-1].voucher_id if more else None
    return Answer(200, RowList(rows=[row_answer(row) for row in page], after=following))


def _page(found: Sequence[EntryT], limit: int) -> tuple[Sequence[EntryT], bool]:
    """A page, from one entry more than it has where there are more."""
    return found[:limit], len(found) > limit


def handle(event: dict[str, Any], context: object) -> dict[str, Any]:
    """The Lambda entry point."""
    return app.handle(event, context)
