"""What a share of a day comes to, as a document: one function writes it, another reads it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from functions.reconcile.day_files import BreakSummary
from functions.reconcile.day_share import Counted
from functions.reconcile.day_tables import Sides
from functions.shared.domain.bills import row_document, row_of_document
from functions.shared.domain.breaks import BreakChanges, BreakState, MatchRow, MatchState
from functions.shared.domain.business_time import parse_rfc3339, to_rfc3339
from functions.shared.domain.money import FundingParts
from functions.shared.domain.settlement import Adjustment, SegmentSum, Tallies, Tally
from functions.shared.files.manifest import FileEntry


@dataclass(frozen=True, slots=True)
class ShareFile:
    """A share that is done.

    Args:
        counted: what it comes to.
        broken: the campaigns that have a break in it with the bill that counts.
        large: the large files of each set, by campaign and number of the set.
        breaks: what each set says of the breaks in it, likewise.
        files: the files of breaks, by the share of all break ids that they hold: their SHA-256.

    """

    counted: Counted
    broken: frozenset[str]
    large: Mapping[tuple[str, int], tuple[FileEntry, ...]]
    breaks: Mapping[tuple[str, int], BreakSummary]
    files: Mapping[int, str]

    def to_document(self) -> dict[str, Any]:
        """As JSON."""
        counted = self.counted
        return {
            "sums": {
                name: [_sum_document(each) for each in sums] for name, sums in counted.sums.items()
            },
            "adjustments": {
                name: [_adjustment_document(each) for each in adjustments]
                for name, adjustments in counted.adjustments.items()
            },
            "agreed": [
                [name, number, asdict(sides)] for (name, number), sides in counted.agreed.items()
            ],
            "broken": sorted(self.broken),
            "large": [
                [name, number, [{**asdict(e), "totals": dict(e.totals)} for e in entries]]
                for (name, number), entries in self.large.items()
            ],
            "breaks": [
                [name, number, _summary_document(summary)]
                for (name, number), summary in self.breaks.items()
            ],
            "files": dict(self.files),
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> ShareFile:
        """What `to_document` gave."""
        counted = Counted(
            sums={name: list(map(_sum, sums)) for name, sums in document["sums"].items()},
            adjustments={
                name: list(map(_adjustment, adjustments))
                for name, adjustments in document["adjustments"].items()
            },
            agreed={(name, number): Sides(**sides) for name, number, sides in document["agreed"]},
        )
        large = {
            (name, number): tuple(FileEntry(**entry) for entry in entries)
            for name, number, entries in document["large"]
        }
        breaks = {(name, number): _summary(summary) for name, number, summary in document["breaks"]}
        files = {int(share): sha256 for share, sha256 in document["files"].items()}
        return cls(counted, frozenset(document["broken"]), large, breaks, files)


def _summary_document(summary: BreakSummary) -> dict[str, Any]:
    return {
        "sides": {state.value: asdict(sides) for state, sides in summary.sides.items()},
        "changes": asdict(summary.changes) if summary.changes else None,
        "shown": [[_row_document(row), state.value] for row, state in summary.shown],
    }


def _summary(document: Mapping[str, Any]) -> BreakSummary:
    changes = document["changes"]
    return BreakSummary(
        sides={MatchState(name): Sides(**sides) for name, sides in document["sides"].items()},
        changes=None if changes is None else BreakChanges(**changes),
        shown=tuple((_row(row), BreakState(state)) for row, state in document["shown"]),
    )


def _row_document(row: MatchRow) -> dict[str, Any]:
    return {
        "break_id": row.break_id,
        "campaign_id": row.campaign_id,
        "match_state": row.match_state.value,
        "ledger": row_document(row.ledger) if row.ledger else None,
        "bill": row_document(row.bill) if row.bill else None,
    }


def _row(document: Mapping[str, Any]) -> MatchRow:
    ledger, bill = document["ledger"], document["bill"]
    return MatchRow(
        break_id=document["break_id"],
        campaign_id=document["campaign_id"],
        match_state=MatchState(document["match_state"]),
        ledger=row_of_document(ledger) if ledger else None,
        bill=row_of_document(bill) if bill else None,
    )


def _sum_document(found: SegmentSum) -> dict[str, Any]:
    return {
        "segment": found.segment,
        "tallies": asdict(found.tallies),
        "digest": found.digest,
    }


def _sum(document: Mapping[str, Any]) -> SegmentSum:
    tallies = {
        name: Tally(of["count"], FundingParts(**of["parts"]))
        for name, of in document["tallies"].items()
    }
    return SegmentSum(
        segment=document["segment"], tallies=Tallies(**tallies), digest=document["digest"]
    )


def _adjustment_document(adjustment: Adjustment) -> dict[str, Any]:
    return {
        **asdict(adjustment),
        "recorded_at": to_rfc3339(adjustment.recorded_at),
        "redeemed_on": adjustment.redeemed_on.isoformat(),
    }


def _adjustment(document: Mapping[str, Any]) -> Adjustment:
    return Adjustment(
        **{
            **document,
            "recorded_at": parse_rfc3339(document["recorded_at"]),
            "redeemed_on": date.fromisoformat(document["redeemed_on"]),
            "parts": FundingParts(**document["parts"]),
        }
    )
