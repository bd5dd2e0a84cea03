"""The recount: every promise about a campaign's money, computed from the tables.

By tests after every step, before any money is returned, and once a day over all campaigns, with
a metric that an alarm watches.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from datetime import date, datetime

from functions.reconcile.collector import without_collector
from functions.reconcile.stores import MoneyStores
from functions.reconcile.sweep import SETTLING
from functions.shared.domain.business_time import business_date, to_rfc3339
from functions.shared.domain.campaign import CampaignState
from functions.shared.domain.errors import Code, HuiminError
from functions.shared.domain.funds import CampaignRecord
from functions.shared.domain.invariants import Check, check_all, require_all
from functions.shared.domain.pool_counts import PoolCount, count_pools
from functions.shared.domain.snapshot import Snapshot
from functions.shared.files.json_out import canonical
from functions.shared.files.manifest import FILE_NAME, Manifest, describe

SCHEMA_VERSION = 2
# A drift that three readings in a row show is not a fen that moved between two of them.
READINGS = 3
_JSON = "application/json"
_REPORT = "invariants.json"

TellDrift = Callable[[int], None]
"""Takes the day's drift over all campaigns, in fen; the metric InvariantDriftFen."""


def recount(campaign_id: str, stores: MoneyStores, *, since: datetime | None = None) -> list[Check]:
    """Every promise about the campaign, each with what was counted for it.

    Args:
        campaign_id: whose.
        stores: where its money is.
        since: see `check_all`.

    Raises:
        HuiminError: NOT_FOUND.
        Busy: throttled or lost beyond the SDK's retries.

    """
    with without_collector():
        return check_all(_snapshot(campaign_id, stores), since=since)


def _snapshot(campaign_id: str, stores: MoneyStores) -> Snapshot:
    record = stores.campaigns.get(campaign_id)
    if record is None:
        raise HuiminError(Code.NOT_FOUND, what="campaign")
    return stores.recounts.snapshot(record)


def assert_all(campaign_id: str, stores: MoneyStores) -> list[Check]:
    """The same, once every promise is kept.

    Raises:
        BrokenPromises: with those that are not.

    """
    checks = recount(campaign_id, stores)
    require_all(checks)
    return checks


def recount_daily(stores: MoneyStores, now: datetime, *, tell_drift: TellDrift) -> bool:
    """Recounts every campaign once a business date, and writes and tells what was found.

    False, and nothing is read but the file's name, when the date has been done.

    Raises:
        Busy: throttled or lost beyond the SDK's retries; the next run does it.

    """
    on = business_date(now)
    prefix = report_prefix(on)
    if stores.objects.get(f"{prefix}{FILE_NAME}") is not None:
        return False
    found = {
        record.campaign.campaign_id: _counted(record, stores, now)
        for record in sorted(stores.campaigns.all(), key=lambda r: r.campaign.campaign_id)
        if _is_watched(record, now)
    }
    drift_fen = sum(_drift_fen(each.checks) for each in found.values())
    # Told before the files are written: a run that dies in between is done again.
    tell_drift(drift_fen)
    _publish(on, found, stores, now)
    return True


def report_prefix(on: date) -> str:
    """The folder of a date's recount, with its final slash."""
    return f"reports/invariants/{on.isoformat()}/"


def as_document(checks: Iterable[Check]) -> list[dict[str, object]]:
    """The checks as plain values, for files and for the command line."""
    return [
        {
            "number": check.number,
            "name": check.name,
            "promise": {"zh": check.promise.zh, "en": check.promise.en},
            "holds": check.holds,
            "drift_fen": check.drift_fen,
            "counted": dict(check.counted),
            "offenders": list(check.offenders),
            "offender_count": check.offender_count,
        }
        for check in checks
    ]


def _is_watched(record: CampaignRecord, now: datetime) -> bool:
    if record.state is CampaignState.DRAFT:
        return False
    return record.closed_at is None or now < record.campaign.books_end_at


@dataclass(frozen=True, slots=True)
class Counted:
    """What one reading of a campaign found: every promise, and what lies in each pool."""

    checks: list[Check]
    pools: list[PoolCount]


def confirmed(record: CampaignRecord, stores: MoneyStores, now: datetime) -> list[Check]:
    """The checks, while money moves; read again while one does not hold."""
    return _counted(record, stores, now).checks


def _counted(record: CampaignRecord, stores: MoneyStores, now: datetime) -> Counted:
    """The last reading, which is the first in which every promise holds.

    What no voucher tells of, as money of the reconciler's own on its way between pools, can still
    make a reading differ (`functions.shared.domain.moving`); three in a row do not by chance.
    """
    for _ in range(READINGS):
        with without_collector():
            snapshot = _snapshot(record.campaign.campaign_id, stores)
            counted = Counted(check_all(snapshot, since=now - SETTLING), count_pools(snapshot))
        if all(check.holds for check in counted.checks):
            break
    return counted


def _drift_fen(checks: Iterable[Check]) -> int:
    """What an alarm should see: a broken promise that is not about sums counts as one fen."""
    return sum(max(abs(check.drift_fen), 1) for check in checks if not check.holds)


def _publish(on: date, found: dict[str, Counted], stores: MoneyStores, now: datetime) -> None:
    prefix = report_prefix(on)
    data = canonical(
        {
            "schema_version": SCHEMA_VERSION,
            "business_date": on.isoformat(),
            "counted_at": to_rfc3339(now),
            "holds": all(check.holds for each in found.values() for check in each.checks),
            "campaigns": {
                campaign_id: as_document(each.checks) for campaign_id, each in found.items()
            },
            "pools": {
                campaign_id: [asdict(pool) for pool in each.pools]
                for campaign_id, each in found.items()
            },
        }
    )
    if not stores.objects.put_new(f"{prefix}{_REPORT}", data, content_type=_JSON):
        # Of a run that died before its manifest: that file stands, and is what is described.
        stored = stores.objects.get(f"{prefix}{_REPORT}")
        data = stored.data if stored else data
    manifest = Manifest(
        kind="invariants",
        business_date=on,
        cutoff_at=now,
        run_id=f"recount-{on.isoformat()}",
        files=(describe(_REPORT, data),),
    )
    stores.objects.put_new(f"{prefix}{FILE_NAME}", manifest.to_bytes(), content_type=_JSON)
