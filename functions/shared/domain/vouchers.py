"""A voucher: its states, what it is on its own clock, and what may be done to it.

    ISSUED ──hold──> HELD ──redeem──> REDEEMED ──whole refund──> ISSUED | VOIDED | EXPIRED
       │               └─release, or the hold lapses──> ISSUED
       ├──redeem──> REDEEMED
       └──valid_until passes──> EXPIRED        any unredeemed ──void──> VOIDED

Expiry and the lapse of a hold are conditions on time: they hold at once, whatever is stored, and
the sweep writes them down later. The checks here give the reason; the store's conditions enforce
the same rules again inside the transaction.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, NamedTuple

from functions.shared.domain.business_time import to_rfc3339
from functions.shared.domain.campaign import Round, VoucherType, validity_of
from functions.shared.domain.errors import Code, HuiminError
from functions.shared.domain.usage_times import UsageTimes

# A hold and its release each add a line to the voucher's timeline; an item must stay small.
TIMELINE_LIMIT = 64


class VoucherState(StrEnum):
    """Where a voucher is in its life."""

    ISSUED = "ISSUED"
    HELD = "HELD"
    REDEEMED = "REDEEMED"
    EXPIRED = "EXPIRED"
    VOIDED = "VOIDED"


UNUSED: Final = frozenset({VoucherState.ISSUED, VoucherState.HELD})
"""Money is set aside for it, and none was given yet."""


class VoucherEvent(StrEnum):
    """What a line of a voucher's timeline records."""

    CLAIMED = "CLAIMED"
    GRANTED = "GRANTED"
    EARNED = "EARNED"
    HELD = "HELD"
    RELEASED = "RELEASED"
    REDEEMED = "REDEEMED"
    REFUNDED = "REFUNDED"
    RESTORED = "RESTORED"
    EXPIRED = "EXPIRED"
    VOIDED = "VOIDED"
    TAKEN_BACK = "TAKEN_BACK"
    FORFEITED = "FORFEITED"


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """One thing that happened to a voucher, and the number of the order or refund it belongs to."""

    at: datetime
    event: VoucherEvent
    reference: str = ""


class Refusal(NamedTuple):
    """That a voucher was refused: when, why, at which operation, and for which order."""

    at: datetime
    code: Code
    operation: str
    order_no: str


@dataclass(frozen=True, slots=True)
class Voucher:
    """A voucher as stored.

    `reserve_fen` is the most it can cost the appropriation; `slack_fen` is what a redemption left
    of that and the sweep has not yet set free. `identity_refs` are all identities that count it.
    `is_forfeited` is an earned voucher whose order was refunded (`shared.domain.earnings`).
    """

    voucher_id: str
    campaign_id: str
    round_id: str
    voucher_type_id: str
    platform_id: str
    person_ref: str
    identity_refs: tuple[str, ...]
    shard_id: str
    request_no: str
    content_hash: str
    state: VoucherState
    issued_at: datetime
    valid_from: datetime
    valid_until: datetime
    reserve_fen: int
    slack_fen: int
    timeline: tuple[TimelineEntry, ...]
    order_no: str | None = None
    held_until: datetime | None = None
    redemption_id: str | None = None
    is_forfeited: bool = False

    def state_at(self, now: datetime) -> VoucherState:
        """The state that counts at that time, whether or not the sweep has written it."""
        if self.state in (VoucherState.ISSUED, VoucherState.HELD):
            if now >= self.valid_until:
                return VoucherState.EXPIRED
            if self.state is VoucherState.HELD and not self.is_held_at(now):
                return VoucherState.ISSUED
        return self.state

    def is_held_at(self, now: datetime) -> bool:
        """Whether a hold stands at that time."""
        return (
            self.state is VoucherState.HELD
            and self.held_until is not None
            and now < self.held_until
        )


def new_voucher(
    *,
    voucher_id: str,
    campaign_id: str,
    in_round: Round,
    voucher_type: VoucherType,
    platform_id: str,
    identity_refs: tuple[str, ...],
    request_no: str,
    content_hash: str,
    event: VoucherEvent,
    now: datetime,
) -> Voucher:
    """A voucher as it is issued now, but for the shard that its unit will be drawn from.

    Args:
        voucher_id: made by the caller, so that the same request makes the same one.
        campaign_id: whose.
        in_round: the round whose stock it is drawn from.
        voucher_type: gives the validity and the reserve.
        platform_id: who may redeem it.
        identity_refs: the person's, the first of which names the person.
        request_no: the number that it was asked for with.
        content_hash: of what was asked for.
        event: how it came to be.
        now: when.

    """
    valid_from, valid_until = validity_of(voucher_type, in_round, now)
    return Voucher(
        voucher_id=voucher_id,
        campaign_id=campaign_id,
        round_id=in_round.round_id,
        voucher_type_id=voucher_type.voucher_type_id,
        platform_id=platform_id,
        person_ref=identity_refs[0],
        identity_refs=identity_refs,
        shard_id="",
        request_no=request_no,
        content_hash=content_hash,
        state=VoucherState.ISSUED,
        issued_at=now,
        valid_from=valid_from,
        valid_until=valid_until,
        reserve_fen=voucher_type.unit_reserve_fen,
        slack_fen=0,
        timeline=(TimelineEntry(now, event, request_no),),
    )


def require_usable(voucher: Voucher, *, order_no: str, now: datetime) -> None:
    """Passes when the order may hold or redeem the voucher at that time.

    Raises:
        HuiminError: VOUCHER_EXPIRED, VOUCHER_NOT_YET_VALID, VOUCHER_HELD (for another order) or
            VOUCHER_NOT_REDEEMABLE (already redeemed, or voided).

    """
    state = voucher.state_at(now)
    if state is VoucherState.EXPIRED:
        raise HuiminError(Code.VOUCHER_EXPIRED, valid_until=to_rfc3339(voucher.valid_until))
    if state in (VoucherState.REDEEMED, VoucherState.VOIDED):
        raise HuiminError(Code.VOUCHER_NOT_REDEEMABLE, state=state.value)
    if now < voucher.valid_from:
        raise HuiminError(Code.VOUCHER_NOT_YET_VALID, valid_from=to_rfc3339(voucher.valid_from))
    if voucher.is_held_at(now) and voucher.order_no != order_no:
        held_until = to_rfc3339(voucher.held_until) if voucher.held_until else ""
        raise HuiminError(Code.VOUCHER_HELD, held_until=held_until)


def require_voidable(voucher: Voucher, now: datetime) -> None:
    """Passes while the voucher is unused and has not ended.

    Raises:
        HuiminError: VOUCHER_EXPIRED, or VOUCHER_NOT_REDEEMABLE (redeemed, or void already).

    """
    state = voucher.state_at(now)
    if state is VoucherState.EXPIRED:
        raise HuiminError(Code.VOUCHER_EXPIRED, valid_until=to_rfc3339(voucher.valid_until))
    if state in (VoucherState.REDEEMED, VoucherState.VOIDED):
        raise HuiminError(Code.VOUCHER_NOT_REDEEMABLE, state=state.value)


def require_usable_at(voucher: Voucher, times: UsageTimes, now: datetime) -> None:
    """Passes on the weekdays and at the hours that its type names.

    Raises:
        HuiminError: VOUCHER_NOT_AT_THIS_TIME, with the next such time where it is still valid then.

    """
    if times.include(now):
        return
    usable_at = times.next_from(now)
    if usable_at >= voucher.valid_until:
        raise HuiminError(Code.VOUCHER_NOT_AT_THIS_TIME)
    raise HuiminError(Code.VOUCHER_NOT_AT_THIS_TIME, usable_at=to_rfc3339(usable_at))
