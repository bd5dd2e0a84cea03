"""What is owed and paid, kept anew from the journal: statements, payouts, returns, payments."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final

from functions.shared.domain.campaign import Campaign
from functions.shared.domain.journal import Change
from functions.shared.domain.journal_changes import CONFIRMED, DRAWN, MADE, RETURNED
from functions.shared.domain.payouts import confirm_by_of
from functions.shared.domain.settlement import statement_id_of
from infra.audit.findings import Finding, Kind

_PAYMENT: Final = "payment."
_TAKEN: Final = frozenset(
    {MADE, CONFIRMED, DRAWN, RETURNED}
    | {f"{_PAYMENT}{verb}" for verb in ("proposed", "approved", "withdrawn", "replied")}
)


@dataclass(frozen=True, slots=True)
class MadeStatement:
    """A statement as the journal tells of it."""

    platform_id: str
    on: date
    payable_fen: int
    made_at: datetime


@dataclass(frozen=True, slots=True)
class DrawnPayout:
    """A payout as the journal tells of it; `lines` are date, statement id and net."""

    platform_id: str
    number: int
    lines: tuple[tuple[str, str, int], ...]
    drawn_by: str

    @property
    def net_fen(self) -> int:
        """What its statements come to."""
        return sum(net_fen for _, _, net_fen in self.lines)


@dataclass(slots=True)
class Debt:
    """An amount owed, and what was paid of it.

    Args:
        kind: of what is wrong with it.
        amount_fen: what is owed.
        account: the only one that may be credited.
        paid_fen: what the bank says that it paid.
        payments: how many were proposed.
        proposed_fen: the amount of the payment under way; None where none is.
        proposed_by: who proposed that one.
        is_approved: whether somebody has approved that one.
        approved: every payment that was approved: its reference, and its amount.

    """

    kind: Kind
    amount_fen: int
    account: str | None
    paid_fen: int = 0
    payments: int = 0
    proposed_fen: int | None = None
    proposed_by: str = ""
    is_approved: bool = False
    approved: dict[str, int] = field(default_factory=dict)


class Payables:
    """What one campaign owes, to platforms and to its source account.

    Args:
        campaign: its rules.

    """

    def __init__(self, campaign: Campaign) -> None:
        self._campaign = campaign
        self.statements: dict[str, MadeStatement] = {}
        self.payouts: dict[tuple[str, int], DrawnPayout] = {}
        self.returns: dict[int, Mapping[str, Any]] = {}
        self.debts: dict[str, Debt] = {}
        self.returned_fen = 0
        self._confirmed: set[str] = set()
        self._taken: set[str] = set()

    def takes(self, kind: str) -> bool:
        """Whether changes of that kind are entered here."""
        return kind in _TAKEN

    def enter(self, where: str, change: Change) -> Iterator[Finding]:
        """Books one change; what does not follow from those before it."""
        data = change.data
        if change.kind == MADE:
            self.statements[change.change_id] = MadeStatement(
                data["platform_id"],
                date.fromisoformat(data["business_on"]),
                data["payable_fen"],
                change.at,
            )
        elif change.kind == CONFIRMED:
            if data["statement_id"] not in self.statements:
                detail = f"{data['statement_id']} is confirmed, and was never made"
                yield Finding(Kind.SETTLEMENT, where, detail)
            self._confirmed.add(data["statement_id"])
        elif change.kind == DRAWN:
            yield from self._drawn(where, change)
        elif change.kind == RETURNED:
            yield from self._returned(where, change)
        else:
            yield from self._paid(where, change)

    def _drawn(self, where: str, change: Change) -> Iterator[Finding]:
        data = change.data
        lines = tuple((str(on), str(name), int(fen)) for on, name, fen in data["statements"])
        payout = DrawnPayout(data["platform_id"], data["number"], lines, data["drawn_by"])
        platform_id, net_fen = payout.platform_id, payout.net_fen
        self.payouts[platform_id, payout.number] = payout
        if payout.number > 1 and (platform_id, payout.number - 1) not in self.payouts:
            yield Finding(Kind.PAYOUT, where, f"there is no payout {payout.number - 1} before it")
        if data["net_fen"] != net_fen:
            detail = f"it says {data['net_fen']} fen, its statements come to {net_fen}"
            yield Finding(Kind.PAYOUT, where, detail)
        for on, statement_id, _ in lines:
            yield from self._taken_in(where, platform_id, on, statement_id, change.at)
        contract = self._campaign.contract(platform_id)
        bureau = (self._campaign.holding_account or self._campaign.source_account).number
        platform = contract.account.number if contract else None
        payer, payee = (bureau, platform) if net_fen > 0 else (platform, bureau)
        if (data["payer_account"], data["payee_account"]) != (payer, payee):
            yield Finding(Kind.PAYOUT, where, f"it goes to {data['payee_account']}, not to {payee}")
        self.debts[change.change_id] = Debt(Kind.PAYOUT, abs(net_fen), payee)

    def _taken_in(
        self, where: str, platform_id: str, on: str, statement_id: str, at: datetime
    ) -> Iterator[Finding]:
        if statement_id in self._taken:
            yield Finding(Kind.PAYOUT, where, f"{on} is paid twice")
        self._taken.add(statement_id)
        expected = statement_id_of(self._campaign.campaign_id, platform_id, date.fromisoformat(on))
        made = self.statements.get(statement_id)
        if statement_id != expected or made is None:
            yield Finding(Kind.PAYOUT, where, f"{statement_id} is not the statement of {on}")
            return
        is_late = at >= confirm_by_of(self._campaign, platform_id, made.made_at)
        if statement_id not in self._confirmed and not is_late:
            yield Finding(Kind.PAYOUT, where, f"the platform has not confirmed {on}, and had time")

    def _returned(self, where: str, change: Change) -> Iterator[Finding]:
        data, campaign = change.data, self._campaign
        run = data["run"]
        if run != len(self.returns) + 1:
            yield Finding(Kind.RETURN, where, f"return {run} follows {len(self.returns)} returns")
        if data["account_number"] != campaign.source_account.number:
            detail = f"it goes to {data['account_number']}, not to the source account"
            yield Finding(Kind.RETURN, where, detail)
        if data["returned_before_fen"] != self.returned_fen:
            detail = f"{data['returned_before_fen']} fen returned before, not {self.returned_fen}"
            yield Finding(Kind.RETURN, where, detail)
        self.returns[run] = data
        self.returned_fen += data["to_return_fen"]
        # What was never paid in beforehand is not paid back.
        owed_fen = data["to_return_fen"] if campaign.holding_account else 0
        account = campaign.source_account.number
        self.debts[change.change_id] = Debt(Kind.RETURN, owed_fen, account)

    def _paid(self, where: str, change: Change) -> Iterator[Finding]:
        data = change.data
        debt = self.debts.get(data["pays"])
        if debt is None:
            yield Finding(Kind.PAYOUT, where, f"nothing is owed under {data['pays']}")
            return
        reference = change.change_id.rpartition(".")[0]
        for wrong in self._step(debt, change.kind.removeprefix(_PAYMENT), reference, data):
            yield Finding(debt.kind, where, wrong)

    @staticmethod
    def _step(debt: Debt, verb: str, reference: str, data: Mapping[str, Any]) -> Iterator[str]:
        amount_fen, by = data["amount_fen"], data["by"]
        if verb == "proposed":
            debt.payments += 1
            left_fen = debt.amount_fen - debt.paid_fen
            if debt.proposed_fen is not None:
                yield "another payment is under way"
            if amount_fen != left_fen or data["payment"] != debt.payments:
                yield f"payment {data['payment']} of {amount_fen} fen, {left_fen} fen are left"
            debt.proposed_fen, debt.proposed_by, debt.is_approved = amount_fen, by, False
            return
        if debt.proposed_fen != amount_fen:
            yield f"{amount_fen} fen were never proposed"
        if debt.is_approved is not (verb == "replied"):
            yield f"it is {verb}, and {'was' if debt.is_approved else 'was not'} approved"
        if verb == "approved":
            if by == debt.proposed_by:
                yield f"{by} proposed and approved it"
            debt.is_approved = True
            debt.approved[reference] = amount_fen
            return
        if verb == "replied":
            if not 0 <= data["paid_fen"] <= amount_fen or data["account"] != debt.account:
                yield f"{data['paid_fen']} fen of {amount_fen} were paid to {data['account']}"
            debt.paid_fen += data["paid_fen"]
        debt.proposed_fen = None
