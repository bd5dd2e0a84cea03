"""Supplementary returns: what late refunds bring back after the closing goes back as well.

    late refund ──> its shard's lapsed money ──rollover──> unallocated ──> the next run's return
        └──> the platform's statement of that day: it pays the voucher's money back

A run returns what all settlements up to a date leave of the appropriation, less what was returned
before: once a month, and a last time when no late refund can come any more. Like the closing it
counts everything first, and returns nothing while a promise is broken.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter

from functions.reconcile.rollover import drain_all
from functions.reconcile.stores import MoneyStores
from functions.shared.domain.campaign import CampaignState
from functions.shared.domain.fund_return import (
    FundReturn,
    Spent,
    is_supplement_due,
    plan_return,
)
from functions.shared.domain.funds import CampaignRecord
from functions.shared.domain.invariants import Check, broken_reasons
from functions.shared.store.transaction import Cancelled

Recount = Callable[[CampaignRecord], list[Check]]
"""Every promise about a campaign, as found by readings that money on its way does not disturb."""


@dataclass(frozen=True, slots=True)
class Supplement:
    """What a run did: the return that it decided, or why none could be although one is due.

    Neither where none is due.
    """

    fund_return: FundReturn | None = None
    reasons: tuple[str, ...] = ()


def return_late(
    record: CampaignRecord, stores: MoneyStores, now: datetime, *, recount: Recount
) -> Supplement:
    """Returns what late refunds of a closed campaign brought back, where that is due.

    Cheap where nothing is: no read where nothing was settled since the last return.

    Args:
        record: the campaign.
        stores: where its money is.
        now: the time of the run.
        recount: counts every promise about it.

    Raises:
        Busy: contention outlasted the retries; what was done stays done.

    """
    planned = _planned(record, stores, now)
    if planned is None:
        return Supplement()
    after_fen = planned.returned_before_fen + planned.to_return_fen
    if after_fen > planned.appropriated_fen:
        # An order's money was taken back twice: by its refund, and by a bill accepted without it.
        more_fen = after_fen - planned.appropriated_fen
        return Supplement(reasons=(f"OVERPAID: {more_fen} fen more than the source paid in",))
    drain_all(record, stores, now)
    broken = broken_reasons(recount(record))
    if broken:
        return Supplement(reasons=broken)
    try:
        return Supplement(stores.returns.supplement(planned, now=now))
    except Cancelled:
        left_fen = planned.to_return_fen
        return Supplement(reasons=(f"POOLS: {left_fen} fen are not all unallocated yet",))


def _planned(record: CampaignRecord, stores: MoneyStores, now: datetime) -> FundReturn | None:
    """The return that is due; None where none is."""
    funds, campaign = record.funds, record.campaign
    if record.state is not CampaignState.CLOSED:
        return None
    if funds.appropriated_fen - funds.settled_fen == funds.returned_fen:
        return None
    last = max(stores.returns.all(campaign.campaign_id), key=attrgetter("run"), default=None)
    through = stores.settlements.settled_through(campaign.campaign_id)
    if last is None or through is None or not is_supplement_due(campaign, last, through, now):
        return None
    spent = Spent.of(stores.settlements.statements(campaign.campaign_id), through)
    if funds.appropriated_fen - spent.total_fen <= funds.returned_fen:
        return None
    return plan_return(campaign, funds, spent, run=last.run + 1, now=now)
