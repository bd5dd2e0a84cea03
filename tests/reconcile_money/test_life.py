"""Whole lives of a campaign, in any order of steps, against a plain model of its vouchers.

After every step every promise is recounted from the tables, and every voucher is what the model
says it is. At the end of every life the campaign closes, and gives back to the fen what was not
spent: nothing is stranded, whatever happened before.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import ClassVar, TypeVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from functions.reconcile.sweep import SETTLING
from functions.shared.domain.campaign import CampaignState
from functions.shared.domain.errors import HuiminError
from functions.shared.domain.grants import RowState
from functions.shared.domain.ledger import Redemption
from functions.shared.domain.stock_changes import ChangeState, StockChange
from functions.shared.domain.vouchers import Voucher, VoucherState
from tests.reconcile_money.world import (
    CAMPAIGN,
    EARNS_FEN,
    GRANT_PARTS,
    World,
    allocation,
    document,
    with_gifts,
    with_thanks,
)

T = TypeVar("T")
PERSONS = 3
PER_TYPE = 2
TYPES = ("full", "shared")
PLATFORMS = ("unionpay", "meituan")
UNITS = 3
PACK = {
    "pack_id": "both",
    "name": {"zh": "券包", "en": "Pack"},
    "voucher_type_ids": list(TYPES),
}
STEPS = [timedelta(minutes=10), timedelta(hours=5), timedelta(days=1), timedelta(days=2)]


@dataclass
class Held:
    """What the model knows of a voucher; its state holds until its time is over."""

    voucher: Voucher
    state: VoucherState = VoucherState.ISSUED
    order_no: str = ""
    held_until: datetime | None = None
    redemption: Redemption | None = None
    refunded_fen: int = 0
    fiscal_net_fen: int = 0
    is_forfeited: bool = False

    def state_at(self, now: datetime) -> VoucherState:
        """What it is at that time."""
        if self.state is VoucherState.HELD and self.held_until and now >= self.held_until:
            self.state = VoucherState.ISSUED
        unused = self.state in (VoucherState.ISSUED, VoucherState.HELD)
        if unused and now >= self.voucher.valid_until:
            return VoucherState.EXPIRED
        return self.state

    def take_back(self, now: datetime) -> None:
        """The order that earned it is refunded."""
        state = self.state_at(now)
        if state in (VoucherState.ISSUED, VoucherState.HELD):
            self.state = VoucherState.VOIDED
        elif state is not VoucherState.REDEEMED:
            return
        self.is_forfeited = True

    def free_for(self, order_no: str, now: datetime) -> bool:
        """Whether that order may use it."""
        state = self.state_at(now)
        return state is VoucherState.ISSUED or (
            state is VoucherState.HELD and self.order_no == order_no
        )


@dataclass
class Model:
    """All vouchers by id, and whether the campaign takes claims and redemptions."""

    vouchers: dict[str, Held] = field(default_factory=dict)
    is_paused: bool = False

    def claimed(self, person: int, type_id: str, round_id: str, refs: dict[str, int]) -> int:
        """How many of the type the person has taken in the round."""
        return sum(
            refs[name] == person
            and (held.voucher.voucher_type_id, held.voucher.round_id) == (type_id, round_id)
            and not (held.is_forfeited and held.state is VoucherState.VOIDED)
            for name, held in self.vouchers.items()
        )


class Life(RuleBasedStateMachine):
    """One campaign from its approval to its closing."""

    world: ClassVar[World]
    vouchers: Bundle[str] = Bundle("vouchers")
    used: Bundle[str] = Bundle("used")

    @initialize(
        target=vouchers,
        whole_valid=st.sampled_from(["RESTORE", "VOID"]),
        whole_expired=st.sampled_from(["LAPSE", "VOID"]),
        part=st.sampled_from(["PRO_RATA", "RECLAIM_ALL", "KEEP"]),
        rollover=st.sampled_from(["NEXT_ROUND", "UNALLOCATED"]),
    )
    def begin(
        self, whole_valid: str, whole_expired: str, part: str, rollover: str
    ) -> MultipleResults[str]:
        """Any choice of policies; each person has claimed one of each type."""
        self.world.clear()
        plain = document()
        stock = [allocation(t, p, UNITS) for t in TYPES for p in PLATFORMS]
        self.policies = {
            "whole_valid": whole_valid,
            "whole_expired": whole_expired,
            "part": part,
            "window_days": 1,
        }
        changed = {
            **plain,
            "rounds": [{**each, "stock": stock} for each in plain["rounds"]],
            "limits": [{"scope": "VOUCHER_TYPE_PER_ROUND", "max_count": PER_TYPE}],
            "refunds": self.policies,
            "rollover": rollover,
            "packs": [PACK],
        }
        self.world.run(with_thanks(with_gifts(changed, 6), 4))
        self.model = Model()
        self.person_of: dict[str, int] = {}
        self.numbers = 0
        self.orders: dict[str, int] = {}
        self.packs: set[str] = set()
        self.grants: dict[str, dict[str, int]] = {}
        self.voided: set[str] = set()
        # By voucher and by order: what earned it, and what of a plain order is left.
        self.earned_by: dict[str, str] = {}
        self.earned: dict[str, str] = {}
        self.plain_left: dict[str, int] = {}
        claimed = [
            self._claim(person, type_id, "unionpay", "r1")
            for person in range(PERSONS)
            for type_id in TYPES
        ]
        return multiple(*(name for name in claimed if name))

    def _asked(self, act: Callable[[], T], *, allowed: bool) -> T | None:
        """What is answered; None when it is refused. It is granted exactly when allowed."""
        try:
            answer = act()
        except HuiminError as refusal:
            refused = refusal
        else:
            assert allowed, answer
            return answer
        assert not allowed, refused
        return None

    def _number(self) -> int:
        self.numbers += 1
        return self.numbers

    @property
    def _closed(self) -> bool:
        """Whether there is nothing left to run, pause or resume."""
        return self.world.record().state is CampaignState.CLOSED

    @property
    def _takes_refunds(self) -> bool:
        """In the refund window, and once the campaign is closed."""
        campaign, now = self.world.record().campaign, self.world.now
        if now < campaign.refunds_end_at:
            return True
        return self._closed and now < campaign.late_refunds_end_at

    @rule(
        target=vouchers,
        person=st.integers(0, PERSONS - 1),
        type_id=st.sampled_from(TYPES),
        platform_id=st.sampled_from(PLATFORMS),
        wrong_round=st.integers(0, 9),
    )
    def claim(
        self, person: int, type_id: str, platform_id: str, wrong_round: int
    ) -> str | MultipleResults[str]:
        """In the round that opened last; sometimes in the second, whatever the time."""
        rounds = self.world.record().campaign.rounds
        opened = [r.round_id for r in rounds if r.opens_at <= self.world.now]
        round_id = opened[-1] if wrong_round else "r2"
        return self._claim(person, type_id, platform_id, round_id) or multiple()

    def _claim(self, person: int, type_id: str, platform_id: str, round_id: str) -> str:
        """Succeeds exactly when the round is open, stock is left, and the limit allows it."""
        world, now = self.world, self.world.now
        in_round = world.record().campaign.round(round_id)
        assert in_round is not None
        allowed = (
            in_round.opens_at <= now < in_round.closes_at
            and not self.model.is_paused
            and world.units(round_id, type_id, platform_id)[1] > 0
            and self.model.claimed(person, type_id, round_id, self.person_of) < PER_TYPE
        )
        voucher = self._asked(
            lambda: world.claim(
                f"n{self._number()}",
                person=person,
                round_id=round_id,
                type_id=type_id,
                platform_id=platform_id,
            ),
            allowed=allowed,
        )
        if voucher is None:
            return ""
        self.model.vouchers[voucher.voucher_id] = Held(voucher)
        self.person_of[voucher.voucher_id] = person
        return voucher.voucher_id

    @rule(target=vouchers, person=st.integers(0, PERSONS - 1))
    def claim_pack(self, person: int) -> MultipleResults[str]:
        """One of each type or nothing, in round 1 on one platform."""
        world, now = self.world, self.world.now
        in_round = world.record().campaign.round("r1")
        assert in_round is not None
        allowed = (
            in_round.opens_at <= now < in_round.closes_at
            and not self.model.is_paused
            and all(world.units("r1", t, "unionpay")[1] > 0 for t in TYPES)
            and all(self.model.claimed(person, t, "r1", self.person_of) < PER_TYPE for t in TYPES)
        )
        number = f"n{self._number()}"
        pack = self._asked(lambda: world.claim_pack(number, "both", person=person), allowed=allowed)
        if pack:
            self.packs.add(number)
        for voucher in pack or ():
            self.model.vouchers[voucher.voucher_id] = Held(voucher)
            self.person_of[voucher.voucher_id] = person
        return multiple(*(voucher.voucher_id for voucher in pack or ()))

    @rule(persons=st.sets(st.integers(0, PERSONS - 1), min_size=1))
    def approve_grant(self, persons: set[int]) -> None:
        """A list is taken while round 1 is not over, and approved while there is stock for it."""
        world, number = self.world, f"g{self._number()}"
        in_round = world.record().campaign.round("r1")
        assert in_round is not None
        listed = self._asked(
            lambda: world.list_persons(number, sorted(persons)),
            allowed=world.now < in_round.closes_at,
        )
        if listed is None:
            return
        approved = self._asked(
            lambda: world.approve_grant(number, len(persons)),
            allowed=world.units("r1", "gift")[1] >= len(persons),
        )
        if approved:
            names = [each.voucher_id for each in listed]
            self.grants[number] = dict(zip(names, sorted(persons), strict=True))

    @rule(target=vouchers)
    def carry_out_grants(self) -> MultipleResults[str]:
        """Whoever may have one gets one, as long as there are; again, nothing happens twice."""
        granted = [name for number in sorted(self.grants) for name in self._carry_out(number)]
        return multiple(*granted)

    def _carry_out(self, number: str) -> list[str]:
        world, now = self.world, self.world.now
        in_round = world.record().campaign.round("r1")
        assert in_round is not None
        people = self.grants[number]
        before = self._row_states(number)
        may = {
            name
            for name, person in people.items()
            if before[name] is RowState.LISTED
            and self.model.claimed(person, "gift", "r1", self.person_of) < PER_TYPE
        }
        stock = world.units("r1", "gift")[1]
        is_open = in_round.opens_at <= now < in_round.closes_at and not self.model.is_paused
        if self._asked(lambda: world.carry_out(number), allowed=is_open) is None:
            return []
        after = self._row_states(number)
        new = [name for name in people if after[name] is not before[name]]
        granted = [name for name in new if after[name] is RowState.GRANTED]
        assert set(granted) <= may
        assert len(granted) == min(stock, len(may))
        assert all(before[name] is RowState.LISTED for name in new)
        # Whoever may have none is refused, unless the run came to its end before.
        assert all(after[n] is not RowState.LISTED for n in people) or stock == len(granted)
        for voucher in world.stores.vouchers.many(granted):
            self.model.vouchers[voucher.voucher_id] = Held(voucher)
            self.person_of[voucher.voucher_id] = people[voucher.voucher_id]
        return granted

    def _row_states(self, number: str) -> dict[str, RowState]:
        return {
            row.voucher_id: row.state
            for part in range(GRANT_PARTS)
            for row in self.world.grants.rows(CAMPAIGN, number, part=part, after=None, limit=9)
        }

    @rule(name=vouchers)
    def claim_again(self, name: str) -> None:
        """The number of an old claim is answered with the old voucher, whatever became of it."""
        voucher = self.model.vouchers[name].voucher
        if voucher.request_no in self.grants:
            return
        if name in self.earned_by:
            person, order_no = self.person_of[name], self.earned_by[name]
            again_earned = self.world.earn(order_no, person=person, order_fen=self.orders[order_no])
            assert again_earned.voucher_id == name
            return
        if voucher.request_no in self.packs:
            again = self.world.claim_pack(voucher.request_no, "both", person=self.person_of[name])
        else:
            again = (
                self.world.claim(
                    voucher.request_no,
                    person=self.person_of[name],
                    round_id=voucher.round_id,
                    type_id=voucher.voucher_type_id,
                    platform_id=voucher.platform_id,
                ),
            )
        assert name in {each.voucher_id for each in again}

    @rule(target=vouchers, person=st.integers(0, PERSONS - 1), order_fen=st.integers(4_000, 9_000))
    def earn(self, person: int, order_fen: int) -> str | MultipleResults[str]:
        """A plain order of enough earns a voucher, under the same limits as a claim."""
        order_no = f"p{self._number()}"
        self.orders[order_no] = order_fen
        return self._earn(order_no, person, order_fen, left_fen=order_fen) or multiple()

    @rule(target=vouchers, name=used)
    def earn_by_redeeming(self, name: str) -> str | MultipleResults[str]:
        """An order that redeemed a voucher earns one for the same person, of what is left of it."""
        held = self.model.vouchers[name]
        if held.redemption is None or held.redemption.order_no in self.earned:
            return multiple()
        order_no, order_fen = held.redemption.order_no, held.redemption.amounts.order_fen
        left_fen = order_fen - held.refunded_fen
        if held.voucher.platform_id != "unionpay":
            return multiple()
        return self._earn(order_no, self.person_of[name], order_fen, left_fen) or multiple()

    def _earn(self, order_no: str, person: int, order_fen: int, left_fen: int) -> str:
        world, now = self.world, self.world.now
        in_round = world.record().campaign.round("r1")
        assert in_round is not None
        voucher = self._asked(
            lambda: world.earn(order_no, person=person, order_fen=order_fen),
            allowed=(
                in_round.opens_at <= now < in_round.closes_at
                and not self.model.is_paused
                and left_fen >= EARNS_FEN
                and world.units("r1", "thanks")[1] > 0
                and self.model.claimed(person, "thanks", "r1", self.person_of) < PER_TYPE
            ),
        )
        if voucher is None:
            return ""
        name = voucher.voucher_id
        self.model.vouchers[name] = Held(voucher)
        self.person_of[name] = person
        self.earned_by[name], self.earned[order_no] = order_no, name
        if order_no.startswith("p"):
            self.plain_left[order_no] = order_fen
        return name

    @rule(name=vouchers, refund_fen=st.integers(1, 9_000))
    def refund_a_plain_order(self, name: str, refund_fen: int) -> None:
        """Never more than was paid; the voucher is taken back when too little is left."""
        order_no = self.earned_by.get(name, "")
        if order_no not in self.plain_left:
            return
        held, left_fen = self.model.vouchers[name], self.plain_left[order_no] - refund_fen
        refund = self._asked(
            lambda: self.world.refund_plain(held.voucher, f"f{self._number()}", refund_fen),
            allowed=self._takes_refunds and left_fen >= 0,
        )
        if refund is None:
            return
        self.plain_left[order_no] = left_fen
        assert refund.base_left_fen == left_fen
        if left_fen < EARNS_FEN:
            held.take_back(self.world.now)
        assert refund.voucher_state is held.state_at(self.world.now)

    @rule(
        by=st.sampled_from([-4, -1, 1, 3]),
        round_id=st.sampled_from(["r1", "r2"]),
        type_id=st.sampled_from(TYPES),
    )
    def change_stock(self, by: int, round_id: str, type_id: str) -> None:
        """Succeeds exactly when the round is not over and units, or money, are there for it."""
        world = self.world
        in_round = world.record().campaign.round(round_id)
        assert in_round is not None
        pool = world.pool(round_id, type_id)
        funds = world.record().funds
        allowed = (
            world.now < in_round.closes_at
            and pool.planned_units + by >= 0
            and (
                funds.unallocated_fen >= by * pool.unit_reserve_fen
                if by > 0
                else world.units(round_id, type_id)[1] >= -by
            )
        )
        if pool.planned_units + by < 0:
            return
        number = f"c{self._number()}"

        def change() -> StockChange:
            world.propose(number, pool.planned_units + by, round_id, type_id)
            return world.approve_change(number)

        before = world.units(round_id, type_id)
        changed = self._asked(change, allowed=allowed)
        if changed is None:
            return
        assert (changed.state, changed.signed_units) == (ChangeState.DONE, by)
        if by < 0:
            assert world.units(round_id, type_id) == (before[0] + by, before[1] + by)
        # Processes remember "sold out" for two seconds.
        world.now += timedelta(seconds=2)

    @rule(name=vouchers)
    def void(self, name: str) -> None:
        """Succeeds exactly when the voucher is unused and has not ended; again, nothing happens."""
        held = self.model.vouchers[name]
        unused = held.state_at(self.world.now) in (VoucherState.ISSUED, VoucherState.HELD)
        voided = self._asked(
            lambda: self.world.void(held.voucher, f"{name}-void"),
            allowed=unused or name in self.voided,
        )
        if voided:
            held.state = VoucherState.VOIDED
            self.voided.add(name)

    @rule(name=vouchers, order=st.integers(0, 1))
    def hold(self, name: str, order: int) -> None:
        """Succeeds exactly when the order may use the voucher."""
        held = self.model.vouchers[name]
        order_no = f"{name}-{order}"
        mine = held.state_at(self.world.now) is VoucherState.HELD and held.order_no == order_no
        allowed = mine or (held.free_for(order_no, self.world.now) and not self.model.is_paused)
        answer = self._asked(
            lambda: self.world.till.hold_voucher(
                held.voucher.platform_id, name, order_no, self.world.now
            ),
            allowed=allowed,
        )
        if answer:
            held.state, held.order_no = VoucherState.HELD, order_no
            held.held_until = answer[0].held_until

    @rule(name=vouchers, order=st.integers(0, 1))
    def release(self, name: str, order: int) -> None:
        """Succeeds exactly when the order holds the voucher, or was the last to give it back."""
        held = self.model.vouchers[name]
        order_no = f"{name}-{order}"
        if held.state_at(self.world.now) is VoucherState.EXPIRED:
            # Whether a sweep has written that down decides; nothing follows from it.
            return
        given_back = held.state is VoucherState.ISSUED and held.order_no == order_no
        holds = held.state is VoucherState.HELD and held.order_no == order_no
        answer = self._asked(
            lambda: self.world.till.release_voucher(
                held.voucher.platform_id, name, order_no, self.world.now
            ),
            allowed=holds or given_back,
        )
        if answer:
            held.state = VoucherState.ISSUED

    @rule(
        target=used,
        name=vouchers,
        order=st.integers(0, 2),
        order_fen=st.integers(5_000, 30_000),
    )
    def redeem(self, name: str, order: int, order_fen: int) -> str | MultipleResults[str]:
        """Succeeds exactly when the order may use the voucher and the campaign is not paused."""
        held = self.model.vouchers[name]
        order_no = f"{name}-{order}"
        before = self.orders.get(order_no)
        free = held.free_for(order_no, self.world.now) and not self.model.is_paused
        redemption = self._asked(
            lambda: self.world.redeem(held.voucher, order_no, order_fen=order_fen),
            # An order that was redeemed before is answered again, if it is the same order.
            allowed=free if before is None else before == order_fen,
        )
        if redemption is None or before is not None:
            return multiple()
        self.orders[order_no] = order_fen
        held.state, held.order_no = VoucherState.REDEEMED, order_no
        held.redemption, held.refunded_fen = redemption, 0
        held.fiscal_net_fen = redemption.amounts.parts.fiscal_fen
        return name

    @rule(name=used, share=st.integers(1, 4))
    def refund(self, name: str, share: int) -> None:
        """A fourth up to all of what the order was paid with."""
        self._refund(name, share)

    def _refund(self, name: str, share: int) -> None:
        held = self.model.vouchers[name]
        if held.redemption is None:
            return
        whole_fen = held.redemption.amounts.refundable_fen
        refund_fen = whole_fen * share // 4
        allowed = self._takes_refunds and held.refunded_fen + refund_fen <= whole_fen
        redemption = held.redemption
        refund = self._asked(
            lambda: self.world.refund(redemption, f"f{self._number()}", refund_fen),
            allowed=allowed,
        )
        if refund is None:
            return
        held.refunded_fen += refund_fen
        held.fiscal_net_fen -= refund.parts.fiscal_fen
        earned = self.earned.get(redemption.order_no)
        if earned and whole_fen - held.refunded_fen < EARNS_FEN:
            self.model.vouchers[earned].take_back(self.world.now)
        if refund_fen == whole_fen:
            valid = self.world.now < held.voucher.valid_until
            policy = self.policies["whole_valid" if valid else "whole_expired"]
            held.state = {
                "RESTORE": VoucherState.ISSUED,
                "VOID": VoucherState.VOIDED,
                "LAPSE": VoucherState.EXPIRED,
            }[str(policy)]
            if held.is_forfeited and held.state is VoucherState.ISSUED:
                held.state = VoucherState.VOIDED
            held.redemption = None

    @rule(step=st.sampled_from(STEPS))
    def let_time_pass(self, step: timedelta) -> None:
        """Rounds open and close, vouchers end, the refund window passes."""
        self.world.now += step

    @rule(how_far=st.sampled_from(["sweep", "roll over", "tick"]))
    def reconcile(self, how_far: str) -> None:
        """A whole run of the reconciler, or one of which only a part was done."""
        if how_far == "tick":
            self.world.tick()
            # Services remember for two seconds that it was not closed yet.
            self.world.begin()
        elif how_far == "sweep" and not self._closed:
            self.world.sweep()
        elif not self._closed:
            self.world.roll_over()

    @rule()
    def pause_or_resume(self) -> None:
        """Stops claims and redemptions, or starts them again."""
        if self._closed:
            return
        if self.model.is_paused:
            self.world.bureau.resume_campaign(CAMPAIGN, self.world.now)
        else:
            self.world.bureau.pause_campaign(CAMPAIGN, self.world.now)
        self.model.is_paused = not self.model.is_paused
        # What the services remember of the campaign is older than that.
        self.world.begin()

    @invariant()
    def every_promise_is_kept(self) -> None:
        """All that can be counted, counted; and each voucher is what the model says."""
        if not hasattr(self, "model"):
            return
        _, snapshot = self.world.sound_snapshots()[CAMPAIGN]
        now = self.world.now
        found = {
            voucher.voucher_id: voucher.state_at(now)
            for voucher in self.world.stores.vouchers.many(list(self.model.vouchers))
        }
        expected = {name: held.state_at(now) for name, held in self.model.vouchers.items()}
        assert found == expected
        spent_fen = sum(held.fiscal_net_fen for held in self.model.vouchers.values())
        assert snapshot.redeemed_net_fen == spent_fen

    def teardown(self) -> None:
        """The campaign ends, and every fen that was not spent goes back; and of late refunds."""
        if not hasattr(self, "model"):
            return
        world = self.world
        world.now = max(world.now, world.record().campaign.refunds_end_at + SETTLING)
        world.now += timedelta(days=1)
        for _ in range(2):
            closing = world.tick()
        assert closing.fund_return is not None, closing.reasons
        world.begin()
        for name, held in list(self.model.vouchers.items())[::2]:
            if held.redemption is not None:
                self._refund(name, 3)
        self.every_promise_is_kept()
        world.now = max(world.now, world.record().campaign.late_refunds_end_at)
        world.now += timedelta(days=1)
        world.tick()
        assert not world.late.reasons
        _, snapshot = world.sound_snapshots()[CAMPAIGN]
        funds = snapshot.funds
        assert funds.returned_fen == funds.appropriated_fen - snapshot.redeemed_net_fen


def test_no_life_of_a_campaign_loses_or_makes_a_fen(world: World) -> None:
    Life.world = world
    run_state_machine_as_test(
        Life, settings=settings(max_examples=15, stateful_step_count=25, deadline=None)
    )
