"""Intake of bills: a delivered file is taken whole as the next version, or quarantined whole.

    object ──read, checked──> ACCEPTED  (the version before is SUPERSEDED)
                         └──> QUARANTINED and a report in the platform's settlements folder

No money moves here. Objects are announced at least once and in any order: bytes that were
accepted before are the version they were, and a file older than the accepted one is STALE.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from typing import Final

from functions.reconcile.bill_reading import Findings, load_bill
from functions.reconcile.engine import Engine, engine, write_rows
from functions.shared.domain.bills import (
    MAX_BILL_BYTES,
    MAX_BILL_VERSIONS,
    BillFault,
    BillFinding,
    BillState,
    BillVersion,
    accepted_of,
)
from functions.shared.domain.business_time import day_bounds
from functions.shared.domain.errors import Busy
from functions.shared.files.json_out import canonical
from functions.shared.store.bills import BillStore
from functions.shared.store.connection import Database
from functions.shared.store.objects import ObjectStore, ObjectTooLarge
from functions.shared.store.registry import RegistryStore
from functions.shared.store.vouchers import VoucherStore

# Other deliveries of the same day may take the number first; each try sees one more of them.
INTAKE_TRIES: Final = 5
_KEY: Final = re.compile(r"bills/([a-z0-9][a-z0-9-]{0,39})/([0-9]{4}-[0-9]{2}-[0-9]{2})/(.+)\Z")
_FILE_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}\.csv\Z")
BILL: Final = "bill"


@dataclass(frozen=True, slots=True)
class BillKey:
    """The parts of an object key `bills/{platform_id}/{business_date}/{name}`."""

    platform_id: str
    business_on: date
    name: str


@dataclass(frozen=True, slots=True)
class Intake:
    """How the intake of one object ended.

    Args:
        object_key: which object.
        bill: the version that it is; None where it belongs to no platform's day, is gone, or the
            day has MAX_BILL_VERSIONS already.
        findings: why it is quarantined, or no version; empty where it is accepted.
        findings_total: how many faults there are in all.
        is_new: whether this call made the version.

    """

    object_key: str
    bill: BillVersion | None
    findings: tuple[BillFinding, ...] = ()
    findings_total: int = 0
    is_new: bool = False

    @property
    def is_accepted(self) -> bool:
        """Whether it is the bill of its day now."""
        return self.bill is not None and self.bill.state is BillState.ACCEPTED


@dataclass(frozen=True, slots=True)
class IntakeStores:
    """What intake reads and writes."""

    bills: BillStore
    objects: ObjectStore
    vouchers: VoucherStore
    registry: RegistryStore

    @classmethod
    def of(cls, database: Database, objects: ObjectStore) -> IntakeStores:
        """Those of a database, and of the files bucket."""
        return cls(
            bills=BillStore(database),
            objects=objects,
            vouchers=VoucherStore(database),
            registry=RegistryStore(database),
        )


@dataclass(frozen=True, slots=True)
class Delivery:
    """An object as it came.

    Args:
        object_key: as S3 has it.
        object_version: which bytes.
        sha256: of them; empty where they were not read.
        received_at: when they were put there.
        findings: what is wrong with them, but for whose vouchers they name.
        rows: how many there are, where nothing is wrong.

    """

    object_key: str
    object_version: str
    sha256: str
    received_at: datetime
    findings: Findings
    rows: int = 0


Strangers = Callable[[], Iterable[int]]
"""Finds the lines of a bill whose vouchers are not the platform's."""


def take_in(
    object_key: str,
    *,
    stores: IntakeStores,
    now: datetime,
    object_version: str | None = None,
) -> Intake:
    """Takes an object in as the next version of its day's bill, or says what is wrong with it.

    Called again for the same bytes it gives the same version; a report that a run could not write
    is written then.

    Args:
        object_key: as S3 has it, not URL-encoded.
        stores: bills, objects, vouchers and registry.
        now: the time of the call.
        object_version: the version that was announced; None for the newest.

    Raises:
        Busy: throttled, or other deliveries of the day came in between on every try.

    """
    key = platform_key(object_key, stores.registry)
    if key is None:
        return no_bill(object_key)
    with engine() as opened:
        delivery = _fetch(key, object_key, object_version, stores, now, opened)
        if delivery is None:
            return gone(object_key)
        strangers = partial(strange_lines, key.platform_id, opened, vouchers=stores.vouchers)
        return record(key, delivery, stores, now, strangers)


def record(
    key: BillKey, delivery: Delivery, stores: IntakeStores, now: datetime, strangers: Strangers
) -> Intake:
    """Stores a delivery as the next version of its day's bill, or as the one it is already.

    Args:
        key: of the object, taken apart.
        delivery: the object.
        stores: bills and objects.
        now: the time of the call.
        strangers: asked only where nothing else is wrong.

    Raises:
        Busy: throttled, or other deliveries of the day came in between on every try.

    """
    for _ in range(INTAKE_TRIES):
        intake = _record(key, delivery, stores, now, strangers)
        if intake is not None:
            return intake
    raise Busy(operation="take_in_bill")


def platform_key(object_key: str, registry: RegistryStore) -> BillKey | None:
    """The parts of a key that may be a bill's; None where it names no platform that there is."""
    key = parse_key(object_key)
    return key if key and registry.platform(key.platform_id) else None


def no_bill(object_key: str) -> Intake:
    """Of an object whose key no bill can have."""
    detail = "the key is not bills/{platform_id}/{business_date}/{name}.csv of a platform"
    return Intake(object_key, None, (BillFinding(BillFault.KEY, 0, detail),), 1)


def gone(object_key: str) -> Intake:
    """Of an object that was announced and is not there."""
    detail = "the object, or its announced version, is gone"
    return Intake(object_key, None, (BillFinding(BillFault.KEY, 0, detail),), 1)


def parse_key(object_key: str) -> BillKey | None:
    """The parts of a bill's key; None where it names no platform and day."""
    found = _KEY.match(object_key)
    if found is None:
        return None
    platform_id, on, name = found.groups()
    try:
        return BillKey(platform_id, date.fromisoformat(on), name)
    except ValueError:
        return None


def _fetch(
    key: BillKey,
    object_key: str,
    object_version: str | None,
    stores: IntakeStores,
    now: datetime,
    opened: Engine,
) -> Delivery | None:
    path = opened.folder / "bill.csv"
    findings = Findings()
    try:
        stored = stores.objects.fetch(
            object_key, path, version=object_version, limit=MAX_BILL_BYTES
        )
    except ObjectTooLarge as too_large:
        detail = f"the file has {too_large.size} bytes, more than {MAX_BILL_BYTES}"
        findings.add(BillFault.TOO_LARGE, 0, detail)
        return Delivery(object_key, object_version or "null", "", now, findings)
    if stored is None:
        return None
    findings = unread(key, now)
    if not findings.total:
        findings = load_bill(path, business_on=key.business_on, engine=opened, table=BILL)
    return Delivery(
        object_key=object_key,
        object_version=stored.version,
        sha256=stored.sha256,
        received_at=stored.written_at,
        findings=findings,
        rows=0 if findings.total else opened.value(f"SELECT count(*) FROM {BILL}"),  # noqa: S608 - a name of our own
    )


def unread(key: BillKey, now: datetime) -> Findings:
    """What is wrong with a bill's name, or with its time: then it is not even read."""
    unread = Findings()
    if not _FILE_NAME.match(key.name):
        detail = "the name must end in .csv and hold only letters, digits, dot, dash, underscore"
        unread.add(BillFault.KEY, 0, detail)
        return unread
    if now < day_bounds(key.business_on)[1]:
        detail = "the business date is not over; send its bill after midnight in Asia/Shanghai"
        unread.add(BillFault.EARLY, 0, detail)
    return unread


def _record(
    key: BillKey, delivery: Delivery, stores: IntakeStores, now: datetime, strangers: Strangers
) -> Intake | None:
    """Stores the delivery as the next version; None when another took that number first."""
    versions = stores.bills.versions(key.platform_id, key.business_on)
    known = _taken_in_before(delivery, versions)
    if known is not None and known.was_accepted:
        return Intake(delivery.object_key, known)
    accepted = accepted_of(versions)
    findings = Findings(list(delivery.findings.listed), delivery.findings.total)
    if not findings.total:
        for line in strangers():
            # In the same words for an unknown voucher.
            detail = "voucher_id is not a voucher of this platform"
            findings.add(BillFault.FOREIGN_VOUCHER, line, detail)
    if not findings.total and accepted and delivery.received_at < accepted.received_at:
        detail = f"version {accepted.version}, delivered later than this file, is accepted already"
        findings.add(BillFault.STALE, 0, detail)
    if known is not None and findings.total:
        _write_report(known, findings, stores.objects)
        return _intake(known, findings, is_new=False)
    if len(versions) >= MAX_BILL_VERSIONS:
        detail = f"the day has {MAX_BILL_VERSIONS} versions already"
        finding = BillFinding(BillFault.TOO_MANY_VERSIONS, 0, detail)
        return Intake(delivery.object_key, None, (finding,), 1)
    bill = BillVersion(
        platform_id=key.platform_id,
        business_on=key.business_on,
        version=len(versions) + 1,
        state=BillState.QUARANTINED if findings.total else BillState.ACCEPTED,
        object_key=delivery.object_key,
        object_version=delivery.object_version,
        sha256=delivery.sha256,
        rows=0 if findings.total else delivery.rows,
        received_at=delivery.received_at.astimezone(now.tzinfo),
    )
    if not stores.bills.append(bill, supersedes=None if findings.total else accepted):
        return None
    if findings.total:
        # After the version, so that a report never bears another delivery's number.
        _write_report(bill, findings, stores.objects)
    return _intake(bill, findings, is_new=True)


def _intake(bill: BillVersion, findings: Findings, *, is_new: bool) -> Intake:
    return Intake(bill.object_key, bill, tuple(findings.listed), findings.total, is_new)


def _taken_in_before(delivery: Delivery, versions: list[BillVersion]) -> BillVersion | None:
    """The version that these bytes are already; an accepted one before a quarantined one."""
    same = [
        bill
        for bill in versions
        if (bill.sha256 and bill.sha256 == delivery.sha256)
        or (bill.object_key, bill.object_version) == (delivery.object_key, delivery.object_version)
    ]
    return next((bill for bill in same if bill.was_accepted), same[-1] if same else None)


def strange_lines(platform_id: str, opened: Engine, *, vouchers: VoucherStore) -> Iterator[int]:
    """The lines of the table BILL whose vouchers the tables do not know as the platform's.

    Raises:
        Busy: throttled or lost beyond the retries.

    """
    asked = opened.rows(f"SELECT DISTINCT voucher_id FROM {BILL}")  # noqa: S608 - names of our own
    own = opened.folder / "own.rows"
    owners = vouchers.owners(voucher_id for (voucher_id,) in asked)
    write_rows(own, ((o.voucher_id,) for o in owners if o.platform_id == platform_id))
    opened.load("own", {"voucher_id": "VARCHAR"}, [own])
    strangers = f"SELECT line FROM {BILL} ANTI JOIN own USING (voucher_id) ORDER BY line"  # noqa: S608 - as above
    for (line,) in opened.rows(strangers):
        yield line


def report_key(bill: BillVersion) -> str:
    """The key of the report on a quarantined version."""
    day = f"{bill.platform_id}/{bill.business_on.isoformat()}"
    return f"settlements/{day}/bill-report-v{bill.version}.json"


def _write_report(bill: BillVersion, findings: Findings, objects: ObjectStore) -> None:
    document = {
        "schema_version": 1,
        "platform_id": bill.platform_id,
        "business_date": bill.business_on.isoformat(),
        "bill_version": bill.version,
        "state": bill.state.value,
        "object_key": bill.object_key,
        "sha256": bill.sha256,
        "findings_total": findings.total,
        "findings": [
            {"reason": finding.reason.value, "line": finding.line, "detail": finding.detail}
            for finding in findings.listed
        ],
    }
    objects.put_new(report_key(bill), canonical(document), content_type="application/json")
