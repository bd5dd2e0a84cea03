"""Intake of bills: a delivered file is taken whole as the next version, or quarantined whole.

    object ──read, checked──> ACCEPTED  (the version before is SUPERSEDED)
                         └──> QUARANTINED and a report in the platform's settlements folder

No money moves here. Objects are announced at least once and in any order: bytes that were
accepted before are the version they were, and a file older than the accepted one is STALE.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Final

from functions.shared.domain.bills import (
    AMOUNT_COLUMNS,
    BILL_COLUMNS,
    MAX_BILL_BYTES,
    MAX_BILL_ROWS,
    MAX_BILL_VERSIONS,
    MAX_FINDINGS,
    TRAILER,
    BillFault,
    BillFinding,
    BillRow,
    BillState,
    BillVersion,
    EntryType,
    accepted_of,
    trailer_of,
)
from functions.shared.domain.business_time import day_bounds, parse_rfc3339, to_rfc3339
from functions.shared.domain.errors import Busy
from functions.shared.domain.ids import REQUEST_NO_PATTERN, SLUG_PATTERN, VOUCHER_ID_PATTERN
from functions.shared.domain.money import MAX_ORDER_FEN
from functions.shared.files.csv_in import CsvLimits, CsvRefused, Refusal, read_csv
from functions.shared.files.json_out import canonical
from functions.shared.store.bills import BillStore
from functions.shared.store.objects import ObjectStore, ObjectTooLarge, StoredObject
from functions.shared.store.registry import RegistryStore
from functions.shared.store.vouchers import VoucherStore

CLOCK_TOLERANCE: Final = timedelta(minutes=30)
"""How far a platform's clock may put a row before or after the ledger's business date."""

# Other deliveries of the same day may take the number first; each try sees one more of them.
INTAKE_TRIES: Final = 5
# A voucher id and ten more cells fit well; a longer cell is no bill's.
_CELL_CHARS: Final = 200
# The rows, and the trailer.
_LIMITS: Final = CsvLimits(
    size_bytes=MAX_BILL_BYTES, rows=MAX_BILL_ROWS + 1, field_chars=_CELL_CHARS
)

_KEY: Final = re.compile(r"bills/([a-z0-9][a-z0-9-]{0,39})/([0-9]{4}-[0-9]{2}-[0-9]{2})/(.+)\Z")
_FILE_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}\.csv\Z")
_NUMBER: Final = re.compile(REQUEST_NO_PATTERN)
_SLUG: Final = re.compile(SLUG_PATTERN)
_VOUCHER_ID: Final = re.compile(VOUCHER_ID_PATTERN)
_FEN: Final = re.compile(r"(?:0|[1-9][0-9]{0,10})\Z")
_COUNT: Final = re.compile(r"(?:0|[1-9][0-9]{0,8})\Z")
_TOTAL: Final = re.compile(r"(?:0|-?[1-9][0-9]{0,17})\Z")
_ENTRY_TYPES: Final = frozenset(EntryType)

_FAULT_OF: Final[Mapping[Refusal, BillFault]] = {
    Refusal.EMPTY: BillFault.TRUNCATED,
    Refusal.TOO_LARGE: BillFault.TOO_LARGE,
    Refusal.TOO_MANY_ROWS: BillFault.TOO_LARGE,
    Refusal.FIELD_TOO_LONG: BillFault.TOO_LARGE,
    Refusal.ENCODING: BillFault.ENCODING,
    Refusal.NUL: BillFault.ENCODING,
    Refusal.QUOTING: BillFault.LAYOUT,
    Refusal.LINE_END: BillFault.LAYOUT,
    Refusal.HEADER: BillFault.HEADER,
    Refusal.BLANK_LINE: BillFault.LAYOUT,
    Refusal.FIELD_COUNT: BillFault.LAYOUT,
}


@dataclass(slots=True)
class Findings:
    """Faults as they are found; lists MAX_FINDINGS of them and counts all."""

    listed: list[BillFinding] = field(default_factory=list)
    total: int = 0

    def add(self, reason: BillFault, line: int, detail: str) -> None:
        """Notes one fault."""
        self.total += 1
        if len(self.listed) < MAX_FINDINGS:
            self.listed.append(BillFinding(reason, line, detail))

    def has(self, reason: BillFault) -> bool:
        """Whether a fault of that kind is listed."""
        return any(finding.reason is reason for finding in self.listed)


@dataclass(frozen=True, slots=True)
class BillReading:
    """What a file holds: its rows, which are all good where there are no findings."""

    rows: list[BillRow]
    findings: Findings


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


def take_in(
    object_key: str, *, stores: IntakeStores, now: datetime, object_version: str | None = None
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
    key = parse_key(object_key)
    if key is None or stores.registry.platform(key.platform_id) is None:
        detail = "the key is not bills/{platform_id}/{business_date}/{name}.csv of a platform"
        return Intake(object_key, None, (BillFinding(BillFault.KEY, 0, detail),), 1)
    delivery = _fetch(key, object_key, object_version, stores, now)
    if delivery is None:
        detail = "the object, or its announced version, is gone"
        return Intake(object_key, None, (BillFinding(BillFault.KEY, 0, detail),), 1)
    for _ in range(INTAKE_TRIES):
        intake = _record(key, delivery, stores, now)
        if intake is not None:
            return intake
    raise Busy(operation="take_in_bill")


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


def read_bill(data: bytes, *, business_on: date) -> BillReading:
    """The rows of a bill's bytes and everything wrong with them; whose vouchers is not asked.

    A fault of the file's form (encoding, quotes, number of cells) ends the reading.
    """
    findings = Findings()
    rows: list[BillRow] = []
    trailer: tuple[int, dict[str, str]] | None = None
    reader = _RowReader(business_on, findings)
    count = refunds = 0
    try:
        for line, cells in read_csv(data, BILL_COLUMNS, _LIMITS):
            if trailer is not None:
                findings.add(BillFault.LAYOUT, line, "a row stands below the trailer")
                return BillReading(rows, findings)
            if cells["platform_order_no"] == TRAILER and cells["entry_type"] not in _ENTRY_TYPES:
                trailer = line, cells
                continue
            count += 1
            refunds += cells["entry_type"] == EntryType.REFUND
            row = reader.read(line, cells)
            if row is not None:
                rows.append(row)
    except CsvRefused as refused:
        findings.add(_fault_of(refused, data), refused.line, refused.detail)
        return BillReading(rows, findings)
    if trailer is None:
        findings.add(BillFault.TRUNCATED, 0, "the file ends without its trailer row")
    else:
        _check_trailer(*trailer, (count, refunds), rows, findings)
    return BillReading(rows, findings)


class _RowReader:
    """Reads the rows of one bill; a row with a fault is noted and left out."""

    def __init__(self, business_on: date, findings: Findings) -> None:
        self._findings = findings
        self._lines: dict[tuple[str, EntryType, str], int] = {}
        start, end = day_bounds(business_on)
        self._earliest, self._end = start - CLOCK_TOLERANCE, end + CLOCK_TOLERANCE

    def read(self, line: int, cells: dict[str, str]) -> BillRow | None:
        before = self._findings.total
        self._check_names(line, cells)
        amounts = self._amounts(line, cells)
        occurred_at = self._time(line, cells["occurred_at"])
        if self._findings.total > before or occurred_at is None:
            return None
        row = BillRow(
            platform_order_no=cells["platform_order_no"],
            entry_type=EntryType(cells["entry_type"]),
            refund_no=cells["refund_no"],
            voucher_id=cells["voucher_id"],
            merchant_id=cells["merchant_id"],
            occurred_at=occurred_at,
            **amounts,
            line=line,
        )
        if not row.closes:
            detail = "order_fen is not the sum of the discounts, voucher_fen and paid_fen"
            self._findings.add(BillFault.AMOUNT, line, detail)
        first = self._lines.setdefault(row.key, line)
        if first != line:
            detail = f"the same order, entry type and refund number stand in line {first}"
            self._findings.add(BillFault.DUPLICATE_ROW, line, detail)
        return row

    def _check_names(self, line: int, cells: dict[str, str]) -> None:
        add = self._findings.add
        if not _NUMBER.fullmatch(cells["platform_order_no"]):
            add(BillFault.FIELD, line, "platform_order_no is not an order number")
        entry_type, refund_no = cells["entry_type"], cells["refund_no"]
        if entry_type not in _ENTRY_TYPES:
            add(BillFault.FIELD, line, "entry_type is neither REDEEM nor REFUND")
        elif entry_type == EntryType.REDEEM and refund_no:
            add(BillFault.FIELD, line, "a REDEEM row has a refund_no")
        elif entry_type == EntryType.REFUND and not _NUMBER.fullmatch(refund_no):
            add(BillFault.FIELD, line, "refund_no is not a refund number")
        if not _VOUCHER_ID.fullmatch(cells["voucher_id"]):
            add(BillFault.FIELD, line, "voucher_id is not a voucher's id")
        if not _SLUG.fullmatch(cells["merchant_id"]):
            add(BillFault.FIELD, line, "merchant_id is not a merchant's id")

    def _amounts(self, line: int, cells: dict[str, str]) -> dict[str, int]:
        amounts = {}
        for name in AMOUNT_COLUMNS:
            text = cells[name]
            amount_fen = int(text) if _FEN.match(text) else -1
            if not 0 <= amount_fen <= MAX_ORDER_FEN:
                detail = f"{name} is not a whole number of fen from 0 to {MAX_ORDER_FEN}"
                self._findings.add(BillFault.AMOUNT, line, detail)
            amounts[name] = amount_fen
        return amounts

    def _time(self, line: int, text: str) -> datetime | None:
        try:
            # Cut to what is written down, so that a row read back is equal.
            at = parse_rfc3339(to_rfc3339(parse_rfc3339(text)))
        except ValueError:
            detail = "occurred_at is not an RFC 3339 time with an offset"
            self._findings.add(BillFault.TIME, line, detail)
            return None
        if not self._earliest <= at < self._end:
            detail = "occurred_at is not on the business date, in Asia/Shanghai"
            self._findings.add(BillFault.TIME, line, detail)
        return at


def _check_trailer(
    line: int,
    cells: dict[str, str],
    counted: tuple[int, int],
    rows: list[BillRow],
    findings: Findings,
) -> None:
    """Compares the trailer with the rows above it: entry_type counts all, refund_no refunds."""
    for name, count in zip(("entry_type", "refund_no"), counted, strict=True):
        text = cells[name]
        stated = int(text) if _COUNT.match(text) else None
        if stated != count:
            kind = "rows" if name == "entry_type" else "REFUND rows"
            detail = f"{name} of the trailer must be the number of {kind} above it, {count}"
            findings.add(BillFault.TRAILER_COUNT, line, detail)
    for name in ("voucher_id", "merchant_id", "occurred_at"):
        if cells[name]:
            findings.add(BillFault.LAYOUT, line, f"{name} of the trailer must be empty")
    if len(rows) != counted[0]:
        # A row that could not be read is missing in the sums; its own finding says so.
        return
    for name, total_fen in zip(AMOUNT_COLUMNS, trailer_of(rows).totals, strict=True):
        text = cells[name]
        if not _TOTAL.match(text) or int(text) != total_fen:
            detail = f"{name} of the trailer must be REDEEM less REFUND rows, {total_fen}"
            findings.add(BillFault.TRAILER_TOTALS, line, detail)


def _fault_of(refused: CsvRefused, data: bytes) -> BillFault:
    """The bill's fault; a form that breaks in the last line is that of a file cut off."""
    fault = _FAULT_OF[refused.reason]
    last_line = data.rstrip(b"\r\n").count(b"\n") + 1
    if fault is BillFault.LAYOUT and refused.line == last_line:
        return BillFault.TRUNCATED
    return fault


@dataclass(frozen=True, slots=True)
class _Delivery:
    """An object as fetched, or why it was not; `reading` is checked but for whose vouchers."""

    object_key: str
    object_version: str
    sha256: str
    received_at: datetime
    reading: BillReading


def _fetch(
    key: BillKey,
    object_key: str,
    object_version: str | None,
    stores: IntakeStores,
    now: datetime,
) -> _Delivery | None:
    try:
        stored = stores.objects.get(object_key, version=object_version, limit=MAX_BILL_BYTES)
    except ObjectTooLarge as too_large:
        reading = BillReading([], Findings())
        detail = f"the file has {too_large.size} bytes, more than {MAX_BILL_BYTES}"
        reading.findings.add(BillFault.TOO_LARGE, 0, detail)
        return _Delivery(object_key, object_version or "null", "", now, reading)
    if stored is None:
        return None
    return _Delivery(
        object_key=object_key,
        object_version=stored.version,
        sha256=hashlib.sha256(stored.data).hexdigest(),
        received_at=stored.written_at,
        reading=_read(key, stored, now),
    )


def _read(key: BillKey, stored: StoredObject, now: datetime) -> BillReading:
    """The reading of a file, which is not even tried where its name or its time is wrong."""
    unread = BillReading([], Findings())
    if not _FILE_NAME.match(key.name):
        detail = "the name must end in .csv and hold only letters, digits, dot, dash, underscore"
        unread.findings.add(BillFault.KEY, 0, detail)
        return unread
    if now < day_bounds(key.business_on)[1]:
        detail = "the business date is not over; send its bill after midnight in Asia/Shanghai"
        unread.findings.add(BillFault.EARLY, 0, detail)
        return unread
    return read_bill(stored.data, business_on=key.business_on)


def _record(
    key: BillKey, delivery: _Delivery, stores: IntakeStores, now: datetime
) -> Intake | None:
    """Stores the delivery as the next version; None when another took that number first."""
    versions = stores.bills.versions(key.platform_id, key.business_on)
    known = _taken_in_before(delivery, versions)
    if known is not None and known.was_accepted:
        return Intake(delivery.object_key, known)
    accepted = accepted_of(versions)
    findings = Findings(list(delivery.reading.findings.listed), delivery.reading.findings.total)
    if not findings.total:
        _check_owner(key.platform_id, delivery.reading.rows, stores.vouchers, findings)
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
        rows=0 if findings.total else len(delivery.reading.rows),
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


def _taken_in_before(delivery: _Delivery, versions: list[BillVersion]) -> BillVersion | None:
    """The version that these bytes are already; an accepted one before a quarantined one."""
    same = [
        bill
        for bill in versions
        if (bill.sha256 and bill.sha256 == delivery.sha256)
        or (bill.object_key, bill.object_version) == (delivery.object_key, delivery.object_version)
    ]
    return next((bill for bill in same if bill.was_accepted), same[-1] if same else None)


def _check_owner(
    platform_id: str, rows: list[BillRow], vouchers: VoucherStore, findings: Findings
) -> None:
    """Notes each row whose voucher is not the platform's, in the same words as an unknown one."""
    asked = sorted({row.voucher_id for row in rows})
    own = {v.voucher_id for v in vouchers.many(asked) if v.platform_id == platform_id}
    for row in rows:
        if row.voucher_id not in own:
            detail = "voucher_id is not a voucher of this platform"
            findings.add(BillFault.FOREIGN_VOUCHER, row.line, detail)


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
