"""A stage for campaigns: the real stores and services on moto, a clock, and short ways to act.

The sizes that production needs are made small here, so that a handful of vouchers fills several
shards and several transactions.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any
from unittest.mock import patch

from moto.dynamodb.models import dynamodb_backends
from moto.s3.models import s3_backends

from functions.campaign.service import CampaignService
from functions.campaign.stock import PoolService
from functions.campaign.vouchers import VoucherDesk
from functions.earn.service import EarnService, EarnStores, PlainRefund, Purchase
from functions.finance.breaks import BreakDesk
from functions.finance.payments import PaymentDesk
from functions.finance.returns import ReturnDesk
from functions.finance.settlements import SettlementDesk
from functions.grant.service import GrantService, Listed
from functions.issue.service import Claim, ClaimService
from functions.reconcile.closing import Closing, close_campaign
from functions.reconcile.funding import follow_state, fund_campaign
from functions.reconcile.rollover import roll_over
from functions.reconcile.stock_changes import finish_changes
from functions.reconcile.stores import MoneyStores
from functions.reconcile.supplements import Supplement, return_late
from functions.reconcile.sweep import Budget, SweepRun, sweep_campaign
from functions.redeem.service import (
    RedeemService,
    RedeemStores,
    RedemptionRequest,
    RefundRequest,
)
from functions.shared.domain.breaks import (
    Break,
    MatchRow,
    MatchState,
    ResolutionKind,
    break_id_of,
)
from functions.shared.domain.business_time import business_date
from functions.shared.domain.campaign import CampaignState
from functions.shared.domain.claims import PersonFacts
from functions.shared.domain.earnings import EarningRefund
from functions.shared.domain.errors import Busy, Code
from functions.shared.domain.funds import CampaignRecord, Pool
from functions.shared.domain.grants import Grant, Progress
from functions.shared.domain.identity import IdentityKind
from functions.shared.domain.invariants import check_all, require_all
from functions.shared.domain.keys import derive_keys
from functions.shared.domain.ledger import Redemption, Refund
from functions.shared.domain.registry import Merchant
from functions.shared.domain.snapshot import Snapshot
from functions.shared.domain.stock_changes import StockChange
from functions.shared.domain.vouchers import Voucher
from functions.shared.issuing.issuer import Issuer
from functions.shared.issuing.offers import Offers
from functions.shared.store.adjusting import AdjustingStore
from functions.shared.store.breaks import BreakStore
from functions.shared.store.claims import ClaimStore
from functions.shared.store.connection import Database
from functions.shared.store.earnings import EarningStore
from functions.shared.store.grants import GrantStore
from functions.shared.store.ledger import LedgerStore
from functions.shared.store.objects import ObjectStore
from functions.shared.store.refusals import RefusalStore
from functions.shared.store.registry import RegistryStore
from functions.shared.store.settlements import SettlementStore
from functions.shared.store.shards import ShardStore
from functions.shared.store.signing import Signer
from functions.shared.store.tables import MODELS
from functions.shared.store.transaction import RetryPolicy
from infra.local.signing_key import make_signing_key
from tests.support.campaigns import contract
from tests.support.days import statement_of
from tests.support.deployment import BUCKET, PREFIX, REGION, SECRET, SIGNING_KEY
from tests.support.events import ACCOUNT
from tests.support.faults import Injector
from tests.support.rows import bill_row_of

CAMPAIGN = "spring"
MERCHANT = "noodle-bar"
OPERATOR, APPROVER = "li.na", "wang.wei"
# Round 1 opens; 10:00 in Beijing.
START = datetime(2026, 1, 5, 2, tzinfo=UTC)
DAY = timedelta(days=1)
GRANT_PARTS = 2
# From here on an order earns a voucher.
EARNS_FEN = 5_000


@contextmanager
def small_batches() -> Iterator[None]:
    """Two shards or vouchers a transaction, two segments of the index and parts of a grant."""
    with ExitStack() as patched:
        for name, value in (
            ("functions.shared.store.stock.SHARDS_PER_TRANSACTION", 2),
            ("functions.shared.store.stock.DRAWN_SHARDS_PER_TRANSACTION", 2),
            ("functions.shared.store.vouchers.ISSUE_SEGMENTS", 2),
            ("functions.reconcile.sweep.EXPIRED_PER_TRANSACTION", 2),
            ("functions.shared.domain.grants.PARTS", GRANT_PARTS),
            ("functions.shared.store.grants.PARTS", GRANT_PARTS),
            ("functions.shared.store.recount.PARTS", GRANT_PARTS),
        ):
            patched.enter_context(patch(name, value))
        yield


def voucher_type(
    voucher_type_id: str, validity: Mapping[str, Any] | None = None, **changes: object
) -> dict[str, Any]:
    """A voucher type of a document: 20 off 50, paid by the budget, good for its round."""
    plain = {
        "voucher_type_id": voucher_type_id,
        "name": {"zh": "满50减20", "en": "20 off 50"},
        "kind": "INSTANT_REDUCTION",
        "face_fen": 2_000,
        "threshold_fen": 5_000,
        "threshold_base": "ORDER",
        "funding": {"fiscal_bp": 10_000, "platform_bp": 0, "merchant_bp": 0},
        "validity": validity or {"kind": "ROUND"},
    }
    return {key: value for key, value in (plain | changes).items() if value is not None}


SHARED_DISCOUNT = voucher_type(
    "shared",
    {"kind": "DAYS", "days": 2},
    kind="DISCOUNT",
    face_fen=None,
    percent_off_bp=2_000,
    cap_fen=3_001,
    threshold_fen=1_000,
    funding={"fiscal_bp": 5_500, "platform_bp": 2_500, "merchant_bp": 2_000},
)
"""20 % off, at most 30.01 yuan, paid by three; good for two business dates."""


def allocation(voucher_type_id: str, platform_id: str, units: int) -> dict[str, Any]:
    """Stock of a document, two units or more a shard, in six shards at most."""
    return {
        "voucher_type_id": voucher_type_id,
        "platform_id": platform_id,
        "units": units,
        "expected_claims_per_s": 10 * max(1, min(6, units // 2)),
    }


def document(**changes: object) -> dict[str, Any]:
    """Two rounds of three days, a day apart; two types; two platforms; 5 units of each."""
    stock = [
        allocation(type_id, platform_id, 5)
        for type_id in ("full", "shared")
        for platform_id in ("unionpay", "meituan")
    ]
    rounds = [
        {
            "round_id": f"r{number + 1}",
            "opens_at": (START + number * 4 * DAY).isoformat(),
            "closes_at": (START + number * 4 * DAY + 3 * DAY).isoformat(),
            "stock": stock,
        }
        for number in range(2)
    ]
    return {
        "schema_version": 1,
        "campaign_id": CAMPAIGN,
        "name": {"zh": "春季消费券", "en": "Spring vouchers"},
        "appropriated_fen": 100_007,
        "source_account": {
            "name": "区商务局零余额账户",
            "number": "0200001234567890123",
            "bank": "示例银行",
            "bank_code": "102100000000",
        },
        "holding_account": {
            "name": "示例区消费券专户",
            "number": "0200009876543210987",
            "bank": "示例银行",
            "bank_code": "102100000001",
        },
        "contracts": [contract("unionpay")],
        "person": {
            "identities": ["IDENTITY_NUMBER", "PHONE"],
            "eligibility": {"real_name": False, "located_in": []},
        },
        "scope": {"industries": ["dining"]},
        "voucher_types": [voucher_type("full"), SHARED_DISCOUNT],
        "rounds": rounds,
        "limits": [
            {"scope": "VOUCHER_TYPE_PER_ROUND", "max_count": 2},
            {"scope": "MERCHANT_PER_DAY", "max_count": 2},
        ],
        "refunds": {
            "whole_valid": "RESTORE",
            "whole_expired": "LAPSE",
            "part": "PRO_RATA",
            "window_days": 1,
        },
        "hold_s": 900,
        "rollover": "NEXT_ROUND",
        **changes,
    }


def with_gifts(plain: dict[str, Any], units: int = 3) -> dict[str, Any]:
    """The document with vouchers besides that the bureau grants in round 1, on unionpay."""
    gift = voucher_type("gift", distribution="DIRECT")
    first, *others = plain["rounds"]
    stock = [*first["stock"], allocation("gift", "unionpay", units)]
    return {
        **plain,
        "voucher_types": [*plain["voucher_types"], gift],
        "rounds": [{**first, "stock": stock}, *others],
    }


def with_thanks(plain: dict[str, Any], units: int = 3) -> dict[str, Any]:
    """The document with vouchers besides that orders from 50 yuan earn in round 1, on unionpay."""
    thanks = voucher_type(
        "thanks",
        distribution="EARNED",
        earned_by={"threshold_fen": EARNS_FEN, "threshold_base": "ORDER"},
    )
    first, *others = plain["rounds"]
    stock = [*first["stock"], allocation("thanks", "unionpay", units)]
    return {
        **plain,
        "voucher_types": [*plain["voucher_types"], thanks],
        "rounds": [{**first, "stock": stock}, *others],
    }


@dataclass
class Kept:
    """What a stage remembers."""

    items: dict[str, Any]
    objects: Any
    now: datetime


class World:
    """One deployment whose tables can be put back. A `tests.support.faults.Stage`."""

    def __init__(self) -> None:
        retry = RetryPolicy(sleep=lambda _: None)
        self.database = Database(PREFIX, retry=retry)
        for model in MODELS:
            model.create_table(billing_mode="PAY_PER_REQUEST")
        self._objects = ObjectStore(BUCKET)
        self._objects.client.create_bucket(
            Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION}
        )
        self._objects.client.put_bucket_versioning(
            Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"}
        )
        make_signing_key(SIGNING_KEY)
        self._injector = Injector([self.database.client, self._objects.client])
        self.now = START
        self.late = Supplement()
        # What a set-up leaves for the operation that follows; it outlasts a restore.
        self.voucher: Voucher
        self.redemption: Redemption
        self.earned: Voucher
        self.numbers = 0
        self._audited: dict[str, dict[str, tuple[CampaignState, Snapshot]]] = {}
        self._kept = self._blank = self._held()
        self.begin()

    # What the stage holds

    @property
    def injector(self) -> Injector:
        """The injector on DynamoDB and S3."""
        return self._injector

    def begin(self) -> None:
        """New processes: nothing is remembered from earlier requests."""
        keys = derive_keys(SECRET)
        self.stores = MoneyStores.of(self.database, self._objects, Signer(SIGNING_KEY))
        self.return_desk = ReturnDesk(self.stores.returns, self.stores.payments)
        self.payment_desk = PaymentDesk(self.stores.payments)
        self.settlements = SettlementStore(self.database)
        self.settlement_desk = SettlementDesk(
            self.stores.campaigns, self.settlements, self.stores.payouts, self.stores.payments
        )
        self.breaks = BreakStore(self.database)
        self.break_desk = BreakDesk(self.breaks, self.stores.campaigns, self.stores.vouchers)
        self.adjusting = AdjustingStore(self.database)
        self.ledger = LedgerStore(self.database)
        self.registry = RegistryStore(self.database)
        stores = self.stores
        random = Random(7)  # noqa: S311 - a failure must be repeatable
        self.bureau = CampaignService(
            stores.campaigns, stores.stock, self.registry, bureau_roles=()
        )
        self.desk = VoucherDesk(stores.vouchers, RefusalStore(self.database))
        self.pools = PoolService(stores.campaigns, stores.stock, stores.changes)
        self.shards = ShardStore(self.database)
        issuer = Issuer(ClaimStore(self.database), self.shards, random, sleep=lambda _: None)
        self.issuer = ClaimService(
            Offers(stores.campaigns, stores.stock), stores.vouchers, issuer, keys
        )
        self.grants = GrantService(
            stores.campaigns, stores.stock, GrantStore(self.database), issuer, keys
        )
        self.earning = EarnService(
            Offers(stores.campaigns, stores.stock),
            EarnStores(stores.vouchers, self.ledger, self.registry, EarningStore(self.database)),
            issuer,
            keys,
        )
        self.till = RedeemService(
            RedeemStores(
                stores.campaigns,
                stores.vouchers,
                self.ledger,
                self.registry,
                RefusalStore(self.database),
            ),
            keys,
        )

    def clear(self) -> None:
        """Empties every table and the bucket, and sets the clock to START."""
        self._kept = self._blank
        self.restore()

    def keep(self) -> None:
        """Remembers what the tables and the bucket hold, and the time."""
        self._kept = self._held()

    def _held(self) -> Kept:
        return Kept(
            {name: copy.deepcopy(table.items) for name, table in _tables().items()},
            copy.deepcopy(_bucket().keys),
            self.now,
        )

    def restore(self) -> None:
        """Puts back what was kept; processes begin anew."""
        for name, table in _tables().items():
            table.items = copy.deepcopy(self._kept.items[name])
            # The quick tables of the local stack find their items again.
            table.__dict__.update(_hash_indexes={}, _handed_out={})
        _bucket().keys = copy.deepcopy(self._kept.objects)
        self.now = self._kept.now
        self.begin()

    def require_sound(self) -> None:
        """Passes when every promise about every campaign is kept."""
        self.audit()

    def audit(self) -> object:
        """Checks every promise about every campaign.

        Returns money and records, and the files; not in which shard a unit lies. Tables that were
        found sound are not counted again.
        """
        found = [(state, _essence(snapshot)) for state, snapshot in self.sound_snapshots().values()]
        return found, self.files()

    def sound_snapshots(self) -> dict[str, tuple[CampaignState, Snapshot]]:
        """Each campaign by id, once every promise about it is found kept."""
        held = _raw()
        if held not in self._audited:
            found = {}
            for record in sorted(self.stores.campaigns.all(), key=lambda r: r.campaign.campaign_id):
                snapshot = self.stores.recounts.snapshot(record)
                require_all(check_all(snapshot))
                found[record.campaign.campaign_id] = record.state, snapshot
            if len(self._audited) > 1_000:
                self._audited.clear()
            self._audited[held] = found
        return self._audited[held]

    def files(self) -> dict[str, bytes]:
        """Every object of the bucket."""
        found = {}
        for key in self._objects.keys(""):
            stored = self._objects.get(key)
            assert stored is not None
            found[key] = stored.data
        return found

    def forget_file(self, key: str) -> None:
        """As if the object had never been written."""
        del _bucket().keys[key]

    # Short ways to act, at the stage's time

    def record(self, campaign_id: str = CAMPAIGN) -> CampaignRecord:
        """The campaign as stored."""
        record = self.stores.campaigns.get(campaign_id)
        assert record is not None
        return record

    def snapshot(self) -> Snapshot:
        """All that the tables hold about the campaign."""
        return self.stores.recounts.snapshot(self.record())

    def pool(self, round_id: str, type_id: str = "full", platform_id: str = "unionpay") -> Pool:
        """One pool."""
        pool = self.stores.stock.pool(CAMPAIGN, f"{round_id}/{type_id}/{platform_id}")
        assert pool is not None
        return pool

    def units(
        self, round_id: str, type_id: str = "full", platform_id: str = "unionpay"
    ) -> tuple[int, int]:
        """A pool's allocated and available units."""
        shards = self.stores.stock.shards(self.pool(round_id, type_id, platform_id))
        return sum(s.allocated for s in shards), sum(s.available for s in shards)

    def draft(self, plain: dict[str, Any] | None = None) -> CampaignRecord:
        """Makes the campaign and registers its merchant."""
        self.bureau.put_merchant(
            Merchant(
                merchant_id=MERCHANT,
                effective_on=date(2025, 1, 1),
                name="面馆",
                credit_code="91110000000000000X",
                industry="dining",
                size_class="SMALL",
                district="110107",
                active=True,
                made_by=OPERATOR,
            ),
            now=self.now,
        )
        plain = plain or document()
        return self.bureau.put_campaign(
            plain["campaign_id"], plain, expected_version=None, made_by=OPERATOR, now=self.now
        )

    def run(self, plain: dict[str, Any] | None = None) -> CampaignRecord:
        """Makes and approves the campaign."""
        draft = self.draft(plain)
        return self.bureau.approve_campaign(
            draft.campaign.campaign_id, version=draft.version, approver=APPROVER, now=self.now
        )

    def claim(
        self,
        request_no: str,
        *,
        person: int = 0,
        round_id: str = "r1",
        type_id: str = "full",
        platform_id: str = "unionpay",
    ) -> Voucher:
        """Claims for a person; the identity number is already normalised, and nobody's."""
        return self._claimed(request_no, person, round_id, platform_id, type_id=type_id)[0]

    def claim_pack(self, request_no: str, pack_id: str, *, person: int = 0) -> tuple[Voucher, ...]:
        """The same for a pack, in round 1 on one platform."""
        return self._claimed(request_no, person, "r1", "unionpay", pack_id=pack_id)

    def _claimed(
        self,
        request_no: str,
        person: int,
        round_id: str,
        platform_id: str,
        *,
        type_id: str | None = None,
        pack_id: str | None = None,
    ) -> tuple[Voucher, ...]:
        claim = Claim(
            platform_id=platform_id,
            request_no=request_no,
            campaign_id=CAMPAIGN,
            round_id=round_id,
            voucher_type_id=type_id,
            identities=_identities(person),
            facts=PersonFacts(real_name=False, located_in=None),
            pack_id=pack_id,
        )
        return self.issuer.claim_voucher(claim, self.now).vouchers

    def claim_late(self, request_no: str, *, at: datetime) -> Voucher:
        """A claim that was let in at that time, and is carried out now."""
        now, self.now = self.now, at
        try:
            return self.claim(request_no, person=99)
        finally:
            self.now = now

    def redeem(self, voucher: Voucher, order_no: str, *, order_fen: int = 6_000) -> Redemption:
        """Redeems for an order."""
        request = RedemptionRequest(
            platform_id=voucher.platform_id,
            voucher_id=voucher.voucher_id,
            order_no=order_no,
            merchant_id=MERCHANT,
            order_fen=order_fen,
            merchant_discount_fen=0,
            platform_discount_fen=0,
        )
        return self.till.redeem_voucher(request, self.now)[0]

    def refund(
        self, redemption: Redemption, refund_no: str, refund_fen: int | None = None
    ) -> Refund:
        """Refunds a part, or the whole."""
        request = RefundRequest(
            platform_id=redemption.platform_id,
            redemption_id=redemption.redemption_id,
            refund_no=refund_no,
            refund_fen=refund_fen or redemption.amounts.refundable_fen,
        )
        return self.till.refund_redemption(request, self.now)[0]

    def earn(self, order_no: str, *, person: int = 0, order_fen: int = 6_000) -> Voucher:
        """The voucher that an order earns in round 1, on one platform."""
        purchase = Purchase(
            platform_id="unionpay",
            campaign_id=CAMPAIGN,
            round_id="r1",
            voucher_type_id="thanks",
            order_no=order_no,
            merchant_id=MERCHANT,
            order_fen=order_fen,
            merchant_discount_fen=0,
            platform_discount_fen=0,
            identities=_identities(person),
            facts=PersonFacts(real_name=False, located_in=None),
        )
        return self.earning.earn_voucher(purchase, self.now).voucher

    def refund_plain(self, earned: Voucher, refund_no: str, refund_fen: int) -> EarningRefund:
        """Refunds a part, or the whole, of the plain order that earned the voucher."""
        refund = PlainRefund(earned.platform_id, earned.voucher_id, refund_no, refund_fen)
        return self.earning.refund_earning(refund, self.now)[0]

    def propose(
        self, change_id: str, units_after: int, round_id: str = "r1", type_id: str = "shared"
    ) -> StockChange:
        """Proposes a change of a pool's units, from those that are planned now."""
        pool = self.pool(round_id, type_id)
        change = StockChange(
            campaign_id=CAMPAIGN,
            change_id=change_id,
            pool_key=pool.pool_key,
            units_before=pool.planned_units,
            units_after=units_after,
            reason="more guests than expected",
            made_by=OPERATOR,
            made_at=self.now,
        )
        return self.pools.propose(change, self.now)[0]

    def approve_change(self, change_id: str) -> StockChange:
        """Approves a change."""
        return self.pools.approve(CAMPAIGN, change_id, approver=APPROVER, now=self.now)

    def void(self, voucher: Voucher, void_no: str = "void-1") -> Voucher:
        """Makes a voucher void."""
        return self.desk.void(voucher.voucher_id, void_no=void_no, now=self.now)[0]

    def list_persons(self, grant_id: str, persons: Collection[int]) -> list[Listed]:
        """Makes a grant of gifts and lists those persons."""
        grant = Grant(
            campaign_id=CAMPAIGN,
            grant_id=grant_id,
            round_id="r1",
            voucher_type_id="gift",
            platform_id="unionpay",
            reason="elders",
            made_by=OPERATOR,
            made_at=self.now,
        )
        self.grants.make(grant, self.now)
        people = [_identities(person) for person in persons]
        return self.grants.list_persons(CAMPAIGN, grant_id, people)

    def approve_grant(self, grant_id: str, rows: int) -> Grant:
        """Approves the list of so many persons."""
        return self.grants.approve(CAMPAIGN, grant_id, rows=rows, approver=APPROVER, now=self.now)

    def carry_out(self, grant_id: str) -> Progress:
        """Carries out all parts of the list, in steps of two rows; how far it is then.

        Raises:
            Busy: a step met contention that outlasted the retries.

        """
        for part in range(GRANT_PARTS):
            after = None
            while True:
                run = self.grants.carry_out(
                    CAMPAIGN, grant_id, part=part, after=after, limit=2, now=self.now
                )
                if run.stopped_by is Code.BUSY:
                    raise Busy(operation="grant")
                if run.stopped_by or run.after is None:
                    break
                after = run.after
        return self.grants.grant(CAMPAIGN, grant_id)[1]

    # The reconciler

    def sweep(self, budget: Budget | None = None) -> SweepRun:
        """One sweep."""
        return sweep_campaign(self.record(), self.stores, self.now, budget or Budget())

    def roll_over(self, swept: SweepRun | None = None) -> bool:
        """One rollover."""
        touched = swept.touched if swept else frozenset()
        return roll_over(self.record(), self.stores, self.now, touched=touched)

    def show_break(self, bill_fen: int | None) -> None:
        """The bill has the stage's redemption with that voucher amount; None: as the ledger."""
        ledger, on = bill_row_of(self.redemption), self.redemption.business_on
        rows = []
        if bill_fen is not None:
            row = MatchRow(
                match_state=MatchState.AMOUNT_DIFFERS,
                campaign_id=CAMPAIGN,
                ledger=ledger,
                bill=replace(ledger, voucher_fen=bill_fen),
                break_id=break_id_of("unionpay", on, ledger),
            )
            rows.append(row)
        self.breaks.sync("unionpay", on, rows, bill_version=1, newest=0, now=self.now)

    def one_break(self) -> Break:
        """The stage's only break."""
        [found] = self.breaks.of_day("unionpay", self.redemption.business_on)
        return found

    def accept_bill(self) -> Break:
        """Two persons accept the bill's side of that break."""
        found, kind = self.one_break(), ResolutionKind.ACCEPT_BILL
        proposed, _ = self.break_desk.propose(
            found, kind, "checked", version=found.version, by=OPERATOR, now=self.now
        )
        return self.break_desk.approve(
            proposed, version=proposed.version, by=APPROVER, now=self.now
        )[0]

    def settle(self) -> None:
        """Settles every date with entries that is over."""
        today = business_date(self.now)
        snapshot = self.snapshot()
        done = {(s.platform_id, s.business_on) for s in snapshot.settlements}
        days = {(e.platform_id, e.business_on) for e in snapshot.redemptions}
        days |= {(e.platform_id, e.business_on) for e in snapshot.refunds}
        days |= {(e.platform_id, e.business_on) for e in snapshot.adjusting}
        for platform_id, on in sorted(days - done):
            if on >= today:
                continue
            found = self.ledger.of_day(CAMPAIGN, platform_id, on)
            adjusting = self.adjusting.of_day(CAMPAIGN, platform_id, on)
            statement = statement_of(CAMPAIGN, platform_id, on, found, adjusting=adjusting)
            self.settlements.commit(statement, now=self.now)
        self.settlements.advance(CAMPAIGN, today - DAY, now=self.now)

    def close(self) -> Closing:
        """One closing run; all days that have entries count as settled."""
        record = self.record()
        self.late = return_late(
            record, self.stores, self.now, recount=lambda _: check_all(self.snapshot())
        )
        return close_campaign(
            record, self.stores, self.now, unsettled=lambda _: (), budget=Budget()
        )

    def tick(self) -> Closing:
        """All that the reconciler does at a tick, in its order."""
        record = fund_campaign(self.record(), self.stores, self.now)
        follow_state(record, self.stores)
        finish_changes(record, self.stores, self.now)
        swept = self.sweep()
        self.roll_over(swept)
        self.settle()
        return self.close()


def _identities(person: int) -> dict[IdentityKind, str]:
    return {
        IdentityKind.IDENTITY_NUMBER: f"{person:018d}",
        IdentityKind.PHONE: f"{person:011d}",
    }


def _essence(snapshot: Snapshot) -> object:
    """What a snapshot holds, with a pool's shards added up."""
    pools: dict[str, list[object]] = {}
    for pool in snapshot.pools:
        shards = [s for s in snapshot.shards if s.shard_id in pool.shard_ids()]
        pools[pool.pool_key] = [
            pool.pot_fen,
            pool.planned_units,
            pool.change_id,
            pool.funded_shards,
            sum(s.allocated for s in shards),
            sum(s.available for s in shards),
            sum(s.issued for s in shards),
            sum(s.lapsed_fen for s in shards),
            len({s.state for s in shards} | {pool.state}),
        ]
    vouchers = [
        (v.voucher_id, v.state, v.slack_fen, v.redemption_id or "", v.is_forfeited)
        for v in snapshot.vouchers
    ]
    persons = [(p.identity_ref, dict(p.counters), p.voucher_ids) for p in snapshot.persons]
    return (
        snapshot.funds,
        pools,
        sorted(vouchers),
        sorted(map(repr, persons)),
        sorted(map(repr, snapshot.redemptions)),
        sorted(map(repr, snapshot.refunds)),
        sorted(map(repr, snapshot.settlements)),
        sorted(map(repr, snapshot.returns)),
        sorted(map(repr, snapshot.changes)),
        sorted(
            (grant.grant_id, grant.rows, sorted((s, sorted(i)) for s, i in grant.by_state.items()))
            for grant in snapshot.grants
        ),
        sorted(map(repr, snapshot.earnings)),
        sorted(map(repr, snapshot.adjusting)),
    )


def _raw() -> str:
    """All that the tables and the bucket hold, as text."""
    tables = {
        name: sorted(json.dumps(item.to_json(), sort_keys=True) for item in table.all_items())
        for name, table in _tables().items()
    }
    objects = sorted((key, stored.etag) for key, stored in _bucket().keys.items())
    return json.dumps([tables, objects])


def _tables() -> Any:  # noqa: ANN401 - moto's own
    return dynamodb_backends[ACCOUNT][REGION].tables


def _bucket() -> Any:  # noqa: ANN401 - moto's own
    backends = s3_backends[ACCOUNT]
    return next(b.buckets[BUCKET] for b in backends.values() if BUCKET in b.buckets)
