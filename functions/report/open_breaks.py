"""The breaks of a campaign that were open when its report was due, read off the day's register.

The register of the morning after the business date is written once and never changes; breaks
themselves do. So a report counts the same whenever it is counted, once the register is there.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from functions.shared.domain.breaks import MatchState
from functions.shared.files.columns import Column, ColumnKind, Row, Table
from functions.shared.files.manifest import FILE_NAME
from functions.shared.files.register import REGISTER_CSV, register_prefix
from functions.shared.store.objects import ObjectStore

_COLUMNS: Final = (
    Column("platform_id", "平台", "Platform", ColumnKind.ID),
    Column(
        "match_state",
        "对账结果",
        "Match",
        ColumnKind.ID,
        "LEDGER_ONLY 长款；BILL_ONLY 短款；AMOUNT_DIFFERS 金额不符；STATE_DIFFERS 券或商户不符；"
        "DUPLICATE 账单重复；业务日期次日凌晨登记时未结的差错",
        "LEDGER_ONLY in the ledger only; BILL_ONLY in the bill only; AMOUNT_DIFFERS; "
        "STATE_DIFFERS another voucher or merchant; DUPLICATE billed once more; open when the "
        "register of the morning after the business date was written",
    ),
    Column("breaks", "未结差错数", "Open breaks", ColumnKind.COUNT),
    Column(
        "oldest_days",
        "最长账龄（天）",
        "Oldest, days",
        ColumnKind.COUNT,
        "差错业务日期结束后的整天数，取最大",
        "whole days since the end of a break's business date, the greatest",
    ),
    Column(
        "difference_fen",
        "差额",
        "Difference",
        ColumnKind.FEN,
        "账本券金额 − 账单券金额之和；退款计为负",
        "ledger less bill voucher amount, added up; refunds count negative",
    ),
)


@dataclass(slots=True)
class BreakTally:
    """Open breaks of one platform and kind."""

    breaks: int = 0
    oldest_days: int = 0
    difference_fen: int = 0


@dataclass(frozen=True, slots=True)
class OpenBreaks:
    """A campaign's open breaks by platform and kind.

    Args:
        register_on: the date of the register; None where there was none.
        tallies: by platform and kind.

    """

    register_on: date | None
    tallies: dict[tuple[str, MatchState], BreakTally]


def read_open_breaks(objects: ObjectStore, campaign_id: str, on: date) -> OpenBreaks:
    """The campaign's open breaks by the register of the morning after a business date."""
    register_on = on + timedelta(days=1)
    prefix = register_prefix(register_on)
    if objects.get(prefix + FILE_NAME) is None:
        return OpenBreaks(None, {})
    with TemporaryDirectory(prefix="huimin-") as folder:
        # On disk and line by line: a day without a bill may have left a million.
        path = Path(folder) / REGISTER_CSV
        objects.fetch(prefix + REGISTER_CSV, path)
        with path.open(encoding="utf-8-sig", newline="") as lines:
            return tally_breaks(csv.DictReader(lines), campaign_id, register_on)


def tally_breaks(
    rows: Iterable[Mapping[str, str]], campaign_id: str, register_on: date
) -> OpenBreaks:
    """A campaign's open breaks by the rows of a register.

    Raises:
        KeyError, ValueError: they are no register's.

    """
    tallies: dict[tuple[str, MatchState], BreakTally] = {}
    for cells in rows:
        if cells["campaign_id"] != campaign_id:
            continue
        key = cells["platform_id"], MatchState(cells["match_state"])
        tally = tallies.setdefault(key, BreakTally())
        tally.breaks += 1
        tally.oldest_days = max(tally.oldest_days, int(cells["age_days"]))
        tally.difference_fen += int(cells["difference_fen"])
    return OpenBreaks(register_on, tallies)


def open_breaks_table(found: OpenBreaks) -> Table:
    """The table of them; empty where none is open, or no register was there."""
    return Table(
        "open_breaks",
        "未结对账差错",
        "Open breaks",
        _COLUMNS,
        _rows(found),
        totals=["breaks", "difference_fen"],
    )


def _rows(found: OpenBreaks) -> Iterator[Row]:
    for (platform_id, match_state), tally in sorted(found.tallies.items()):
        yield {
            "platform_id": platform_id,
            "match_state": match_state.value,
            "breaks": tally.breaks,
            "oldest_days": tally.oldest_days,
            "difference_fen": tally.difference_fen,
        }
