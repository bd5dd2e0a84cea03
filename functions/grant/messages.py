"""What the operations about grants take and give."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final

from pydantic import Field

from functions.grant.service import Listed, Run
from functions.shared.domain.grants import PARTS, Grant, GrantRow, Progress
from functions.shared.edge.fields import (
    DEFAULT_PAGE,
    AnswerModel,
    Instant,
    Note,
    PageLimit,
    QueryModel,
    RequestModel,
    Slug,
    VoucherId,
    small_number,
)
from functions.shared.edge.messages import PersonBody

PERSONS_PER_CALL: Final = 90
ROWS_PER_STEP: Final = 200

Part = Annotated[
    int,
    small_number(0, PARTS - 1),
    Field(
        ge=0,
        le=PARTS - 1,
        description=f"Part of the list, 0 to {PARTS - 1}; each person is in one / 名单分区",
        examples=[0],
    ),
]
After = Annotated[
    VoucherId | None,
    Field(description="`after` of the answer before; leave it out to begin / 上次返回的 after"),
]
Rows = Annotated[int, Field(ge=0, le=10_000_000, description="Persons / 人数", examples=[20_000])]


class GrantBody(RequestModel):
    """What every person on the list shall have, and why."""

    round_id: Slug
    voucher_type_id: Annotated[
        Slug, Field(description="A voucher type of distribution DIRECT / 定向发放的券种")
    ]
    platform_id: Annotated[
        Slug, Field(description="Where the vouchers will be redeemed / 用券平台")
    ]
    reason: Note


class GrantAnswer(AnswerModel):
    """A grant as it was made and approved."""

    campaign_id: Slug
    grant_id: Slug
    round_id: Slug
    voucher_type_id: Slug
    platform_id: Slug
    reason: Note
    state: Annotated[
        str,
        Field(description="LISTING (takes persons) or APPROVED / 登记中或已审批"),
    ]
    rows: Annotated[Rows, Field(description="Persons on the list / 名单人数")]
    made_by: str
    made_at: Instant
    approved_by: str | None
    approved_at: Instant | None


class ProgressAnswer(AnswerModel):
    """What became of the persons on a list."""

    granted: Annotated[Rows, Field(description="Vouchers issued / 已发放")]
    refused: Annotated[Rows, Field(description="Ended without a voucher / 未予发放")]
    left: Annotated[Rows, Field(description="Still to be decided / 待处理")]


class GrantWithProgress(GrantAnswer):
    """A grant, and how far it is."""

    progress: ProgressAnswer


class GrantsQuery(QueryModel):
    """Which page of a campaign's grants."""

    limit: PageLimit = DEFAULT_PAGE
    after: Annotated[
        Slug | None, Field(description="`after` of the page before / 上一页返回的 after")
    ] = None


class GrantList(AnswerModel):
    """Some grants by id; `after` is null on the last page."""

    grants: list[GrantAnswer]
    after: Slug | None


class PersonsBody(RequestModel):
    """Persons to list. Whoever is on the list already is not listed again."""

    persons: Annotated[list[PersonBody], Field(min_length=1, max_length=PERSONS_PER_CALL)]


class ListedPerson(AnswerModel):
    """A person on the list, by the voucher that the person will get."""

    voucher_id: VoucherId
    already_listed: Annotated[
        bool, Field(description="The list had the person before / 此前已在名单中")
    ]


class ListedPersons(AnswerModel):
    """One entry for each person that was sent, in that order."""

    persons: list[ListedPerson]


class ApproveGrantBody(RequestModel):
    """How many persons the approver saw on the list."""

    rows: Annotated[Rows, Field(ge=1)]


class RunBody(RequestModel):
    """Which rows to carry out in this step."""

    part: Part
    after: After = None
    limit: Annotated[
        int,
        Field(ge=1, le=ROWS_PER_STEP, description="Most rows to look at / 最多处理行数"),
    ] = 100


class RunAnswer(AnswerModel):
    """What the step did, and where to go on."""

    granted: Annotated[int, Field(ge=0, description="Vouchers issued / 本次发放")]
    refused: Annotated[int, Field(ge=0, description="Ended without a voucher / 本次未予发放")]
    stopped_by: Annotated[
        str | None,
        Field(
            description="Code that stopped the step before its rows were done; mend it and send "
            "the same part again / 使本次提前停止的原因代码，处理后可再次执行"
        ),
    ]
    after: Annotated[
        VoucherId | None,
        Field(description="Where to go on; null at the part's end / 下次起点，null 表示本分区结束"),
    ]


class RowsQuery(QueryModel):
    """Which rows of a list."""

    part: Part
    limit: PageLimit = DEFAULT_PAGE
    after: After = None


class RowAnswer(AnswerModel):
    """A person of a list, by the voucher's id, and what became of it."""

    voucher_id: VoucherId
    state: Annotated[str, Field(description="LISTED, GRANTED or REFUSED / 状态")]
    refusal: Annotated[str | None, Field(description="Code of a refusal / 未予发放的原因代码")]
    ended_at: Instant | None


class RowList(AnswerModel):
    """Some rows by id; `after` is null on the part's last page."""

    rows: list[RowAnswer]
    after: VoucherId | None


def grant_of(
    body: GrantBody, *, campaign_id: str, grant_id: str, made_by: str, now: datetime
) -> Grant:
    """The grant that a body asks for."""
    return Grant(
        campaign_id=campaign_id,
        grant_id=grant_id,
        round_id=body.round_id,
        voucher_type_id=body.voucher_type_id,
        platform_id=body.platform_id,
        reason=body.reason,
        made_by=made_by,
        made_at=now,
    )


def _facts(grant: Grant) -> dict[str, Any]:
    return {
        "campaign_id": grant.campaign_id,
        "grant_id": grant.grant_id,
        "round_id": grant.round_id,
        "voucher_type_id": grant.voucher_type_id,
        "platform_id": grant.platform_id,
        "reason": grant.reason,
        "state": grant.state.value,
        "rows": grant.rows,
        "made_by": grant.made_by,
        "made_at": grant.made_at,
        "approved_by": grant.approved_by,
        "approved_at": grant.approved_at,
    }


def grant_answer(grant: Grant) -> GrantAnswer:
    """A grant for the bureau."""
    return GrantAnswer(**_facts(grant))


def grant_with_progress(grant: Grant, progress: Progress) -> GrantWithProgress:
    """A grant for the bureau, and how far it is."""
    return GrantWithProgress(
        **_facts(grant),
        progress=ProgressAnswer(
            granted=progress.granted, refused=progress.refused, left=progress.left
        ),
    )


def listed_persons(listed: list[Listed]) -> ListedPersons:
    """The persons as they stand on the list."""
    return ListedPersons(
        persons=[
            ListedPerson(voucher_id=each.voucher_id, already_listed=each.already_listed)
            for each in listed
        ]
    )


def run_answer(run: Run) -> RunAnswer:
    """What a step did."""
    return RunAnswer(
        granted=run.granted,
        refused=run.refused,
        stopped_by=run.stopped_by.value if run.stopped_by else None,
        after=run.after,
    )


def row_answer(row: GrantRow) -> RowAnswer:
    """A row for the bureau: nothing in it names a person."""
    return RowAnswer(
        voucher_id=row.voucher_id,
        state=row.state.value,
        refusal=row.refusal.value if row.refusal else None,
        ended_at=row.ended_at,
    )
