"""One run of the reconciler: everything that is due, each campaign's work in its right order.

    bill arrives ──> taken in ──> that platform's day settled, or filed again
    tick ──> what the bureau began is finished ──> sweep ──> rollover ──> days settled ──> closing
         ──> payouts' files ──> journals of the days over ──> the daily recount
         ──> the daily register of breaks

Every step may be done by any run, twice, or by two runs at once, and takes up what an earlier one
left. A step that fails holds up only what follows from it: the others are done, and the run fails
at its end, so that the schedule's retries and alarms see it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from functions.reconcile.bills import Intake, IntakeStores, take_in
from functions.reconcile.break_register import register_daily
from functions.reconcile.closing import close_campaign
from functions.reconcile.day import DayOutcome, SettlementStores
from functions.reconcile.funding import follow_state, fund_campaign
from functions.reconcile.invariants import TellDrift, confirmed, recount_daily
from functions.reconcile.journal import write_journals
from functions.reconcile.large_days import LargeDays
from functions.reconcile.payout_files import publish_payouts
from functions.reconcile.rollover import roll_over
from functions.reconcile.settlement import (
    SettlementRun,
    settle_day,
    settle_due,
    unsettled_days,
)
from functions.reconcile.stock_changes import finish_changes
from functions.reconcile.stores import MoneyStores
from functions.reconcile.supplements import return_late
from functions.reconcile.sweep import Budget, sweep_campaign
from functions.shared.domain.bills import MAX_BILL_BYTES
from functions.shared.domain.campaign import CampaignState
from functions.shared.domain.funds import CampaignRecord

BILL_STEP = "bill"


@dataclass(frozen=True, slots=True)
class Step:
    """What one step of a run did, for the log.

    Args:
        name: of the step.
        campaign_id: whose; empty where it is for all campaigns.
        facts: what was done.

    """

    name: str
    campaign_id: str
    facts: dict[str, object]


Tell = Callable[[Step], None]


class Reconciler:
    """The use cases of the reconcile function.

    Args:
        money: the stores of campaign money.
        settling: the stores of bills and settlements.
        intake: the stores of bill intake.
        large: does days that are too large for this function; None where none is.
        tell: hears what each step did.
        tell_drift: hears the daily recount's drift, in fen.

    """

    def __init__(
        self,
        money: MoneyStores,
        settling: SettlementStores,
        intake: IntakeStores,
        *,
        large: LargeDays | None = None,
        tell: Tell,
        tell_drift: TellDrift,
    ) -> None:
        self._money = money
        self._settling = settling
        self._intake = intake
        self._large = large
        self._tell = tell
        self._tell_drift = tell_drift

    def bill_arrived(
        self, object_key: str, object_version: str | None, now: datetime
    ) -> tuple[Intake | None, DayOutcome | None]:
        """Takes the object in, and settles or files its day again where it is a good bill.

        Neither where it is too large: it is taken in elsewhere, and its day is settled by a tick.

        Raises:
            DayFault, StatementDrift: what is stored for the day contradicts itself.
            Busy: throttled, or contention outlasted the retries; the event comes again.

        """
        if self._large is not None:
            found = self._intake.objects.facts(object_key, version=object_version)
            if found is not None and self._large.most_bytes < found.size <= MAX_BILL_BYTES:
                run = self._large.take_in(object_key, found, now)
                self._tell(Step("large bill", "", {"object_key": object_key, "run": run}))
                return None, None
        intake = take_in(object_key, stores=self._intake, now=now, object_version=object_version)
        facts: dict[str, object] = {
            "object_key": object_key,
            "accepted": intake.is_accepted,
            "findings": intake.findings_total,
        }
        self._tell(Step(BILL_STEP, "", facts))
        if not intake.is_accepted or intake.bill is None:
            return intake, None
        outcome = settle_day(
            intake.bill.platform_id,
            intake.bill.business_on,
            self._money.campaigns.all(),
            stores=self._settling,
            now=now,
            large=self._large,
        )
        self._tell_day(outcome)
        return intake, outcome

    def tick(self, now: datetime) -> None:
        """Does all that is due by now.

        Raises:
            ExceptionGroup: of what failed; everything else is done.

        """
        failures: list[Exception] = []

        def attempt(step: Callable[[], object]) -> None:
            try:
                step()
            except Exception as failure:  # noqa: BLE001 - told at the end, with all others
                failures.append(failure)

        budget = Budget()
        for record in self._records():
            attempt(partial(self._move_money, record, budget, now))
        attempt(partial(self._settle, now))
        for record in self._records():
            attempt(partial(self._close, record, budget, now))
        for record in self._records():
            attempt(partial(self._publish_payouts, record))
        attempt(partial(self._journals, now))
        attempt(partial(recount_daily, self._money, now, tell_drift=self._tell_drift))
        attempt(partial(self._register, now))
        if failures:
            raise ExceptionGroup("the run did not do everything", failures)

    def _records(self) -> Sequence[CampaignRecord]:
        records = [r for r in self._money.campaigns.all() if r.state is not CampaignState.DRAFT]
        return sorted(records, key=lambda record: record.campaign.campaign_id)

    def _move_money(self, record: CampaignRecord, budget: Budget, now: datetime) -> None:
        campaign_id = record.campaign.campaign_id
        record = fund_campaign(record, self._money, now)
        followed = follow_state(record, self._money)
        changes = finish_changes(record, self._money, now)
        sweep = sweep_campaign(record, self._money, now, budget)
        is_moved = roll_over(record, self._money, now, touched=sweep.touched)
        if followed or changes or sweep.ended or not (sweep.done and is_moved):
            facts: dict[str, object] = {
                "ended": sweep.ended,
                "is_swept": sweep.done,
                "is_moved": is_moved,
                "pools_followed": followed,
                "stock_changes": changes,
            }
            self._tell(Step("money", campaign_id, facts))

    def _settle(self, now: datetime) -> SettlementRun:
        run = settle_due(self._records(), stores=self._settling, now=now, large=self._large)
        for outcome in run.days:
            self._tell_day(outcome)
        run.require_sound()
        return run

    def _close(self, record: CampaignRecord, budget: Budget, now: datetime) -> None:
        campaign_id = record.campaign.campaign_id
        self._return_late(record, now)
        closing = close_campaign(record, self._money, now, unsettled=self._unsettled, budget=budget)
        if closing.fund_return is not None and record.state is not CampaignState.CLOSED:
            facts: dict[str, object] = {"reference": closing.fund_return.reference}
            self._tell(Step("closed", campaign_id, facts))
        elif closing.reasons and now >= record.campaign.refunds_end_at:
            facts = {"reasons": list(closing.reasons)}
            self._tell(Step("not closed", campaign_id, facts))

    def _return_late(self, record: CampaignRecord, now: datetime) -> None:
        recount = partial(confirmed, stores=self._money, now=now)
        late = return_late(record, self._money, now, recount=recount)
        if late.fund_return is not None:
            facts: dict[str, object] = {"reference": late.fund_return.reference}
            self._tell(Step("late refunds returned", record.campaign.campaign_id, facts))
        if late.reasons:
            facts = {"reasons": list(late.reasons)}
            self._tell(Step("late refunds not returned", record.campaign.campaign_id, facts))

    def _publish_payouts(self, record: CampaignRecord) -> None:
        written = publish_payouts(record, self._money)
        if written:
            facts: dict[str, object] = {"folders": list(written)}
            self._tell(Step("payouts", record.campaign.campaign_id, facts))

    def _journals(self, now: datetime) -> None:
        for written in write_journals(self._records(), self._money, now):
            facts: dict[str, object] = {
                "days": [on.isoformat() for on in written.days],
                "changes": written.changes,
            }
            self._tell(Step("journal", written.campaign_id, facts))

    def _register(self, now: datetime) -> None:
        platforms = {name for r in self._records() for name in r.campaign.platform_ids}
        stores = self._settling
        register = register_daily(platforms, stores.breaks, stores.objects, now)
        if register is not None:
            facts: dict[str, object] = {
                "breaks": register.breaks,
                "oldest_days": register.oldest_days,
                "difference_fen": register.difference_fen,
            }
            self._tell(Step("open breaks", "", facts))

    def _unsettled(self, record: CampaignRecord) -> Sequence[str]:
        return [on.isoformat() for on in unsettled_days(record, self._settling.settlements)]

    def _tell_day(self, outcome: DayOutcome) -> None:
        facts: dict[str, object] = {
            "platform_id": outcome.platform_id,
            "business_on": outcome.business_on.isoformat(),
            "result": outcome.result.value,
            "statements": len(outcome.statements),
            "files": len(outcome.files),
            "matched_late": outcome.matched_late,
        }
        self._tell(Step("day", "", facts))
