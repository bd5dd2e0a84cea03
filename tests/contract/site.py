"""A campaign on the engine, and processes that call its use cases at the same time."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from random import Random
from threading import Barrier
from typing import Any, TypeVar

from functions.campaign.service import CampaignService
from functions.campaign.stock import PoolService
from functions.earn.service import EarnService, EarnStores
from functions.grant.service import GrantService, Listed
from functions.issue.service import Claim, Claimed, ClaimService
from functions.redeem.service import RedeemService, RedeemStores
from functions.shared.domain.claims import PersonFacts
from functions.shared.domain.errors import Busy, Code, HuiminError
from functions.shared.domain.funds import Pool
from functions.shared.domain.grants import Grant
from functions.shared.domain.identity import IdentityKind
from functions.shared.domain.invariants import check_all, require_all
from functions.shared.domain.keys import derive_keys
from functions.shared.domain.registry import Merchant
from functions.shared.domain.stock_changes import ChangeState, StockChange
from functions.shared.domain.vouchers import Voucher
from functions.shared.issuing.issuer import Issuer
from functions.shared.issuing.offers import Offers
from functions.shared.store.campaigns import CampaignStore
from functions.shared.store.claims import ClaimStore
from functions.shared.store.earnings import EarningStore
from functions.shared.store.grants import GrantStore
from functions.shared.store.ledger import LedgerStore
from functions.shared.store.recount import RecountStore
from functions.shared.store.refusals import RefusalStore
from functions.shared.store.registry import RegistryStore
from functions.shared.store.shards import ShardStore
from functions.shared.store.stock import StockStore
from functions.shared.store.stock_changes import StockChangeStore
from functions.shared.store.vouchers import VoucherStore
from tests.support.campaigns import (
    CAMPAIGN_ID,
    OPEN,
    REDUCTION,
    ROUND_1,
    UNIONPAY,
    campaign_document,
)
from tests.support.deployment import SECRET
from tests.support.engine import make_tables

DRAFTED = datetime.fromisoformat("2026-01-02T10:00:00+08:00")
NOW = datetime.fromisoformat(OPEN)
MERCHANT = "noodles"
# As long as a caller would try again after 503.
PATIENCE_S = 60
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Stocked:
    """Units of a voucher type, and in how many shards."""

    units: int
    shards: int

    def section(self, voucher_type_id: str) -> dict[str, Any]:
        """The stock section of a document."""
        return {
            "voucher_type_id": voucher_type_id,
            "platform_id": UNIONPAY,
            "units": self.units,
            "expected_claims_per_s": 10 * self.shards,
        }


class Site:
    """One campaign in tables of its own; round 1 is open.

    Args:
        prefix: of the tables' names.
        stock: by voucher type, in round 1.
        changes: sections of the document.

    """

    def __init__(self, prefix: str, stock: Mapping[str, Stocked], **changes: object) -> None:
        self.database = make_tables(prefix)
        self.campaigns = CampaignStore(self.database)
        self.stock = StockStore(self.database)
        self.shards = ShardStore(self.database)
        self.vouchers = VoucherStore(self.database)
        self.registry = RegistryStore(self.database)
        self.keys = derive_keys(SECRET)
        self.changes = StockChangeStore(self.database)
        self.pools = PoolService(self.campaigns, self.stock, self.changes)
        self.bureau = CampaignService(self.campaigns, self.stock, self.registry, bureau_roles=())
        document = campaign_document(appropriated_fen=10**9, **changes)
        document["rounds"] = document["rounds"][:1]
        document["rounds"][0]["stock"] = [
            stocked.section(type_id) for type_id, stocked in stock.items()
        ]
        self._open(document)

    def _open(self, document: Mapping[str, Any]) -> None:
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
                made_by="li.na",
            ),
            now=DRAFTED,
        )
        draft = self.bureau.put_campaign(
            CAMPAIGN_ID, document, expected_version=None, made_by="li.na", now=DRAFTED
        )
        self.bureau.approve_campaign(
            CAMPAIGN_ID, version=draft.version, approver="wang.wei", now=DRAFTED
        )

    def pool(self, voucher_type_id: str = REDUCTION) -> Pool:
        """The pool of a type in round 1."""
        pool = self.stock.pool(CAMPAIGN_ID, f"{ROUND_1}/{voucher_type_id}/{UNIONPAY}")
        assert pool is not None
        return pool

    def change_stock(self, change_id: str, by: int) -> int:
        """Adds units, or takes some out; how many it was in the end. Alone in changing them."""
        planned = self.pool().planned_units
        change = StockChange(
            campaign_id=CAMPAIGN_ID,
            change_id=change_id,
            pool_key=self.pool().pool_key,
            units_before=planned,
            units_after=planned + by,
            reason="demand",
            made_by="li.na",
            made_at=NOW,
        )
        try:
            self.pools.propose(change, NOW)
            while self.pools.change(CAMPAIGN_ID, change_id).state is not ChangeState.DONE:
                self.pools.approve(CAMPAIGN_ID, change_id, approver="wang.wei", now=NOW)
        except HuiminError as refusal:
            if refusal.code is not Code.STOCK_INSUFFICIENT:
                raise
        return self.pool().planned_units - planned

    def left(self, voucher_type_id: str = REDUCTION) -> int:
        """Units that are not issued."""
        return sum(shard.available for shard in self.stock.shards(self.pool(voucher_type_id)))

    def issued(self) -> list[Voucher]:
        """Every voucher of the pool's campaign, as its persons' search would find them."""
        record = self.campaigns.get(CAMPAIGN_ID)
        assert record is not None
        snapshot = RecountStore(self.database).snapshot(record)
        return list(self.vouchers.many([v.voucher_id for v in snapshot.vouchers]))

    def process(self, seed: int) -> Process:
        """A process of the issue function: it remembers what it saw, and shares nothing."""
        issuer = Issuer(
            ClaimStore(self.database),
            self.shards,
            Random(seed),  # noqa: S311 - spreads load
            time.sleep,
        )
        service = ClaimService(Offers(self.campaigns, self.stock), self.vouchers, issuer, self.keys)
        return Process(service)

    def granter(self, seed: int) -> Granter:
        """A process of the grant function."""
        issuer = Issuer(
            ClaimStore(self.database),
            self.shards,
            Random(seed),  # noqa: S311 - spreads load
            time.sleep,
        )
        grants = GrantStore(self.database)
        return Granter(GrantService(self.campaigns, self.stock, grants, issuer, self.keys))

    def earner(self, seed: int) -> EarnService:
        """A process of the earn function."""
        issuer = Issuer(
            ClaimStore(self.database),
            self.shards,
            Random(seed),  # noqa: S311 - spreads load
            time.sleep,
        )
        stores = EarnStores(
            self.vouchers,
            LedgerStore(self.database),
            self.registry,
            EarningStore(self.database),
        )
        return EarnService(Offers(self.campaigns, self.stock), stores, issuer, self.keys)

    def till(self) -> RedeemService:
        """A process of the redeem function."""
        ledger = LedgerStore(self.database)
        stores = RedeemStores(
            self.campaigns, self.vouchers, ledger, self.registry, RefusalStore(self.database)
        )
        return RedeemService(stores, self.keys)

    def require_sound(self) -> None:
        """Passes when every promise holds, counted from the tables."""
        record = self.campaigns.get(CAMPAIGN_ID)
        assert record is not None
        require_all(check_all(RecountStore(self.database).snapshot(record)))


class Granter:
    """One environment of the grant function; its grant is of one voucher type, in round 1."""

    def __init__(self, service: GrantService) -> None:
        self.service = service

    def list_persons(self, grant_id: str, persons: Sequence[int]) -> list[Listed]:
        """Makes the grant, and lists persons; tries again as long as it hears BUSY."""
        grant = Grant(
            campaign_id=CAMPAIGN_ID,
            grant_id=grant_id,
            round_id=ROUND_1,
            voucher_type_id=REDUCTION,
            platform_id=UNIONPAY,
            reason="elders",
            made_by="li.na",
            made_at=NOW,
        )
        self.service.make(grant, NOW)
        people = [identities(person) for person in persons]
        while True:
            with suppress(Busy):
                return self.service.list_persons(CAMPAIGN_ID, grant_id, people)

    def carry_out(self, grant_id: str, parts: Sequence[int]) -> int:
        """Carries out those parts to their ends; how many vouchers it issued."""
        granted = 0
        for part in parts:
            after: str | None = None
            while True:
                run = self.service.carry_out(
                    CAMPAIGN_ID, grant_id, part=part, after=after, limit=2, now=NOW
                )
                granted += run.granted
                after = run.after
                assert run.stopped_by in {None, Code.BUSY}
                if after is None and run.stopped_by is None:
                    break
        return granted


def identities(person: int) -> dict[IdentityKind, str]:
    """A person's."""
    return {
        IdentityKind.IDENTITY_NUMBER: f"{person:018d}",
        IdentityKind.PHONE: f"{person:011d}",
    }


class Process:
    """One environment of the issue function."""

    def __init__(self, service: ClaimService) -> None:
        self._service = service

    def claim(
        self,
        request_no: str,
        person: int,
        *,
        type_id: str | None = REDUCTION,
        pack_id: str | None = None,
        now: datetime = NOW,
    ) -> Claimed | HuiminError:
        """What a platform hears in the end: it tries again as long as it hears BUSY."""
        claim = Claim(
            platform_id=UNIONPAY,
            request_no=request_no,
            campaign_id=CAMPAIGN_ID,
            round_id=ROUND_1,
            voucher_type_id=None if pack_id else type_id,
            identities=identities(person),
            facts=PersonFacts(real_name=True, located_in="110107"),
            pack_id=pack_id,
        )
        until = time.monotonic() + PATIENCE_S
        while True:
            try:
                return self._service.claim_voucher(claim, now)
            except Busy as busy:
                if time.monotonic() > until:
                    return busy
            except HuiminError as refusal:
                return refusal


def at_once(acts: Sequence[Callable[[], T]]) -> list[T]:
    """Runs each in a thread of its own, all begun at the same moment; what each returned."""
    gate = Barrier(len(acts))

    def run(act: Callable[[], T]) -> T:
        gate.wait()
        return act()

    with ThreadPoolExecutor(len(acts)) as threads:
        return list(threads.map(run, acts))


def codes(answers: Sequence[Claimed | HuiminError]) -> dict[str, int]:
    """How often each answer came: ISSUED, REPLAYED or a refusal's code."""
    found: dict[str, int] = {}
    for answer in answers:
        if isinstance(answer, HuiminError):
            name = str(answer.code)
        else:
            name = "REPLAYED" if answer.replayed else "ISSUED"
        found[name] = found.get(name, 0) + 1
    return found
