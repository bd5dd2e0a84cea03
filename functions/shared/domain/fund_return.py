"""The return of a campaign's unspent money to the account it came from.

A return is decided once, in the transaction that closes the campaign, and stored as it was
decided; its files are written from what is stored, so that every run writes the same bytes.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import datetime

from functions.shared.domain.business_time import parse_rfc3339, to_rfc3339
from functions.shared.domain.campaign import BankAccount, Campaign, Text
from functions.shared.domain.funds import Funds
from functions.shared.domain.ids import content_hash
from functions.shared.domain.money import MAX_CAMPAIGN_FEN, require_fen, require_int
from functions.shared.domain.payments import Owed, reference_of

# Closing is the first run; a later one would return what came back after it.
CLOSING_RUN = 1


@dataclass(frozen=True, slots=True)
class FundReturn:
    """One instruction to pay money back, in fen.

    Args:
        campaign_id: whose money it is.
        campaign_name: for people.
        run: 1 for the closing, then on.
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


def plan_return(
    campaign: Campaign,
    funds: Funds,
    *,
    redeemed_net_fen: int,
    adjusted_net_fen: int,
    run: int,
    now: datetime,
) -> FundReturn:
    """The return of all that is unallocated or held back.

    Args:
        campaign: names the source account.
        funds: the campaign's counters.
        redeemed_net_fen: counted from the ledger.
        adjusted_net_fen: counted from the adjusting entries.
        run: which return of the campaign this is.
        now: when it is decided.

    Raises:
        ValueError: what is unallocated or held back is not all that is left, so money is still
            elsewhere.

    """
    return FundReturn(
        campaign_id=campaign.campaign_id,
        campaign_name=campaign.name,
        run=run,
        appropriated_fen=funds.appropriated_fen,
        redeemed_net_fen=redeemed_net_fen,
        returned_before_fen=funds.returned_fen,
        to_return_fen=funds.unallocated_fen + funds.held_back_fen,
        source_account=campaign.source_account,
        reference=return_reference(campaign.campaign_id, run),
        # As it is written, so that what is read back is equal.
        decided_at=parse_rfc3339(to_rfc3339(now)),
        holding_account=campaign.holding_account,
        adjusted_net_fen=adjusted_net_fen,
    )


def to_payload(fund_return: FundReturn) -> str:
    """The return as canonical JSON, to be stored."""
    plain = asdict(fund_return) | {"decided_at": to_rfc3339(fund_return.decided_at)}
    return json.dumps(plain, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def from_payload(payload: str) -> FundReturn:
    """The return that `to_payload` wrote."""
    plain = json.loads(payload)
    plain["campaign_name"] = Text(**plain["campaign_name"])
    plain["source_account"] = BankAccount(**plain["source_account"])
    if plain.get("holding_account") is not None:
        plain["holding_account"] = BankAccount(**plain["holding_account"])
    plain["decided_at"] = parse_rfc3339(plain["decided_at"])
    return FundReturn(**plain)
