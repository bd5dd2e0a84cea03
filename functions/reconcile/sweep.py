"""The sweep: vouchers whose validity has ended are written down as ended, their money set free.

That a voucher has ended is a condition on time and holds at once; the sweep only moves the money
that was set aside for it to its shard's lapsed money, from where the rollover takes it on. What a
redemption did not use of its reserve is set free in the same way.

When there is anything to look for follows from the campaign's rules alone:

    issue dates of a round ──validity──> ends ──┬─ not yet over          nothing is read
                                                ├─ up to `swept_until`   nothing is read
                                                └─ between               those dates are read

`swept_until` moves to an end once a whole run has found or left nothing SETTLING after it. By
then every request that was under way at the end is over and the index has caught up, so nothing
can end by that time any more: a refund that comes later moves its money itself.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import islice

from functions.reconcile.stores import MoneyStores
from functions.shared.domain.business_time import business_date, day_bounds
from functions.shared.domain.campaign import Campaign, CampaignState, Round, validity_of
from functions.shared.domain.errors import Busy
from functions.shared.domain.funds import CampaignRecord, pool_key_of
from functions.shared.domain.vouchers import Voucher, VoucherState
from functions.shared.store.vouchers import EXPIRED_PER_TRANSACTION, lapsing_fen

SETTLING = timedelta(minutes=15)
"""No function runs longer, no index lags longer."""

# Sixteen full transactions a second are 25,000 vouchers in a minute.
SWEEP_BUDGET = 25_000
# Vouchers read but not yet written: their shards fill up batches meanwhile.
_PENDING_LIMIT = 5_000
_READ_AT_ONCE = 1_000
# After so many batches in vain the tables are busy with something else.
_BUSY_LIMIT = 10
_DAY = timedelta(days=1)
_OVER = frozenset({VoucherState.EXPIRED, VoucherState.VOIDED})


@dataclass(frozen=True, slots=True)
class Ending:
    """Vouchers that a round may have issued on a date and that have all ended by a time."""

    ends_at: datetime
    issued_on: date
    round_id: str


@dataclass(slots=True)
class Budget:
    """How many vouchers runs may still write down; shared by all campaigns of a tick."""

    left: int = SWEEP_BUDGET


@dataclass(frozen=True, slots=True)
class SweepRun:
    """What one run did.

    Args:
        done: nothing that has ended by now is left.
        ended: vouchers written down as ended, or relieved of their slack.
        touched: keys of the pools that money lapsed in.

    """

    done: bool
    ended: int = 0
    touched: frozenset[str] = frozenset()


@dataclass(slots=True)
class _Sweep:
    """Vouchers gathered by shard and written in batches."""

    stores: MoneyStores
    now: datetime
    budget: Budget
    by_shard: defaultdict[str, list[Voucher]] = field(default_factory=lambda: defaultdict(list))
    pending: int = 0
    complete: bool = True
    ended: int = 0
    busy: int = 0
    touched: set[str] = field(default_factory=set)

    def add(self, vouchers: Iterable[Voucher]) -> None:
        """Takes up those that have ended and still hold money."""
        for voucher in vouchers:
            if voucher.valid_until > self.now or not _holds_money(voucher):
                continue
            batch = self.by_shard[voucher.shard_id]
            batch.append(voucher)
            self.pending += 1
            if len(batch) == EXPIRED_PER_TRANSACTION:
                self._write(voucher.shard_id)
        if self.pending >= _PENDING_LIMIT:
            self.finish()

    def finish(self) -> None:
        """Writes what is gathered."""
        for shard_id in list(self.by_shard):
            self._write(shard_id)

    def _write(self, shard_id: str) -> None:
        batch = self.by_shard.pop(shard_id)
        self.pending -= len(batch)
        if self.budget.left < len(batch):
            self.budget.left = 0
            self.complete = False
            return
        self.budget.left -= len(batch)
        try:
            written = self.stores.vouchers.expire(shard_id, batch, now=self.now)
        except Busy:
            # One shard that is drawn from at every try must not keep the others from being swept.
            self.complete = False
            self.busy += 1
            if self.busy == _BUSY_LIMIT:
                raise
            return
        self.ended += written
        self.complete &= written == len(batch)
        self.touched.add(pool_key_of(shard_id))

    @property
    def run(self) -> SweepRun:
        """What was done so far."""
        return SweepRun(self.complete, self.ended, frozenset(self.touched))


def endings(campaign: Campaign) -> list[Ending]:
    """Which dates' vouchers end when, soonest first, by the campaign's rules."""
    found = {
        Ending(_end_of(campaign, in_round, allocation.voucher_type_id, on), on, in_round.round_id)
        for in_round in campaign.rounds
        for allocation in in_round.stock
        for on in _dates_of(in_round)
    }
    return sorted(found, key=lambda ending: (ending.ends_at, ending.issued_on, ending.round_id))


def sweep_campaign(
    record: CampaignRecord, stores: MoneyStores, now: datetime, budget: Budget
) -> SweepRun:
    """Writes down what has ended by now; the next run goes on where this one stopped.

    Raises:
        Busy: contention outlasted the retries; what was done stays done.

    """
    if record.state not in (CampaignState.RUNNING, CampaignState.PAUSED):
        return SweepRun(done=True)
    campaign = record.campaign
    due = [
        ending
        for ending in endings(campaign)
        if ending.ends_at <= now
        and (record.swept_until is None or ending.ends_at > record.swept_until)
    ]
    sweep = _Sweep(stores, now, budget)
    issuing = _rounds_that_issued(campaign.campaign_id, {e.round_id for e in due}, stores)
    for on in sorted({ending.issued_on for ending in due if ending.round_id in issuing}):
        if not budget.left:
            sweep.complete = False
            break
        for found in _chunks(_ended_on(campaign.campaign_id, on, stores, now)):
            sweep.add(stores.vouchers.many(found))
    sweep.finish()
    settled = [ending.ends_at for ending in due if ending.ends_at + SETTLING <= now]
    if sweep.complete and settled:
        stores.campaigns.mark_swept(campaign.campaign_id, max(settled))
    return sweep.run


def sweep_vouchers(
    voucher_ids: Iterable[str], stores: MoneyStores, now: datetime, budget: Budget
) -> SweepRun:
    """Writes down which of these have ended by now, as found by a recount.

    Raises:
        Busy: contention outlasted the retries; what was done stays done.

    """
    sweep = _Sweep(stores, now, budget)
    for found in _chunks(iter(voucher_ids)):
        sweep.add(stores.vouchers.many(found))
    sweep.finish()
    return sweep.run


def _rounds_that_issued(campaign_id: str, round_ids: set[str], stores: MoneyStores) -> set[str]:
    """Those rounds in which anything was issued at all, by their shards.

    It saves hundreds of queries for a round that nobody claimed in.
    """
    if not round_ids:
        return set()
    return {
        pool.round_id
        for pool in stores.stock.pools(campaign_id)
        if pool.round_id in round_ids and any(s.issued for s in stores.stock.shards(pool))
    }


def _ended_on(campaign_id: str, on: date, stores: MoneyStores, now: datetime) -> Iterator[str]:
    """Vouchers of that date that have ended and may still hold money.

    A redeemed one's slack is not in the index: it has to be read.
    """
    for issued in stores.vouchers.issued_on(campaign_id, on, valid_until_at_most=now):
        if issued.state not in _OVER:
            yield issued.voucher_id


def _holds_money(voucher: Voucher) -> bool:
    # A voucher without fiscal money ends too, although nothing lapses with it.
    return voucher.state in (VoucherState.ISSUED, VoucherState.HELD) or lapsing_fen(voucher) > 0


def _dates_of(in_round: Round) -> Iterator[date]:
    """The business dates on which the round takes claims."""
    on = business_date(in_round.opens_at)
    while day_bounds(on)[0] < in_round.closes_at:
        yield on
        on += _DAY


def _end_of(campaign: Campaign, in_round: Round, voucher_type_id: str, on: date) -> datetime:
    """When all vouchers of the type that the round issues on the date have ended.

    Never before the round's last claim of that date: a window may be over before its round is.
    """
    start, end = day_bounds(on)
    last_claim = min(end, in_round.closes_at)
    voucher_type = campaign.voucher_type(voucher_type_id)
    if voucher_type is None:
        return last_claim
    return max(last_claim, validity_of(voucher_type, in_round, max(start, in_round.opens_at))[1])


def _chunks(voucher_ids: Iterator[str]) -> Iterator[list[str]]:
    while chunk := list(islice(voucher_ids, _READ_AT_ONCE)):
        yield chunk
