"""The closing run: a campaign that is over gives what is left back to the account it came from.

    refund window over ─> every day settled ─> last sweep ─> pools drained ─> recount ─> closed

Each condition that is not met is a reason, told and tried again by the next run; nothing is
returned while any promise about the money is broken. Breaks that nobody has ended hold it up for
some days, since money that is owed by a bill is there only until it has gone back. The campaign is
closed and its money taken out by one transaction; the files are written from the statement it put,
by the same run or a later one.

Between the statement and the payment stand two persons (functions.finance.payments): the bank's
instruction is written once the second has approved it, by the run that comes next.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from functions.reconcile.collector import without_collector
from functions.reconcile.payment_files import publish_payment
from functions.reconcile.return_files import payment_sheet, publish_return, return_prefix
from functions.reconcile.rollover import drain_all
from functions.reconcile.stores import MoneyStores
from functions.reconcile.sweep import SETTLING, Budget, sweep_campaign, sweep_vouchers
from functions.shared.domain.adjusting import CLOSING_WAITS
from functions.shared.domain.business_time import to_rfc3339
from functions.shared.domain.campaign import OPEN_STATES, CampaignState
from functions.shared.domain.fund_return import CLOSING_RUN, FundReturn, Spent, plan_return
from functions.shared.domain.funds import CampaignRecord
from functions.shared.domain.invariants import broken_reasons, check_all
from functions.shared.domain.settlement import settlement_range
from functions.shared.domain.snapshot import Snapshot
from functions.shared.store.transaction import Cancelled

Unsettled = Callable[[CampaignRecord], Sequence[str]]
"""Names the days of a campaign that are not settled yet; empty when all are."""


@dataclass(frozen=True, slots=True)
class Closing:
    """How a closing run ended: with the return, or with why there is none yet.

    Args:
        fund_return: what was returned at the closing; None while the campaign is not closed.
        reasons: why it is not; each begins with a word in capitals for programs.

    """

    fund_return: FundReturn | None
    reasons: tuple[str, ...] = ()


def close_campaign(
    record: CampaignRecord,
    stores: MoneyStores,
    now: datetime,
    *,
    unsettled: Unsettled,
    budget: Budget,
) -> Closing:
    """Closes the campaign and returns its money, or says why not yet; resumes where one died.

    Raises:
        Busy: contention outlasted the retries; what was done stays done.

    """
    campaign_id = record.campaign.campaign_id
    if record.state is CampaignState.CLOSED:
        return _published(campaign_id, stores)
    reasons = (
        _too_early(record, now) or _unsettled(record, unsettled) or _unresolved(record, stores, now)
    )
    if not reasons:
        reasons = _not_gathered(record, stores, now, budget)
    if reasons:
        return Closing(None, reasons)
    record = stores.campaigns.get(campaign_id) or record
    with without_collector():
        snapshot = stores.recounts.snapshot(record)
        reasons = _not_ready(snapshot, stores, now, budget)
    if reasons:
        return Closing(None, reasons)
    return _close(record, snapshot, stores, now)


def _close(
    record: CampaignRecord, snapshot: Snapshot, stores: MoneyStores, now: datetime
) -> Closing:
    campaign_id = record.campaign.campaign_id
    last = settlement_range(record.campaign)[1]
    # Later where breaks were waited for, and ended.
    through = max(last, stores.settlements.settled_through(campaign_id) or last)
    spent = Spent.of(stores.settlements.statements(campaign_id), through)
    counted = snapshot.redeemed_net_fen, snapshot.adjusted_net_fen
    if (spent.redeemed_net_fen, spent.adjusted_net_fen) != counted:
        return Closing(None, (f"UNSETTLED: what was recorded after {through}",))
    fund_return = plan_return(record.campaign, record.funds, spent, run=CLOSING_RUN, now=now)
    try:
        stores.returns.close(fund_return, record, now=now)
    except Cancelled:
        return Closing(None, ("CHANGED: the campaign changed while it was counted",))
    return _published(campaign_id, stores)


def _published(campaign_id: str, stores: MoneyStores) -> Closing:
    """Writes what is not there yet of the files of all returns, and of their payments."""
    returns = list(stores.returns.all(campaign_id))
    owed = [made.owed for made in returns]
    for made, paid in zip(returns, stores.payments.of_all(campaign_id, owed), strict=True):
        publish_return(made, stores.objects)
        for payment in paid.payments:
            if payment.approved_at is not None:
                folder, sheet = return_prefix(made), payment_sheet(made)
                publish_payment(folder, made.owed, payment, sheet, stores.objects, stores.signer)
    return Closing(returns[0]) if returns else Closing(None, ("STATEMENT_MISSING",))


def _too_early(record: CampaignRecord, now: datetime) -> tuple[str, ...]:
    if record.state not in OPEN_STATES:
        return (f"STATE: the campaign is {record.state.value}",)
    # A refund that was let in at the last moment may still be under way.
    closes_at = record.campaign.refunds_end_at + SETTLING
    if now < closes_at:
        return (f"REFUNDS_OPEN: refunds are settled by {to_rfc3339(closes_at)}",)
    return ()


def _unsettled(record: CampaignRecord, unsettled: Unsettled) -> tuple[str, ...]:
    return tuple(f"UNSETTLED: {day}" for day in unsettled(record))


def _unresolved(record: CampaignRecord, stores: MoneyStores, now: datetime) -> tuple[str, ...]:
    """Breaks that two persons can still end with money that has not gone back."""
    waits_until = record.campaign.refunds_end_at + CLOSING_WAITS
    if now >= waits_until:
        return ()
    last = settlement_range(record.campaign)[1]
    # The run that settled the last of them may be this one.
    recent = [last - timedelta(days=number) for number in range(CLOSING_WAITS.days)]
    found = stores.breaks.first_unresolved(record.campaign, recent)
    if found is None:
        return ()
    where = f"{found.platform_id} {found.business_on} {found.break_id}"
    return (f"BREAKS: {where} is not ended; waited for until {to_rfc3339(waits_until)}",)


def _not_gathered(
    record: CampaignRecord, stores: MoneyStores, now: datetime, budget: Budget
) -> tuple[str, ...]:
    """Brings all that lies with vouchers and pools together; why some could not be."""
    if not sweep_campaign(record, stores, now, budget).done:
        return ("SWEEP: vouchers that have ended are still being written down",)
    if not drain_all(record, stores, now):
        return ("POOLS: money moved while pools were drained",)
    return ()


def _not_ready(
    snapshot: Snapshot, stores: MoneyStores, now: datetime, budget: Budget
) -> tuple[str, ...]:
    """Why the money counted cannot be returned."""
    broken = broken_reasons(check_all(snapshot))
    if broken:
        return broken
    holding = [voucher for voucher in snapshot.vouchers if voucher.held_fen]
    if holding:
        # The index never showed them to the sweep; the recount reads the table itself.
        sweep_vouchers((voucher.voucher_id for voucher in holding), stores, now, budget)
        held_fen = sum(voucher.held_fen for voucher in holding)
        return (f"OUTSTANDING: {held_fen} fen are set aside for {len(holding)} vouchers",)
    owed_fen = snapshot.redeemed_net_fen + snapshot.adjusted_net_fen
    if snapshot.funds.settled_fen != owed_fen:
        open_fen = owed_fen - snapshot.funds.settled_fen
        return (f"UNSETTLED: {open_fen} fen redeemed net are in no settlement",)
    left_fen = sum(pool.pot_fen for pool in snapshot.pools) + sum(
        shard.drainable_fen for shard in snapshot.shards
    )
    if left_fen:
        return (f"POOLS: {left_fen} fen are still in pools",)
    return ()
