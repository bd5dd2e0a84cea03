"""The report function against a bucket and tables: what is due, what is kept, what is restated."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from unittest.mock import patch

import boto3
import pytest

from functions.report import file_set, publication, service
from functions.report.handler import forget, handle
from functions.report.publication import Outcome, Published
from functions.report.service import ReportService, ReportStores
from functions.shared.domain.campaign import (
    Campaign,
    CampaignState,
)
from functions.shared.domain.campaign_reader import campaign_from_document
from functions.shared.domain.errors import Code, HuiminError
from functions.shared.domain.ledger import Redemption
from functions.shared.domain.vouchers import Voucher, VoucherState
from functions.shared.files.manifest import Manifest, verify
from functions.shared.store import ledger as ledger_store
from functions.shared.store import vouchers as voucher_store
from functions.shared.store.campaigns import CampaignStore
from functions.shared.store.connection import Database
from functions.shared.store.ledger import LedgerStore
from functions.shared.store.objects import ObjectStore
from functions.shared.store.tables import CampaignItem
from functions.shared.store.vouchers import VoucherStore
from tests.report.builders import FIRST, Ledger, document, noon
from tests.report.recount import lines_of
from tests.support.deployment import BUCKET, PREFIX, REGION, Deployment, deployed

DAYS = 3
DAY_1, DAY_2, DAY_3 = (FIRST + timedelta(days=n) for n in range(DAYS))
LAST_REFUND_DAY = FIRST + timedelta(days=DAYS + 2)
EVENT = {"source": "huimin.schedule", "task": "report", "time": "2026-07-02T22:00:00Z"}


def morning_after(on: date) -> datetime:
    """06:00 Beijing time on the next day, when the schedule asks."""
    return datetime(on.year, on.month, on.day, 22, tzinfo=UTC)


def _two_days(campaign: Campaign) -> Ledger:
    ledger = Ledger(campaign)
    ledger.redeem("o1", noon(1), person="a")
    ledger.redeem("o2", noon(2), person="b", platform="meituan", industry="retail")
    return ledger


class Desk:
    """A deployment with one campaign of three days and a refund window of two more."""

    def __init__(self, deployment: Deployment) -> None:
        self.deployment = deployment
        boto3.client("s3", region_name=REGION).create_bucket(
            Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION}
        )
        self.database = Database(PREFIX)
        self.objects = ObjectStore(BUCKET)
        self.campaigns = CampaignStore(self.database)
        self.campaign = self.add_campaign("summer")
        self.ledger = _two_days(self.campaign)

    def add_campaign(
        self, campaign_id: str, state: CampaignState = CampaignState.RUNNING
    ) -> Campaign:
        """Stores a campaign in that state."""
        plain = document(campaign_id=campaign_id, days=DAYS, refund_window_days=2)
        campaign = campaign_from_document(plain)
        record = self.campaigns.put_draft(
            campaign, json.dumps(plain), expected_version=None, made_by="li", now=noon(1)
        )
        if state is not CampaignState.DRAFT:
            self.campaigns.change_state(record, state, now=noon(1))
        return campaign

    def trade(self) -> None:
        """Two persons claim and redeem on two days."""
        self.claim("1", "a", noon(1))
        self.claim("2", "b", noon(1), platform="meituan")
        self.claim("3", "a", noon(2))
        self.record()

    def reset(self) -> None:
        """Back to just after `trade`, with an empty bucket."""
        self.deployment.restore()
        for key in self.keys():
            self.objects.client.delete_object(Bucket=BUCKET, Key=key)
        self.ledger = _two_days(self.campaign)

    def service(self) -> ReportService:
        """The service, as a cold start makes it."""
        stores = ReportStores(
            self.campaigns, VoucherStore(self.database), LedgerStore(self.database)
        )
        return ReportService(stores, self.objects)

    def claim(self, name: str, person: str, at: datetime, *, platform: str = "unionpay") -> None:
        """Puts an issued voucher into its table."""
        voucher = Voucher(
            voucher_id=f"v_{name}",
            campaign_id="summer",
            round_id="r1",
            voucher_type_id="d50-20",
            platform_id=platform,
            person_ref=person,
            identity_refs=(person,),
            shard_id=f"summer/r1/d50-20/{platform}/0000",
            request_no=name,
            content_hash="",
            state=VoucherState.ISSUED,
            issued_at=at,
            valid_from=at,
            valid_until=noon(DAYS + 1),
            reserve_fen=2_000,
            slack_fen=0,
            timeline=(),
        )
        voucher_store.item_of(voucher).save()

    def record(self) -> None:
        """Puts all entries of the ledger into their table, redemptions with their refunds."""
        for on in self.ledger.entries:
            for entry in self.ledger.of(on):
                if isinstance(entry, Redemption):
                    ledger_store._redemption_item(entry).save()
                else:
                    ledger_store._refund_item(entry).save()

    def keys(self) -> list[str]:
        """Every key of the bucket."""
        return list(self.objects.keys(""))

    def read(self, key: str) -> bytes:
        """An object's bytes."""
        stored = self.objects.get(key)
        assert stored is not None, key
        return stored.data

    def manifest(self, prefix: str) -> Manifest:
        """The manifest of a set, once every file of it is as it says."""
        manifest = Manifest.from_bytes(self.read(f"{prefix}manifest.json"))
        assert verify(manifest, lambda name: self.read(prefix + name)) == []
        return manifest

    def everything(self) -> dict[str, bytes]:
        """Every object."""
        return {key: self.read(key) for key in self.keys()}


@pytest.fixture(scope="module")
def shared_desk() -> Iterator[Desk]:
    """A bucket, tables and a campaign; two days of trade."""
    with deployed("2026-07-01T00:00:00+08:00") as deployment:
        desk = Desk(deployment)
        desk.trade()
        deployment.keep()
        yield desk
    forget()


@pytest.fixture(autouse=True, scope="module")
def _few_segments() -> Iterator[None]:
    """The index of issued vouchers has fewer segments than in truth, to spare queries."""
    with patch.object(voucher_store, "ISSUE_SEGMENTS", 2):
        yield


@pytest.fixture
def desk(shared_desk: Desk) -> Desk:
    """The same before each test: tables as after two days of trade, and an empty bucket."""
    shared_desk.reset()
    return shared_desk


def total_of(desk: Desk, prefix: str, scope: str = "CUMULATIVE") -> dict[str, str]:
    """The whole campaign's row of a published report."""
    rows = lines_of(desk.read(f"{prefix}by_industry.csv"))
    return next(row for row in rows if (row["scope"], row["industry"]) == (scope, "ALL"))


def days_of(published: list[Published]) -> list[date]:
    return [report.business_on for report in published]


def test_what_the_indexes_hold_is_what_the_report_counts(desk: Desk) -> None:
    published = desk.service().report_day("summer", DAY_2, morning_after(DAY_2))
    assert published.outcome is Outcome.PUBLISHED
    assert published.prefix == "reports/summer/2026-07-02/"
    today = total_of(desk, published.prefix, "DAILY")
    assert (today["issued_count"], today["claim_users"], today["redemption_count"]) == (
        "1",
        "1",
        "1",
    )
    total = total_of(desk, published.prefix)
    assert (total["issued_count"], total["claim_users"], total["redemption_count"]) == (
        "3",
        "2",
        "2",
    )
    manifest = desk.manifest(published.prefix)
    assert manifest.kind == "report"
    assert manifest.business_date == DAY_2
    assert manifest.cutoff_at == datetime(2026, 7, 2, 16, tzinfo=UTC)
    assert manifest.run_id == "report-summer-2026-07-02-v1"
    assert manifest.inputs["vouchers_issued"] == 1
    assert manifest.inputs["ledger_entries"] == 1
    assert len(manifest.files) + 1 == len(desk.keys())


def test_a_missed_week_is_made_up_for_once(desk: Desk) -> None:
    """Each day gets its own report; the next run finds nothing to do and writes nothing."""
    published = desk.service().report_due(morning_after(DAY_3))
    assert days_of(published) == [DAY_1, DAY_2, DAY_3]
    before = desk.everything()
    assert desk.service().report_due(morning_after(DAY_3)) == []
    assert desk.everything() == before


def test_reports_made_day_by_day_and_all_at_once_are_the_same_bytes(desk: Desk) -> None:
    for on in (DAY_1, DAY_2, DAY_3):
        assert days_of(desk.service().report_due(morning_after(on))) == [on]
    daily = desk.everything()
    client = desk.objects.client
    for key in daily:
        client.delete_object(Bucket=BUCKET, Key=key)
    desk.service().report_due(morning_after(DAY_3))
    assert desk.everything() == daily


def test_a_day_counted_again_is_left_as_it_is(desk: Desk) -> None:
    """Also when a later library would draw the page otherwise: the figures are what counts."""
    desk.service().report_day("summer", DAY_1, morning_after(DAY_1))
    before = desk.everything()
    later = morning_after(DAY_3)
    again = desk.service().report_day("summer", DAY_1, later)
    assert again.outcome is Outcome.UNCHANGED
    with patch.object(file_set, "render_report", return_value=b"<html>newer</html>"):
        assert desk.service().report_day("summer", DAY_1, later).outcome is Outcome.UNCHANGED
    assert desk.everything() == before


def test_a_late_refund_moves_its_own_day_and_is_listed_there(desk: Desk) -> None:
    service = desk.service()
    service.report_due(morning_after(DAY_2))
    before = desk.everything()
    desk.ledger.refund("o1", "f1", noon(3))
    desk.record()
    (published,) = service.report_due(morning_after(DAY_3))
    assert total_of(desk, published.prefix, "DAILY")["net_redemption_fen"] == "-2000"
    (restated,) = lines_of(desk.read(f"{published.prefix}restated_days.csv"))
    assert (restated["redeemed_on"], restated["was_net_fen"], restated["now_net_fen"]) == (
        "2026-07-01",
        "2000",
        "0",
    )
    # The ledger's redemption now carries its refund, and day 1 counted again is still the same.
    again = service.report_day("summer", DAY_1, morning_after(DAY_3))
    assert again.outcome is Outcome.UNCHANGED
    after = desk.everything()
    assert {key: after[key] for key in before} == before


def test_a_recount_that_differs_is_a_version_beside_the_first(desk: Desk) -> None:
    """An entry that was missing: the first version stays, the second says what changed and why."""
    first = desk.service().report_day("summer", DAY_1, morning_after(DAY_1))
    before = desk.everything()
    desk.ledger.redeem("late", noon(1, 30), person="z", merchant="shop-9")
    desk.record()
    later = morning_after(DAY_3)
    second = desk.service().report_day("summer", DAY_1, later, reason="索引延迟 late index")
    assert second.outcome is Outcome.RESTATED
    assert second.prefix == "reports/summer/2026-07-01/v2/"
    assert total_of(desk, first.prefix)["redemption_count"] == "1"
    assert total_of(desk, second.prefix)["redemption_count"] == "2"
    manifest = desk.manifest(second.prefix)
    assert manifest.supersedes == first.run_id
    assert manifest.reason == "索引延迟 late index"
    assert {key: desk.read(key) for key in before} == before
    assert desk.service().report_day("summer", DAY_1, later).outcome is Outcome.UNCHANGED


def test_a_third_version_says_by_itself_what_changed(desk: Desk) -> None:
    service, later = desk.service(), morning_after(DAY_3)
    service.report_day("summer", DAY_1, later)
    for number in (2, 3):
        desk.ledger.redeem(f"late-{number}", noon(1, 30 + number), person="z")
        desk.record()
        published = service.report_day("summer", DAY_1, later)
        assert published.prefix.endswith(f"/v{number}/")
    manifest = desk.manifest("reports/summer/2026-07-01/v3/")
    assert manifest.supersedes == "report-summer-2026-07-01-v2"
    assert manifest.reason is not None
    assert "entries.csv" in manifest.reason
    assert "claims.csv" not in manifest.reason


def test_a_run_that_died_half_way_has_published_nothing_and_is_taken_up(desk: Desk) -> None:
    class Died(BaseException):
        """The process is gone."""

    put = ObjectStore.put_new
    written: list[str] = []

    def dying(store: ObjectStore, key: str, data: bytes, *, content_type: str) -> bool:
        if len(written) == 5:
            raise Died
        written.append(key)
        return put(store, key, data, content_type=content_type)

    with patch.object(ObjectStore, "put_new", dying), pytest.raises(Died):
        desk.service().report_due(morning_after(DAY_1))
    assert len(desk.keys()) == 5
    assert publication.published_days(desk.objects, "summer") == set()
    (published,) = desk.service().report_due(morning_after(DAY_1))
    assert published.prefix == "reports/summer/2026-07-01/"
    desk.manifest(published.prefix)


def test_what_another_program_left_half_way_is_never_overwritten(desk: Desk) -> None:
    """The set goes to the next place; the torso stays, and no manifest names it."""
    torso = "reports/summer/2026-07-01/report.html"
    desk.objects.put_new(torso, b"older", content_type="text/html")
    (published,) = desk.service().report_due(morning_after(DAY_1))
    assert published.outcome is Outcome.PUBLISHED
    assert published.prefix == "reports/summer/2026-07-01/v2/"
    assert desk.read(torso) == b"older"
    assert desk.manifest(published.prefix).supersedes is None
    assert desk.service().report_due(morning_after(DAY_1)) == []


def test_a_day_is_counted_only_when_it_is_over_and_settled(desk: Desk) -> None:
    midnight = datetime(2026, 7, 1, 16, tzinfo=UTC)
    assert desk.service().report_due(midnight + service.SETTLING - timedelta(seconds=1)) == []
    assert days_of(desk.service().report_due(midnight + service.SETTLING)) == [DAY_1]
    with pytest.raises(ValueError, match="is not from"):
        desk.service().report_day("summer", DAY_2, midnight + service.SETTLING)
    with pytest.raises(ValueError, match="is not from"):
        desk.service().report_day("summer", date(2026, 6, 30), morning_after(DAY_3))


def test_after_the_last_voucher_only_days_with_refunds_are_reported(desk: Desk) -> None:
    """And none after the refund window, although the clock goes on."""
    on = DAY_3 + timedelta(days=2)
    desk.ledger.refund("o1", "f1", noon(5))
    desk.record()
    published = desk.service().report_due(morning_after(FIRST + timedelta(days=60)))
    assert days_of(published) == [DAY_1, DAY_2, DAY_3, on]
    assert total_of(desk, published[-1].prefix)["net_redemption_fen"] == "2000"


def test_between_two_periods_only_days_with_entries_are_reported(desk: Desk) -> None:
    """A campaign of two periods a month apart gets no empty report for each day between."""
    plain = document(campaign_id="winter", days=1)
    later = json.loads(json.dumps(plain["rounds"][0])) | {"round_id": "r2"}
    for edge in ("opens_at", "closes_at"):
        at = datetime.fromisoformat(later[edge]) + timedelta(days=30)
        later[edge] = at.isoformat()
    plain["rounds"].append(later)
    campaign = campaign_from_document(plain)
    record = desk.campaigns.put_draft(
        campaign, json.dumps(plain), expected_version=None, made_by="li", now=noon(1)
    )
    desk.campaigns.change_state(record, CampaignState.RUNNING, now=noon(1))
    published = desk.service().report_due(morning_after(FIRST + timedelta(days=31)))
    winter = [report for report in published if report.campaign_id == "winter"]
    assert days_of(winter) == [DAY_1, FIRST + timedelta(days=30)]


def test_late_refunds_of_a_closed_campaign_are_reported_as_long_as_they_may_come(
    desk: Desk,
) -> None:
    days = (LAST_REFUND_DAY - FIRST).days
    late, last = days + 21, days + 90
    desk.ledger.refund("o1", "f1", noon(late), 1_000)
    desk.ledger.refund("o1", "f2", noon(last), 1_000)
    desk.ledger.refund("o1", "f3", noon(last + 1), 1_000)
    desk.record()
    item = CampaignItem.get("summer")
    item.update(actions=[CampaignItem.state.set(CampaignState.CLOSED.value)])
    desk.service().report_due(morning_after(LAST_REFUND_DAY))

    def due_after(day: int) -> list[date]:
        return days_of(desk.service().report_due(morning_after(FIRST + timedelta(days=day - 1))))

    assert due_after(late - 1) == []
    # A run looks some days back, for runs that failed.
    assert due_after(late + 10) == [FIRST + timedelta(days=late - 1)]
    assert due_after(last + 1) == [FIRST + timedelta(days=last - 1)]


def test_a_draft_has_no_report(desk: Desk) -> None:
    desk.add_campaign("draft", CampaignState.DRAFT)
    published = desk.service().report_due(morning_after(DAY_1))
    assert [report.campaign_id for report in published] == ["summer"]
    with pytest.raises(HuiminError) as refused:
        desk.service().report_day("draft", DAY_1, morning_after(DAY_1))
    assert refused.value.code is Code.CAMPAIGN_STATE
    with pytest.raises(HuiminError) as refused:
        desk.service().report_day("nowhere", DAY_1, morning_after(DAY_1))
    assert refused.value.code is Code.NOT_FOUND


def test_a_run_writes_so_many_reports_and_the_next_the_rest(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "REPORTS_PER_RUN", 2)
    now = morning_after(DAY_3)
    assert days_of(desk.service().report_due(now)) == [DAY_1, DAY_2]
    assert days_of(desk.service().report_due(now)) == [DAY_3]


def test_one_broken_campaign_costs_no_other_its_report(desk: Desk) -> None:
    """A refund whose redemption is missing stops its campaign alone, and the run is a failure."""
    broken = Ledger(desk.add_campaign("broken"))
    refund = (broken.redeem("o9", noon(1)), broken.refund("o9", "f9", noon(1, 1)))[1]
    ledger_store._refund_item(refund).save()
    with pytest.raises(ExceptionGroup) as failed:
        desk.service().report_due(morning_after(DAY_1))
    assert [type(error) for error in failed.value.exceptions] == [KeyError]
    assert publication.published_days(desk.objects, "summer") == {DAY_1}
    assert publication.published_days(desk.objects, "broken") == set()


def test_the_schedule_asks_and_the_handler_tells(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    desk.deployment.clock.now = morning_after(DAY_1)
    answer = handle(dict(EVENT), None)
    assert answer == {
        "reports": [
            {
                "campaign_id": "summer",
                "business_on": "2026-07-01",
                "prefix": "reports/summer/2026-07-01/",
                "outcome": "PUBLISHED",
            }
        ]
    }
    logged = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert any(line.get("business_on") == "2026-07-01" for line in logged)
    assert any(line.get("ReportsPublished") == [1.0] for line in logged)
    assert handle(dict(EVENT), None) == {"reports": []}
    with pytest.raises(ValueError, match="no report"):
        handle({"task": "tick"}, None)


def test_a_later_refund_in_the_ledger_changes_no_earlier_rows(desk: Desk) -> None:
    """The stored redemption is changed by refunds; its published row never is."""
    stored = LedgerStore(desk.database).redemption("r_o1")
    assert stored is not None
    desk.ledger.refund("o1", "f1", noon(3))
    changed = desk.ledger.redemptions["o1"]
    assert replace(changed, refunded=stored.refunded, refund_count=0) == stored
    rows = []
    for entry in (stored, changed):
        ledger_store._redemption_item(entry).save()
        published = desk.service().report_day("summer", DAY_1, morning_after(DAY_3))
        rows.append(desk.read(f"{published.prefix}entries.csv"))
    assert rows[0] == rows[1]
