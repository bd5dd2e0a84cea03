"""Days with redemptions, refunds and bills, made through the real functions, and how they settle.

Books     places orders and refunds through the platforms' calls, and bills them
stores    of that deployment and a bucket of its own
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import cache, cached_property
from typing import Any

import boto3

from functions.reconcile.bills import Intake, IntakeStores, take_in
from functions.reconcile.day import SettlementStores
from functions.reconcile.settlement import SettlementRun, settle_due
from functions.reconcile.stores import MoneyStores
from functions.shared.domain.bills import BillRow, row_document
from functions.shared.domain.business_time import SHANGHAI, day_bounds
from functions.shared.domain.ledger import Redemption, Refund
from functions.shared.files.manifest import FILE_NAME, Manifest, verify
from functions.shared.store.bills import BillStore
from functions.shared.store.breaks import BreakStore
from functions.shared.store.campaigns import CampaignStore
from functions.shared.store.connection import Database
from functions.shared.store.ledger import LedgerStore
from functions.shared.store.objects import ObjectStore
from functions.shared.store.settlements import SettlementStore
from functions.shared.store.signing import Signer
from infra.local.bills import BillRow as BilledRow
from infra.local.bills import render_bill
from tests.support.calls import Bureau, Platform
from tests.support.campaigns import (
    CAMPAIGN_ID,
    DISCOUNT,
    MEITUAN,
    REDUCTION,
    UNIONPAY,
    allocation,
    campaign_document,
    contract,
)
from tests.support.deployment import PREFIX, REGION, SIGNING_KEY, Deployment
from tests.support.rows import bill_row_of as ledger_row_of

OTHER_CAMPAIGN = "books-2026"
DAY_1 = date(2026, 1, 5)
DAY_2 = date(2026, 1, 6)
WORK = "-work"
_buckets = itertools.count(1)


def roomy_document(campaign_id: str = CAMPAIGN_ID) -> dict[str, Any]:
    """The small campaign with stock and limits that nobody reaches."""
    stock = [
        allocation(voucher_type_id, platform_id, 40)
        for voucher_type_id in (REDUCTION, DISCOUNT)
        for platform_id in (UNIONPAY, MEITUAN)
    ]
    document = campaign_document(
        campaign_id=campaign_id, limits=[], contracts=[contract(UNIONPAY), contract(MEITUAN)]
    )
    for in_round in document["rounds"]:
        in_round["stock"] = stock
    return document


def found(deployment: Deployment, *, campaigns: Sequence[str] = (CAMPAIGN_ID,)) -> None:
    """Opens the campaigns, with two platforms and a merchant."""
    bureau = Bureau(deployment)
    for platform_id in (UNIONPAY, MEITUAN):
        assert bureau.put_platform(platform_id).status == 201
    assert bureau.put_merchant("noodles").status == 201
    for campaign_id in campaigns:
        bureau.open(roomy_document(campaign_id))


def billed(row: BillRow) -> BilledRow:
    """A row as a platform writes it."""
    document: Any = row_document(row)
    return BilledRow(**document)


def at(on: date, clock: str = "12:00") -> datetime:
    """That time of a business date, on the clock of Beijing."""
    return datetime.combine(on, datetime.strptime(clock, "%H:%M").time(), SHANGHAI)  # noqa: DTZ007 - a time of day


@cache
def _s3() -> Any:  # noqa: ANN401 - boto3's clients have no static type
    return boto3.client("s3", region_name=REGION)


class Books:
    """One deployment's orders, refunds and bills, and a bucket of its own.

    Args:
        deployment: with campaigns and platforms founded.

    """

    def __init__(self, deployment: Deployment) -> None:
        self.deployment = deployment
        self.bucket = f"{PREFIX}books-{next(_buckets)}"
        self.s3 = _s3()
        self.s3.create_bucket(
            Bucket=self.bucket, CreateBucketConfiguration={"LocationConstraint": REGION}
        )
        self.s3.put_bucket_versioning(
            Bucket=self.bucket, VersioningConfiguration={"Status": "Enabled"}
        )
        self.database = Database(PREFIX)
        self.objects = ObjectStore(self.bucket)
        # A client costs more to make than most tests take.
        self.objects._made = self.s3
        self.ledger = LedgerStore(self.database)
        self.settlements = SettlementStore(self.database)
        self.breaks = BreakStore(self.database)
        self.bills = BillStore(self.database)
        self.campaigns = CampaignStore(self.database)
        self._person = itertools.count(1)

    @cached_property
    def work(self) -> ObjectStore:
        """A bucket of working files."""
        name = f"{self.bucket}{WORK}"
        self.s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
        store = ObjectStore(name)
        store._made = self.s3
        return store

    @property
    def stores(self) -> SettlementStores:
        """What settling reads and writes."""
        return replace(
            SettlementStores.of(self.database, self.objects),
            bills=self.bills,
            breaks=self.breaks,
            settlements=self.settlements,
        )

    @property
    def money(self) -> MoneyStores:
        """What the reconciler's work on campaign money reads and writes."""
        return MoneyStores.of(self.database, self.objects, Signer(SIGNING_KEY))

    @property
    def intake_stores(self) -> IntakeStores:
        """What intake reads and writes."""
        return replace(IntakeStores.of(self.database, self.objects), bills=self.bills)

    def redeem(
        self,
        order_no: str,
        when: datetime,
        *,
        platform_id: str = UNIONPAY,
        campaign_id: str = CAMPAIGN_ID,
        voucher_type_id: str = REDUCTION,
        order_fen: int = 8_000,
    ) -> Redemption:
        """An order with a voucher claimed a minute before, as the ledger has it."""
        platform = Platform(self.deployment, platform_id)
        self.deployment.clock.now = when - timedelta(minutes=1)
        voucher_id = platform.claimed(
            next(self._person),
            f"q-{order_no}",
            campaign_id=campaign_id,
            voucher_type_id=voucher_type_id,
        )
        self.deployment.clock.now = when
        redemption_id = platform.redeemed(voucher_id, order_no, order_fen=order_fen)
        redemption = self.ledger.redemption(redemption_id)
        assert redemption is not None
        return redemption

    def refund(
        self, redemption: Redemption, refund_no: str, when: datetime, *, refund_fen: int = 0
    ) -> Refund:
        """A refund, of the whole unless an amount is given, as the ledger has it."""
        self.deployment.clock.now = when
        platform = Platform(self.deployment, redemption.platform_id)
        amount_fen = refund_fen or redemption.amounts.refundable_fen
        reply = platform.refund(redemption.redemption_id, amount_fen, refund_no)
        assert reply.status == 201, reply.text
        refund = self.ledger.refund(redemption.redemption_id, refund_no)
        assert refund is not None
        return refund

    def entries(self, on: date, platform_id: str = UNIONPAY) -> list[BilledRow]:
        """What a platform without faults bills for a day, over all campaigns."""
        rows = [
            billed(ledger_row_of(entry))
            for record in self.campaigns.all()
            for entry in self.ledger.of_day(record.campaign.campaign_id, platform_id, on)
        ]
        return sorted(rows, key=lambda row: (row.occurred_at, row.platform_order_no))

    def drop(
        self, on: date, data: bytes, *, platform_id: str = UNIONPAY, name: str = "bill.csv"
    ) -> tuple[str, str]:
        """Puts an object where the platform would; its key and version."""
        key = f"bills/{platform_id}/{on.isoformat()}/{name}"
        answer = self.s3.put_object(Bucket=self.bucket, Key=key, Body=data)
        return key, answer["VersionId"]

    def bill(
        self,
        on: date,
        rows: Iterable[BilledRow],
        *,
        platform_id: str = UNIONPAY,
        now: datetime | None = None,
    ) -> Intake:
        """Delivers a bill after its day and takes it in."""
        key, version = self.drop(on, render_bill(rows), platform_id=platform_id)
        return take_in(
            key,
            stores=self.intake_stores,
            now=now or day_bounds(on)[1] + timedelta(minutes=10),
            object_version=version,
        )

    def settle(self, now: datetime) -> SettlementRun:
        """A run of the reconciler."""
        return settle_due(self.campaigns.all(), stores=self.stores, now=now)

    def settled_fen(self, campaign_id: str = CAMPAIGN_ID) -> int:
        """What the campaign has noted as settled."""
        record = self.campaigns.get(campaign_id)
        assert record is not None
        return record.funds.settled_fen

    def files(self, prefix: str = "settlements/") -> dict[str, bytes]:
        """Every object below the prefix, by key."""
        found: dict[str, bytes] = {}
        for key in self.objects.keys(prefix):
            stored = self.objects.get(key)
            assert stored is not None
            found[key] = stored.data
        return found

    def manifests(self) -> dict[str, Manifest]:
        """The manifest of each set, by its folder, each proven against its files."""
        files = self.files()
        manifests = {}
        for key, data in files.items():
            folder, _, name = key.rpartition("/")
            if name == FILE_NAME:
                manifests[folder] = Manifest.from_bytes(data)
                assert verify(manifests[folder], _Folder(files, folder).read) == []
        return manifests

    def state(self) -> dict[str, Any]:
        """All that settling leaves behind, without the times at which it ran and S3's own ids."""
        tables = self.deployment.snapshot()
        kept = {name: tables[name] for name in ("settlements", "breaks", "bills", "campaigns")}
        for item in itertools.chain.from_iterable(kept.values()):
            for name in ("made_at", "opened_at", "reconciled_at", "received_at", "object_version"):
                item.pop(name, None)
        return {**kept, "files": self.files()}


@dataclass(frozen=True)
class _Folder:
    """One folder of many files."""

    files: Mapping[str, bytes]
    folder: str

    def read(self, name: str) -> bytes:
        """A file's bytes."""
        return self.files[f"{self.folder}/{name}"]


def other_merchant(row: BilledRow) -> BilledRow:
    """The same row at a merchant that it was not redeemed at."""
    return replace(row, merchant_id="another-shop")


class Crash(BaseException):
    """The process dies; no handler of an ordinary error sees it."""


@contextmanager
def at_call(
    books: Books, number: int, act: Callable[[], None], *, after: bool = False, writes: bool = False
) -> Iterator[list[str]]:
    """Acts once, at the AWS call of that number from 0 within the block.

    Args:
        books: whose clients are watched.
        number: which call; the list that the block gets names all that were made.
        act: called before the call is sent; what it calls itself is not counted.
        after: act once the call is done instead, before its answer is seen.
        writes: count calls that write only, and no working files.

    """
    made: list[str] = []
    acting = False

    def watch(model: Any, context: Any, **_: object) -> None:  # noqa: ANN401 - botocore's
        nonlocal acting
        if acting or (writes and (model.name not in WRITES or _is_work(context))):
            return
        made.append(model.name)
        if len(made) == number + 1:
            acting = True
            try:
                act()
            finally:
                acting = False

    event = "after-call" if after else "before-call"
    clients = (books.database.client, books.s3)
    for client in clients:
        client.meta.events.register_last(event, watch, unique_id="at_call")
    try:
        yield made
    finally:
        for client in clients:
            client.meta.events.unregister(event, unique_id="at_call")


def _is_work(context: Any) -> bool:  # noqa: ANN401 - botocore's
    """Whether the call is about a bucket of working files."""
    found = context.get("input_params", {}).get("Bucket", "")
    return str(found).endswith(WORK)


WRITES = frozenset({"TransactWriteItems", "PutObject"})


def die() -> None:
    """The process ends here."""
    raise Crash
