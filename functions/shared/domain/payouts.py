"""Payouts: a platform's statements, confirmed, netted and paid.

    DRAFT ──the platform confirms, or its time runs out──> CONFIRMED ──its payout is paid──> PAID

    confirmed and in no payout yet, oldest first ──net > 0, or they are the last──> payout

A payout takes every statement from where the one before it ended up to the first that is not
confirmed. Where they come to nothing or less, nothing is drawn up and the next payout has them too:
a negative net carries forward. Only the last statements of a closed campaign, which has no next day
to carry to, are drawn up whatever the sign; what a platform then owes it pays back.

A statement's own amounts never change, and it is in one payout at most: payouts follow each other
without a gap and are numbered.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from typing import Final

from functions.shared.domain.business_time import (
    business_date,
    day_bounds,
    parse_rfc3339,
    to_rfc3339,
)
from functions.shared.domain.campaign import BankAccount, Campaign, Text
from functions.shared.domain.errors import Code, HuiminError
from functions.shared.domain.ids import content_hash
from functions.shared.domain.payments import Owed, reference_of
from functions.shared.domain.settlement import PayableSide, Statement

CONFIRM_WITHIN_DAYS: Final = 5
"""Where the campaign's document names no contract with the platform."""

MOST_STATEMENTS: Final = 400
"""Of one payout: what is confirmed beyond them is for the next one."""


class StatementState(StrEnum):
    """How far a statement has come."""

    DRAFT = "DRAFT"
    CONFIRMED = "CONFIRMED"
    PAID = "PAID"


class ConfirmedBy(StrEnum):
    """Why a statement counts as confirmed."""

    PLATFORM = "PLATFORM"
    TIMEOUT = "TIMEOUT"


@dataclass(frozen=True, slots=True)
class Confirmation:
    """Why a statement counts as confirmed, and since when."""

    by: ConfirmedBy
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoutLine:
    """A statement in a payout; `net_fen` is its fiscal net, negative where more came back."""

    business_on: date
    statement_id: str
    net_fen: int
    confirmed: Confirmation


@dataclass(frozen=True, slots=True, kw_only=True)
class Payout:
    """Consecutive confirmed statements of a platform, netted; drawn up once, never changed.

    Args:
        campaign_id: whose money it is.
        campaign_name: for people.
        platform_id: of whose statements.
        number: counts the platform's payouts in the campaign from 1.
        lines: the statements, oldest first.
        bureau_account: the campaign's holding account, or its source account where nothing was
            paid in beforehand.
        platform_account: by the contract.
        drawn_by: who drew it up.
        drawn_at: when.

    Raises:
        ValueError: there are no lines, too many, or they are not in order.

    """

    campaign_id: str
    campaign_name: Text
    platform_id: str
    number: int
    lines: tuple[PayoutLine, ...]
    bureau_account: BankAccount
    platform_account: BankAccount
    drawn_by: str
    drawn_at: datetime

    def __post_init__(self) -> None:
        if not 0 < len(self.lines) <= MOST_STATEMENTS:
            raise ValueError(f"a payout has 1 to {MOST_STATEMENTS} statements")
        if any(a.business_on >= b.business_on for a, b in pairwise(self.lines)):
            raise ValueError("statements stand by date, each once")

    @property
    def net_fen(self) -> int:
        """What the statements come to; negative where the platform owes."""
        return net_of(self.lines)

    @property
    def payable_side(self) -> PayableSide:
        """Who pays it."""
        if self.net_fen == 0:
            return PayableSide.NOBODY
        return PayableSide.BUREAU if self.net_fen > 0 else PayableSide.PLATFORM

    @property
    def reference(self) -> str:
        """Its name at the bank."""
        content = {"campaign_id": self.campaign_id, "platform_id": self.platform_id}
        return reference_of("S", self.number, content_hash(content | {"payout": self.number}))

    @property
    def owed(self) -> Owed:
        """What is to be paid, by whom to whom."""
        accounts = self.bureau_account, self.platform_account
        payer, payee = accounts if self.net_fen > 0 else reversed(accounts)
        return Owed(
            campaign_id=self.campaign_id,
            key=payout_key(self.platform_id, self.number),
            reference=self.reference,
            amount_fen=abs(self.net_fen),
            payer=payer,
            payee=payee,
        )


def payout_key(platform_id: str, number: int) -> str:
    """Its key among the campaign's statements, and the guard against a second one."""
    return f"PAYOUT#{platform_id}#{number:04d}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How a statement stands.

    Args:
        statement: as it was made.
        made_at: when.
        confirm_by: when it counts as confirmed without a word from the platform.
        confirmed: why and since when it counts as confirmed; None while it does not.
        payout: the number of the payout that it is in.
        is_paid: whether that is paid whole.

    """

    statement: Statement
    made_at: datetime
    confirm_by: datetime
    confirmed: Confirmation | None = None
    payout: int | None = None
    is_paid: bool = False

    @property
    def state(self) -> StatementState:
        """DRAFT, CONFIRMED or PAID."""
        if self.is_paid:
            return StatementState.PAID
        return StatementState.CONFIRMED if self.confirmed else StatementState.DRAFT


def standing_of(
    statement: Statement,
    made_at: datetime,
    *,
    campaign: Campaign,
    told_at: datetime | None,
    payouts: Mapping[str, int],
    paid: Mapping[int, bool],
    now: datetime,
) -> Standing:
    """How a statement stands now.

    Args:
        statement: as it was made.
        made_at: when.
        campaign: whose; names the contract.
        told_at: when the platform confirmed it; None where it has not.
        payouts: the number of the payout that a statement is in, by statement id.
        paid: whether a payout is paid whole, by number.
        now: the time to tell it for.

    """
    confirm_by = confirm_by_of(campaign, statement.platform_id, made_at)
    confirmed = None
    if told_at is not None and told_at < confirm_by:
        confirmed = Confirmation(ConfirmedBy.PLATFORM, told_at)
    elif confirm_by <= now:
        confirmed = Confirmation(ConfirmedBy.TIMEOUT, confirm_by)
    payout = payouts.get(statement.statement_id)
    return Standing(
        statement=statement,
        made_at=made_at,
        confirm_by=confirm_by,
        confirmed=confirmed,
        payout=payout,
        is_paid=payout is not None and paid[payout],
    )


def confirm_by_of(campaign: Campaign, platform_id: str, made_at: datetime) -> datetime:
    """The end of the last business date on which the platform may still answer."""
    contract = campaign.contract(platform_id)
    days = contract.confirm_within_days if contract else CONFIRM_WITHIN_DAYS
    return day_bounds(business_date(made_at) + timedelta(days=days))[1]


def payable(standings: Iterable[Standing], *, through: date | None) -> list[PayoutLine]:
    """The statements that the next payout takes: see the module's head.

    Args:
        standings: of one platform, oldest first.
        through: the date up to which all of the campaign's days are settled; None for none. A day
            that is not settled yet is waited for, so that no payout leaves it behind.

    """
    lines: list[PayoutLine] = []
    for standing in standings:
        statement, confirmed = standing.statement, standing.confirmed
        if standing.payout is not None:
            continue
        if through is None or confirmed is None or statement.business_on > through:
            break
        lines.append(
            PayoutLine(
                business_on=statement.business_on,
                statement_id=statement.statement_id,
                net_fen=statement.net.fiscal_fen,
                confirmed=replace(confirmed, at=_as_written(confirmed.at)),
            )
        )
    return lines[:MOST_STATEMENTS]


def net_of(lines: Iterable[PayoutLine]) -> int:
    """What statements come to, in fen; negative where the platform owes."""
    return sum(line.net_fen for line in lines)


def draw_payout(
    campaign: Campaign,
    platform_id: str,
    due: Sequence[PayoutLine],
    *,
    number: int,
    is_last: bool,
    by: str,
    now: datetime,
) -> Payout:
    """The next payout of a platform.

    Args:
        campaign: whose money it is.
        platform_id: whose statements.
        due: what `payable` gave.
        number: of the payout.
        is_last: whether no statement can come after these, so that nothing can be carried forward.
        by: who draws it up.
        now: when.

    Raises:
        HuiminError: CONTRACT_MISSING, where the document names no account of the platform;
            PAYOUT_NOT_DUE, where nothing is confirmed, or what is comes to nothing or less and can
            be carried forward.

    """
    contract = campaign.contract(platform_id)
    if contract is None:
        raise HuiminError(Code.CONTRACT_MISSING, platform_id=platform_id)
    net_fen = net_of(due)
    if not due or (net_fen <= 0 and not is_last):
        raise HuiminError(Code.PAYOUT_NOT_DUE, statements=len(due), net_fen=net_fen)
    return Payout(
        campaign_id=campaign.campaign_id,
        campaign_name=campaign.name,
        platform_id=platform_id,
        number=number,
        lines=tuple(due),
        bureau_account=campaign.holding_account or campaign.source_account,
        platform_account=contract.account,
        drawn_by=by,
        drawn_at=_as_written(now),
    )


def _as_written(at: datetime) -> datetime:
    """Cut to what is written down, so that what is read back is equal."""
    return parse_rfc3339(to_rfc3339(at))


def to_payload(payout: Payout) -> str:
    """The payout as canonical JSON, to be stored."""
    plain = asdict(payout) | {
        "drawn_at": to_rfc3339(payout.drawn_at),
        "lines": [
            [
                line.business_on.isoformat(),
                line.statement_id,
                line.net_fen,
                line.confirmed.by.value,
                to_rfc3339(line.confirmed.at),
            ]
            for line in payout.lines
        ],
    }
    return json.dumps(plain, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def from_payload(payload: str) -> Payout:
    """The payout that `to_payload` wrote."""
    plain = json.loads(payload)
    return Payout(
        **plain
        | {
            "campaign_name": Text(**plain["campaign_name"]),
            "bureau_account": BankAccount(**plain["bureau_account"]),
            "platform_account": BankAccount(**plain["platform_account"]),
            "drawn_at": parse_rfc3339(plain["drawn_at"]),
            "lines": tuple(
                PayoutLine(
                    business_on=date.fromisoformat(on),
                    statement_id=statement_id,
                    net_fen=net_fen,
                    confirmed=Confirmation(ConfirmedBy(by), parse_rfc3339(at)),
                )
                for on, statement_id, net_fen, by, at in plain["lines"]
            ),
        }
    )
