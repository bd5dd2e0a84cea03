"""The daily recount of a campaign: every promise, from every voucher, entry and person.

    python -m tests.benchmarks.recounts VOUCHERS

All vouchers are redeemed, each by a person of its own. A process of its own, so that its peak
memory is the recount's. The three large tables lie on disk as DynamoDB answers them; what the
parsing of their pages alone takes is told beside. The small tables are moto's, in this process.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, TypeVar
from unittest.mock import patch

from moto import mock_aws
from pynamodb.expressions.condition import Condition
from pynamodb.models import Model

from functions.reconcile.collector import without_collector
from functions.shared.domain.campaign import Campaign
from functions.shared.domain.campaign_reader import campaign_from_document
from functions.shared.domain.funds import CampaignRecord, Funds, Pool, plan_pools
from functions.shared.domain.invariants import check_all, require_all
from functions.shared.domain.ledger import Redemption
from functions.shared.domain.limits import claim_counters, redemption_counters
from functions.shared.domain.vouchers import (
    TimelineEntry,
    Voucher,
    VoucherEvent,
    VoucherState,
)
from functions.shared.store.connection import Database
from functions.shared.store.ledger import _redemption_item
from functions.shared.store.persons import person_key
from functions.shared.store.recount import RecountStore
from functions.shared.store.settlements import SETTLEMENT, statement_key
from functions.shared.store.tables import (
    LedgerItem,
    PersonItem,
    PoolItem,
    SettlementItem,
    StockItem,
    VoucherItem,
)
from functions.shared.store.vouchers import item_of
from tests.benchmarks.days import PAGE, peak_mb
from tests.benchmarks.own_process import measured
from tests.support.campaigns import CAMPAIGN_ID, UNIONPAY, campaign_document
from tests.support.deployment import ENVIRONMENT
from tests.support.engine import make_tables
from tests.support.entries import redemption
from tests.support.journals import FIRST, PUBLIC, VOUCHER_FEN, record_of

M = TypeVar("M", bound=Model)

_NUMBER: Final = "7777777777"
"""Stands for an item's number in the pattern that all are made of."""


def measure(vouchers: int) -> dict[str, Any]:
    """Seconds and peak memory of one recount, in a process of its own."""
    return measured("tests.benchmarks.recounts", vouchers)


class RecordedTables(Database):
    """Tables of which the large ones lie on disk as DynamoDB answered them.

    Args:
        prefix: of the small ones.
        folder: of the large ones: `{table}.jsonl`, a page a line.

    """

    def __init__(self, prefix: str, folder: Path) -> None:
        super().__init__(prefix)
        self._folder = folder

    def scan_raw(
        self, model: type[Model], condition: Condition | None = None
    ) -> Iterator[dict[str, dict[str, Any]]]:
        """Every item of a table; all are of one campaign."""
        path = path_of(self._folder, model)
        if not path.exists():
            yield from super().scan_raw(model, condition)
            return
        with path.open("rb") as pages:
            for page in pages:
                yield from json.loads(page)

    def scan(self, model: type[M], condition: Condition | None = None) -> Iterator[M]:
        """The same, as PynamoDB makes them."""
        if not path_of(self._folder, model).exists():
            yield from super().scan(model, condition)
            return
        yield from map(model.from_raw_data, self.scan_raw(model))


def path_of(folder: Path, model: type[Model]) -> Path:
    """Where a table lies."""
    return folder / f"{model.__name__}.jsonl"


def campaign_of(vouchers: int) -> CampaignRecord:
    """A campaign of which every voucher is given out, with limits for persons."""
    document = json.loads(record_of(vouchers).document)
    document["limits"] = campaign_document()["limits"]
    made = record_of(vouchers)
    money = Funds(VOUCHER_FEN * vouchers, 0, 0, VOUCHER_FEN * vouchers)
    campaign = campaign_from_document(document)
    return replace(made, campaign=campaign, document=json.dumps(document), funds=money)


def write_tables(record: CampaignRecord, folder: Path, vouchers: int) -> None:
    """Writes the large tables, and puts what the small ones hold."""
    [pool] = [pool for pool in plan_pools(record.campaign) if pool.planned_units]
    put_small(record, pool, vouchers)
    entry = redemption(int(_NUMBER), on=FIRST, voucher_fen=VOUCHER_FEN, shares=PUBLIC)
    entry = replace(entry, person_ref=f"p1_{_NUMBER:a>40}", order_no=f"P20260105{_NUMBER}")
    entry = replace(entry, voucher_id=f"v_{_NUMBER:a>32}")
    voucher = voucher_of(entry, pool)
    patterns = {
        VoucherItem: item_of(voucher).serialize(),
        LedgerItem: _redemption_item(entry).serialize(),
        PersonItem: person_of(record.campaign, voucher, entry),
    }
    for model, pattern in patterns.items():
        text = json.dumps(pattern)
        with path_of(folder, model).open("w") as pages:
            for first in range(0, vouchers, PAGE):
                numbers = range(first, min(first + PAGE, vouchers))
                items = (
                    text.replace(_NUMBER, f"{number:010d}").replace(
                        pool.shard_id(0), pool.shard_id(number % pool.shard_count)
                    )
                    for number in numbers
                )
                pages.write("[" + ",".join(items) + "]\n")


def voucher_of(entry: Redemption, pool: Pool) -> Voucher:
    """A voucher that was claimed, and redeemed an hour later."""
    claimed_at = entry.recorded_at - timedelta(hours=1)
    return Voucher(
        voucher_id=entry.voucher_id,
        campaign_id=CAMPAIGN_ID,
        round_id=pool.round_id,
        voucher_type_id=pool.voucher_type_id,
        platform_id=pool.platform_id,
        person_ref=entry.person_ref,
        identity_refs=(entry.person_ref,),
        shard_id=pool.shard_id(0),
        request_no=f"q-{_NUMBER}",
        content_hash=_NUMBER.zfill(64),
        state=VoucherState.REDEEMED,
        issued_at=claimed_at,
        valid_from=claimed_at,
        valid_until=claimed_at + timedelta(days=7),
        reserve_fen=VOUCHER_FEN,
        slack_fen=0,
        timeline=(
            TimelineEntry(claimed_at, VoucherEvent.CLAIMED, f"q-{_NUMBER}"),
            TimelineEntry(entry.recorded_at, VoucherEvent.REDEEMED, entry.order_no),
        ),
        order_no=entry.order_no,
        redemption_id=entry.redemption_id,
    )


def person_of(campaign: Campaign, voucher: Voucher, entry: Redemption) -> dict[str, Any]:
    """The voucher's person, who has used of each limit what one voucher uses."""
    counters = [
        *claim_counters(
            campaign,
            round_id=voucher.round_id,
            voucher_type_id=voucher.voucher_type_id,
            platform_id=voucher.platform_id,
        ),
        *redemption_counters(campaign, merchant_id=entry.merchant_id, on=entry.business_on),
    ]
    return {
        "person_key": {"S": person_key(CAMPAIGN_ID, entry.person_ref)},
        "voucher_ids": {"L": [{"S": voucher.voucher_id}]},
        **{counter.name: {"N": "1"} for counter in counters},
    }


def put_small(record: CampaignRecord, pool: Pool, vouchers: int) -> None:
    """The pool, its shards, and the statement of the one day."""
    PoolItem(
        CAMPAIGN_ID,
        pool.pool_key,
        round_id=pool.round_id,
        voucher_type_id=pool.voucher_type_id,
        platform_id=pool.platform_id,
        unit_reserve_fen=pool.unit_reserve_fen,
        planned_units=pool.planned_units,
        shard_count=pool.shard_count,
        funded_shards=pool.shard_count,
        pot_fen=0,
        state=pool.state.value,
    ).save()
    for number in range(pool.shard_count):
        issued = len(range(number, vouchers, pool.shard_count))
        StockItem(
            pool.shard_id(number),
            state=pool.state.value,
            allocated=issued,
            available=0,
            issued=issued,
            lapsed_fen=0,
            unit_reserve_fen=pool.unit_reserve_fen,
        ).save()
    SettlementItem(
        CAMPAIGN_ID,
        statement_key(UNIONPAY, FIRST),
        kind=SETTLEMENT,
        statement_id="s_1",
        business_on=FIRST.isoformat(),
        platform_id=UNIONPAY,
        payload="{}",
        amount_fen=record.funds.settled_fen,
        made_at=record.made_at,
    ).save()


def play(vouchers: int) -> dict[str, Any]:
    """Recounts a campaign of so many redeemed vouchers; what it took."""
    with tempfile.TemporaryDirectory(prefix="huimin-bench-") as name, mock_aws():
        folder = Path(name)
        make_tables()
        record = campaign_of(vouchers)
        write_tables(record, folder, vouchers)
        tables = RecordedTables(os.environ["HUIMIN_TABLE_PREFIX"], folder)
        began = time.perf_counter()
        for model in (VoucherItem, LedgerItem, PersonItem):
            assert sum(1 for _ in tables.scan_raw(model)) == vouchers
        bare_s = time.perf_counter() - began
        before_mb = peak_mb()
        with without_collector():
            began = time.perf_counter()
            snapshot = RecountStore(tables).snapshot(record)
            read_s = time.perf_counter() - began
            held_mb = peak_mb()
            began = time.perf_counter()
            checks = check_all(snapshot)
            check_s = time.perf_counter() - began
        require_all(checks)
        return {
            "vouchers": vouchers,
            "bare_s": round(bare_s, 2),
            "read_s": round(read_s, 2),
            "check_s": round(check_s, 2),
            "us_per_voucher": round((read_s + check_s) / vouchers * 1e6, 1),
            "read_per_bare": round(read_s / bare_s, 2),
            "bytes_per_voucher": round((peak_mb() - before_mb) * 1e6 / vouchers),
            "snapshot_mb": round(held_mb - before_mb),
            "recount_peak_mb": round(peak_mb()),
        }


if __name__ == "__main__":
    with patch.dict(os.environ, ENVIRONMENT):
        print(json.dumps(play(int(sys.argv[1]))))  # noqa: T201 - read by `measure`
