"""The return of a campaign's unspent money to the account it came from.

    run 1       the closing: all that is left
    run 2, 3 …  supplementary: what late refunds have brought back since

A return is decided once, in the transaction that takes the money out, and stored as it was
decided; its files are written from what is stored, so that every run writes the same bytes. It
takes what settlements up to a date leave of the appropriation, so that anybody can count it again.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import date, datetime

from functions.shared.domain.business_time import business_date, parse_rfc3339, to_rfc3339
from functions.shared.domain.campaign import BankAccount, Campaign, Text
from functions.shared.domain.funds import Funds
from functions.shared.domain.ids import content_hash
from functions.shared.domain.money import MAX_CAMPAIGN_FEN, require_fen, require_int
from functions.shared.domain.payments import Owed, reference_of
from functions.shared.domain.settlement import Statement, last_late_day

CLOSING_RUN = 1
"""Later runs are supplementary."""


@dataclass(frozen=True, slots=True)
class FundReturn:
    """One instruction to pay money back, in fen.

    Args:
        campaign_id: whose money it is.
        campaign_name: for people.
        run: 1 for the closing, then on.
        settled_on: the business date up to which all is settled that it counts as spent.
        appropriated_fen: what the source account paid in.
        redeemed_net_fen: what was spent on orders and not taken back.
        adjusted_net_fen: what adjusting entries add to that; negative where they take.
        returned_before_fen: what earlier runs returned.
        to_return_fen: what this run returns: all that is left.
        source_account: where it goes; never anywhere else.
        reference: names the payment at the bank; at most 35 characters, the same for the same
            campaign and run for ever.
        decided_at: when the campaign was closed with it.
        holding_account: where the money lies; None where it was not paid in beforehand.

    Raises:
        ValueError: an amount is negative, or they do not close.

    """

    campaign_id: str
    campaign_name: Text
    run: int
    appropriated_fen: int
    redeemed_net_fen: int
    returned_before_fen: int
    to_return_fen: int
    source_account: BankAccount
    reference: str
    decided_at: datetime
    settled_on: date
    holding_account: BankAccount | None = None
    adjusted_net_fen: int = 0

    def __post_init__(self) -> None:
        require_fen(self.appropriated_fen, name="appropriated_fen", high=MAX_CAMPAIGN_FEN)
        require_fen(self.redeemed_net_fen, name="redeemed_net_fen", high=MAX_CAMPAIGN_FEN)
        require_fen(self.returned_before_fen, name="returned_before_fen", high=MAX_CAMPAIGN_FEN)
        require_fen(self.to_return_fen, name="to_return_fen", high=MAX_CAMPAIGN_FEN)
        require_int(self.adjusted_net_fen, name="adjusted_net_fen")
        used_fen = self.redeemed_net_fen + self.adjusted_net_fen + self.returned_before_fen
        if used_fen + self.to_return_fen != self.appropriated_fen:
            raise ValueError(
                "redeemed, adjusted, returned and to return must add up to appropriated_fen"
            )

    @property
    def statement_key(self) -> str:
        """Its key among the campaign's statements, and the guard against a second one."""
        return statement_key(self.run)

    @property
    def owed(self) -> Owed:
        """What the bank is to pay; nothing where the money was never paid in."""
        return Owed(
            campaign_id=self.campaign_id,
            key=self.statement_key,
            reference=self.reference,
            amount_fen=self.to_return_fen,
            payer=self.holding_account,
            payee=self.source_account,
        )


def return_reference(campaign_id: str, run: int) -> str:
    """The return's name at the bank: the same for the same campaign and run for ever."""
    digest = content_hash({"campaign_id": campaign_id, "run": run})
    return reference_of("R", run, digest)


def statement_key(run: int) -> str:
    """The key of a run's statement."""
    return f"RETURN#{run:04d}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What was spent of an appropriation, in fen, by all settlements up to a business date.

    Args:
        redeemed_net_fen: of entries of the ledger.
        adjusted_net_fen: of adjusting entries.
        settled_on: the date.

    """

    redeemed_net_fen: int
    adjusted_net_fen: int
    settled_on: date

    @classmethod
    def of(cls, statements: Iterable[Statement], settled_on: date) -> Spent:
        """By those of the statements that are of that date or before."""
        net_fen = adjusted_fen = 0
        for statement in statements:
            if statement.business_on <= settled_on:
                net_fen += statement.net.fiscal_fen
                adjusted_fen += statement.adjusting.parts.fiscal_fen
        return cls(
            redeemed_net_fen=net_fen - adjusted_fen,
            adjusted_net_fen=adjusted_fen,
            settled_on=settled_on,
        )

    @property
    def total_fen(self) -> int:
        """Both together."""
        return self.redeemed_net_fen + self.adjusted_net_fen


def plan_return(
    campaign: Campaign, funds: Funds, spent: Spent, *, run: int, now: datetime
) -> FundReturn:
    """The return of what is left.

    Args:
        campaign: names the source account.
        funds: the campaign's counters.
        spent: by the settlements that count.
        run: which return of the campaign this is.
        now: when it is decided.

    Raises:
        ValueError: of a closing, what is unallocated or held back is not all that is left, so
            that money is still elsewhere.

    """
    left_fen = funds.appropriated_fen - spent.total_fen - funds.returned_fen
    if run == CLOSING_RUN and left_fen != funds.unallocated_fen + funds.held_back_fen:
        raise ValueError("what is unallocated or held back does not add up to what is left")
    return FundReturn(
        campaign_id=campaign.campaign_id,
        campaign_name=campaign.name,
        run=run,
        appropriated_fen=funds.appropriated_fen,
        redeemed_net_fen=spent.redeemed_net_fen,
        returned_before_fen=funds.returned_fen,
        to_return_fen=left_fen,
        source_account=campaign.source_account,
        reference=return_reference(campaign.campaign_id, run),
        # As it is written, so that what is read back is equal.
        decided_at=parse_rfc3339(to_rfc3339(now)),
        holding_account=campaign.holding_account,
        adjusted_net_fen=spent.adjusted_net_fen,
        settled_on=spent.settled_on,
    )


def is_supplement_due(
    campaign: Campaign, last: FundReturn, settled_on: date, now: datetime
) -> bool:
    """Whether late refunds settled up to a date are returned now.

    Once a calendar month, so that the bank gets an instruction a month and not one a refund; and at
    the end of late refunds at once.

    Args:
        campaign: whose.
        last: the return before.
        settled_on: the date.
        now: when it is asked.

    """
    if settled_on >= last_late_day(campaign):
        return True
    before, today = business_date(last.decided_at), business_date(now)
    return (before.year, before.month) < (today.year, today.month)


def to_payload(fund_return: FundReturn) -> str:
    """The return as canonical JSON, to be stored."""
    plain = asdict(fund_return) | {
        "decided_at": to_rfc3339(fund_return.decided_at),
        "settled_on": fund_return.settled_on.isoformat(),
    }
    return json.dumps(plain, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def from_payload(payload: str) -> FundReturn:
    """The return that `to_payload` wrote."""
    plain = json.loads(payload)
    plain["campaign_name"] = Text(**plain["campaign_name"])
    plain["source_account"] = BankAccount(**plain["source_account"])
    if plain.get("holding_account") is not None:
        plain["holding_account"] = BankAccount(**plain["holding_account"])
    plain["decided_at"] = parse_rfc3339(plain["decided_at"])
    plain["settled_on"] = date.fromisoformat(plain["settled_on"])
    return FundReturn(**plain)
