"""What the bureau's operations on pools and stock changes take and give."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Self

from pydantic import Field, model_validator

from functions.campaign.stock import PoolLevel
from functions.shared.domain.funds import pool_key
from functions.shared.domain.stock_changes import StockChange
from functions.shared.edge.fields import (
    DEFAULT_PAGE,
    AnswerModel,
    Instant,
    Note,
    PageLimit,
    QueryModel,
    RequestModel,
    Slug,
    Units,
)
from functions.shared.edge.validation import refusal


class PoolAnswer(AnswerModel):
    """A pool: what is planned, and where its units and its money are."""

    round_id: Slug
    voucher_type_id: Slug
    platform_id: Slug
    state: Annotated[str, Field(description="OPEN or PAUSED / 状态")]
    unit_reserve_fen: Annotated[
        int, Field(ge=0, description="Set aside for each unit / 每张预留金额（分）")
    ]
    planned_units: Annotated[
        int,
        Field(ge=0, description="As the document says, and stock changes since / 计划数量"),
    ]
    allocated: Annotated[
        int,
        Field(ge=0, description="Put into the pool and not taken out / 已分配数量（含结转）"),
    ]
    available: Annotated[int, Field(ge=0, description="Left to claim / 剩余可领数量")]
    issued: Annotated[int, Field(ge=0, description="Issued / 已发放数量")]
    lapsed_fen: Annotated[int, Field(ge=0, description="Lapsed, not yet moved on / 已失效未划转")]
    pot_fen: Annotated[int, Field(ge=0, description="On its way / 在途金额")]
    stock_change: Annotated[
        Slug | None, Field(description="The stock change that is half done / 执行中的券量调整")
    ]


class PoolList(AnswerModel):
    """The pools of a campaign that have money, as last read."""

    campaign_id: Slug
    pools: list[PoolAnswer]
    read_at: Instant


class StockChangeBody(RequestModel):
    """More or fewer units of one pool, from the number that you saw."""

    round_id: Slug
    voucher_type_id: Slug
    platform_id: Slug
    units_before: Annotated[
        Units, Field(description="Planned units as you saw them / 所见的计划数量")
    ]
    units_after: Annotated[
        Units, Field(description="Planned units as they shall be / 调整后的计划数量")
    ]
    reason: Note

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if self.units_before == self.units_after:
            raise refusal(
                "units_after equals units_before; give another number",
                "units_after 与 units_before 相同，请填写不同的数量",
            )
        return self


class StockChangeAnswer(AnswerModel):
    """A stock change, and how far it is."""

    campaign_id: Slug
    change_id: Slug
    round_id: Slug
    voucher_type_id: Slug
    platform_id: Slug
    units_before: Units
    units_after: Units
    reason: Note
    state: Annotated[
        str,
        Field(
            description="PROPOSED, APPROVED (units are being taken out) or DONE / "
            "待审批、执行中或已完成"
        ),
    ]
    moved_units: Annotated[
        Units,
        Field(
            description="Units that came in or went out; fewer than were asked for where consumers "
            "were faster / 实际调整数量；若期间已被领取，可能少于申请数量"
        ),
    ]
    made_by: str
    made_at: Instant
    approved_by: str | None
    approved_at: Instant | None
    ended_at: Instant | None


class StockChangesQuery(QueryModel):
    """Which page of a campaign's stock changes."""

    limit: PageLimit = DEFAULT_PAGE
    after: Annotated[
        Slug | None,
        Field(description="`after` of the page before / 上一页返回的 after"),
    ] = None


class StockChangeList(AnswerModel):
    """Some stock changes by id; `after` is null on the last page."""

    changes: list[StockChangeAnswer]
    after: Slug | None


def pool_list(campaign_id: str, levels: list[PoolLevel], read_at: datetime) -> PoolList:
    """The pools for the bureau."""
    return PoolList(
        campaign_id=campaign_id,
        pools=[
            PoolAnswer(
                round_id=level.pool.round_id,
                voucher_type_id=level.pool.voucher_type_id,
                platform_id=level.pool.platform_id,
                state=level.pool.state.value,
                unit_reserve_fen=level.pool.unit_reserve_fen,
                planned_units=level.pool.planned_units,
                allocated=level.allocated,
                available=level.available,
                issued=level.issued,
                lapsed_fen=level.lapsed_fen,
                pot_fen=level.pool.pot_fen,
                stock_change=level.pool.change_id,
            )
            for level in levels
        ],
        read_at=read_at,
    )


def stock_change_of(
    body: StockChangeBody, *, campaign_id: str, change_id: str, made_by: str, now: datetime
) -> StockChange:
    """The change that a body proposes."""
    return StockChange(
        campaign_id=campaign_id,
        change_id=change_id,
        pool_key=pool_key(body.round_id, body.voucher_type_id, body.platform_id),
        units_before=body.units_before,
        units_after=body.units_after,
        reason=body.reason,
        made_by=made_by,
        made_at=now,
    )


def stock_change_answer(change: StockChange) -> StockChangeAnswer:
    """A stock change for the bureau."""
    round_id, voucher_type_id, platform_id = change.pool_key.split("/")
    return StockChangeAnswer(
        campaign_id=change.campaign_id,
        change_id=change.change_id,
        round_id=round_id,
        voucher_type_id=voucher_type_id,
        platform_id=platform_id,
        units_before=change.units_before,
        units_after=change.units_after,
        reason=change.reason,
        state=change.state.value,
        moved_units=change.moved_units,
        made_by=change.made_by,
        made_at=change.made_at,
        approved_by=change.approved_by,
        approved_at=change.approved_at,
        ended_at=change.ended_at,
    )
