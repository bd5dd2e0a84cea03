"""Grants: vouchers that the bureau gives to persons whom it names (定向发放).

    LISTING ──approve──> APPROVED      a person adds to the list; another approves exactly that list

Each row of the list is one person and at most one voucher, and ends once:

    LISTED ──> GRANTED                 the voucher is issued, in the same transaction
       └─────> REFUSED                 the person's limit was reached by then; the code says so

A row's id is its voucher's: made of the campaign, the grant and the person, so that a person who
is listed twice is one row, and a run that is repeated finds the voucher that it made. Where stock
or time is wanting a run stops and the rows stay LISTED: nothing is decided about them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from functions.shared.domain.errors import Code
from functions.shared.domain.funds import pool_key
from functions.shared.domain.ids import content_hash, keyed_token, segment_of

PARTS: Final = 16
"""A list lies in so many parts, by its rows' ids; parts are carried out beside each other."""

REFUSES_A_ROW: Final = frozenset({Code.PERSON_LIMIT_REACHED})
"""What ends a row, because it is about this person; anything else is about the run."""


class GrantState(StrEnum):
    """LISTING takes persons; APPROVED never changes again, and may be carried out."""

    LISTING = "LISTING"
    APPROVED = "APPROVED"


class RowState(StrEnum):
    """LISTED is still to be decided; the others are for ever."""

    LISTED = "LISTED"
    GRANTED = "GRANTED"
    REFUSED = "REFUSED"


@dataclass(frozen=True, slots=True)
class Grant:
    """A list of persons and what each shall have.

    Args:
        campaign_id: whose vouchers.
        grant_id: chosen by the maker; one content for ever.
        round_id: whose stock is drawn, while it is open.
        voucher_type_id: one of distribution DIRECT.
        platform_id: where the vouchers will be held and redeemed.
        reason: in the maker's words.
        made_by: who listed the persons.
        made_at: when it was begun.
        state: whether it may be carried out.
        rows: persons on the list.
        approved_by: who approved it; never the maker.
        approved_at: when.

    """

    campaign_id: str
    grant_id: str
    round_id: str
    voucher_type_id: str
    platform_id: str
    reason: str
    made_by: str
    made_at: datetime
    state: GrantState = GrantState.LISTING
    rows: int = 0
    approved_by: str | None = None
    approved_at: datetime | None = None

    @property
    def pool_key(self) -> str:
        """The pool whose units are granted."""
        return pool_key(self.round_id, self.voucher_type_id, self.platform_id)

    @property
    def content(self) -> tuple[str, ...]:
        """What the maker asked for; the same id with another content is refused."""
        return (self.pool_key, self.reason, self.made_by)


@dataclass(frozen=True, slots=True)
class GrantRow:
    """One person of a list.

    `voucher_id` is what the voucher is or would be called; `identity_refs` are the person's, the
    first of which names the person; `refusal` is the code of a REFUSED row.
    """

    voucher_id: str
    identity_refs: tuple[str, ...]
    state: RowState = RowState.LISTED
    refusal: Code | None = None
    ended_at: datetime | None = None

    @property
    def part(self) -> int:
        """The part of the list that the row lies in."""
        return segment_of(self.voucher_id, PARTS)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a list is: rows by what became of them."""

    rows: int
    granted: int
    refused: int

    @property
    def left(self) -> int:
        """Rows that are still to be decided."""
        return self.rows - self.granted - self.refused


def granted_voucher_id(campaign_id: str, grant_id: str, person_ref: str, *, key: bytes) -> str:
    """The id of the voucher that this grant gives this person; no claim makes the same."""
    return "v_" + keyed_token("granted voucher", campaign_id, grant_id, person_ref, key=key)


def granted_content(grant: Grant, identity_refs: Iterable[str]) -> str:
    """What a granted voucher's `content_hash` is: all that was asked for, and for whom."""
    return content_hash(
        {
            "campaign_id": grant.campaign_id,
            "grant_id": grant.grant_id,
            "pool": grant.pool_key,
            "refs": tuple(identity_refs),
        }
    )
