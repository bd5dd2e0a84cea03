"""A platform's settlements of a campaign: confirmed, netted into payouts, and paid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property

from functions.finance.payments import Paid
from functions.shared.domain.campaign import CampaignState
from functions.shared.domain.errors import Code, HuiminError
from functions.shared.domain.funds import CampaignRecord
from functions.shared.domain.payments import Payments
from functions.shared.domain.payouts import (
    Payout,
    PayoutLine,
    Standing,
    draw_payout,
    payable,
    standing_of,
)
from functions.shared.domain.settlement import PayableSide
from functions.shared.store.campaigns import CampaignStore
from functions.shared.store.payments import PaymentStore
from functions.shared.store.payouts import PayoutStore
from functions.shared.store.settlements import SettlementStore


@dataclass(frozen=True)
class SettlementAccount:
    """All settlements of one platform in one campaign, and their payouts.

    Args:
        record: the campaign.
        platform_id: whose statements.
        standings: oldest first.
        payouts: by number.
        through: the date up to which every day of the campaign is settled; None before the first.

    """

    record: CampaignRecord
    platform_id: str
    standings: Sequence[Standing]
    payouts: Sequence[Paid[Payout]]
    through: date | None

    @property
    def version(self) -> int:
        """What drawing up a payout must name; counts from 1, before the first."""
        return len(self.payouts) + 1

    @cached_property
    def due(self) -> list[PayoutLine]:
        """The statements that a payout drawn up now would take."""
        return payable(self.standings, through=self.through)

    @property
    def is_last(self) -> bool:
        """Whether the campaign is closed and all its statements are confirmed."""
        is_closed = self.record.state is CampaignState.CLOSED
        return is_closed and all(standing.confirmed for standing in self.standings)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a platform says that it confirms."""

    statement_id: str
    payable_fen: int
    payable_side: PayableSide


class SettlementDesk:
    """The use cases about settlements after they were made.

    Args:
        campaigns: the campaigns.
        settlements: statements.
        payouts: confirmations and payouts.
        payments: of every payout.

    """

    def __init__(
        self,
        campaigns: CampaignStore,
        settlements: SettlementStore,
        payouts: PayoutStore,
        payments: PaymentStore,
    ) -> None:
        self._campaigns = campaigns
        self._settlements = settlements
        self._payouts = payouts
        self._payments = payments

    def account(self, campaign_id: str, platform_id: str, now: datetime) -> SettlementAccount:
        """The platform's settlements in the campaign, as they stand now.

        Raises:
            HuiminError: NOT_FOUND, where the platform has no part in the campaign too.

        """
        record = self._campaigns.get(campaign_id)
        if record is None or not record.is_known_to(platform_id):
            raise HuiminError(Code.NOT_FOUND, what="campaign")
        made = self._payouts.payouts(campaign_id, platform_id)
        payments = self._payments.of_all(campaign_id, [payout.owed for payout in made])
        payouts = [Paid(payout, paid) for payout, paid in zip(made, payments, strict=True)]
        told = self._payouts.confirmations(campaign_id, platform_id)
        number_of = {line.statement_id: each.number for each in made for line in each.lines}
        paid = {each.made.number: not each.payments.left_fen for each in payouts}
        standings = [
            standing_of(
                statement,
                made_at,
                campaign=record.campaign,
                told_at=told.get(statement.business_on),
                payouts=number_of,
                paid=paid,
                now=now,
            )
            for statement, made_at in self._settlements.made(campaign_id)
            if statement.platform_id == platform_id
        ]
        through = self._settlements.settled_through(campaign_id)
        return SettlementAccount(record, platform_id, standings, payouts, through)

    def confirm(
        self, account: SettlementAccount, business_on: str, told: Told, now: datetime
    ) -> bool:
        """Notes that the platform confirms the statement; True where it counts as confirmed.

        Raises:
            HuiminError: NOT_FOUND; STATEMENT_MISMATCH, where the statement is another one or says
                another amount or side; nothing is changed.
            Busy: contention outlasted the retries.

        """
        found = next(
            (s for s in account.standings if s.statement.business_on.isoformat() == business_on),
            None,
        )
        if found is None:
            raise HuiminError(Code.NOT_FOUND, what="settlement")
        for name in ("statement_id", "payable_fen", "payable_side"):
            expected = getattr(found.statement, name)
            if getattr(told, name) != expected:
                raise HuiminError(Code.STATEMENT_MISMATCH, field=name, expected=expected)
        if found.confirmed is not None:
            return True
        return not self._payouts.confirm(found.statement, now=now)

    def draw(
        self, account: SettlementAccount, *, version: int, by: str, now: datetime
    ) -> tuple[Paid[Payout], bool]:
        """Draws up the payout of all that is due by the account that the operator read.

        True with the payout as it is where the same person drew it up before.

        Raises:
            HuiminError: VERSION_MISMATCH, PAYOUT_NOT_DUE, CONTRACT_MISSING; nothing is changed.
            Busy: contention outlasted the retries.

        """
        last = account.payouts[-1] if account.payouts else None
        if last is not None and account.version == version + 1 and last.made.drawn_by == by:
            return last, True
        if account.version != version:
            raise HuiminError(Code.VERSION_MISMATCH, stored_version=account.version)
        planned = draw_payout(
            account.record.campaign,
            account.platform_id,
            account.due,
            number=version,
            is_last=account.is_last,
            by=by,
            now=now,
        )
        stored = self._payouts.draw(planned, now=now)
        if stored != planned:
            raise HuiminError(Code.VERSION_MISMATCH, stored_version=version + 1)
        return Paid(stored, Payments(owed=stored.owed)), False

    def payout(self, campaign_id: str, platform_id: str, number: int) -> Paid[Payout]:
        """One payout.

        Raises:
            HuiminError: NOT_FOUND.

        """
        made = self._payouts.payout(campaign_id, platform_id, number)
        if made is None:
            raise HuiminError(Code.NOT_FOUND, what="payout")
        return Paid(made, self._payments.of(made.owed))
