"""The files of one report: figures and rows for machines, a workbook and a page for people."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from functions.report.figures import Report
from functions.report.labels import Labels
from functions.report.measures import NOTES
from functions.report.open_breaks import OpenBreaks, open_breaks_table
from functions.report.pages import render_report
from functions.report.published_rows import (
    CLAIM_COLUMNS,
    CLAIM_TOTALS,
    ENTRY_COLUMNS,
    claim_cells,
    entry_cells,
)
from functions.report.tables import figure_tables
from functions.shared.domain.business_time import day_bounds
from functions.shared.domain.campaign import Campaign
from functions.shared.files.bundle import render_table
from functions.shared.files.csv_out import iter_csv
from functions.shared.files.facts import Fact, Facts, Words
from functions.shared.files.manifest import FileEntry, describe, describe_stream
from functions.shared.files.media_types import media_type_of
from functions.shared.files.xlsx_out import to_workbook


@dataclass(frozen=True, slots=True)
class ReportFile:
    """A file of the set, with its line in the manifest."""

    data: bytes
    entry: FileEntry

    @property
    def content_type(self) -> str:
        """What a browser is told that it is."""
        return media_type_of(self.entry.name)


def facts_of(report: Report, campaign: Campaign, breaks: OpenBreaks, run_id: str) -> Facts:
    """What every file of the set states about itself; it follows from what was counted alone."""
    return Facts(
        cutoff_at=day_bounds(report.day.on)[1],
        run_id=run_id,
        more=(
            Fact("campaign_id", Words("活动编号", "Campaign"), campaign.campaign_id),
            Fact("business_date", Words("业务日期", "Business date"), report.day.on),
            Fact("claim_rows", Words("领券明细行数", "Rows in claims.csv"), len(report.day.claims)),
            Fact(
                "entry_rows", Words("核销明细行数", "Rows in entries.csv"), len(report.day.entries)
            ),
            Fact(
                "breaks_register",
                Words("差错登记日期", "Register of breaks"),
                breaks.register_on or "无 none",
            ),
        ),
    )


def report_files(
    report: Report, campaign: Campaign, breaks: OpenBreaks, run_id: str
) -> Iterator[ReportFile]:
    """Every file but the manifest; the same arguments give the same bytes."""
    facts = facts_of(report, campaign, breaks, run_id)
    explained = _with_notes(facts)
    open_table = open_breaks_table(breaks)
    for table in (*figure_tables(report, campaign, Labels(None)), open_table):
        for name, data in render_table(table, formats=("csv", "json"), facts=explained).items():
            yield ReportFile(data, describe(name, data, table))
    yield from row_files(report)
    title = Words(f"{campaign.name.zh} T+1 统计日报", f"{campaign.name.en}: T+1 report")
    workbook = to_workbook(
        (*figure_tables(report, campaign, Labels(campaign)), open_table), explained, title=title
    )
    yield ReportFile(workbook, describe("report.xlsx", workbook))
    page = render_report(report, campaign, open_table, facts)
    yield ReportFile(page, describe("report.html", page))


def row_files(report: Report) -> Iterator[ReportFile]:
    """The rows that every figure can be counted from."""
    claims = iter_csv(CLAIM_COLUMNS, map(claim_cells, report.day.claims), CLAIM_TOTALS)
    yield ReportFile(b"".join(claims), describe_stream("claims.csv", claims))
    entries = iter_csv(ENTRY_COLUMNS, map(entry_cells, report.day.entries))
    yield ReportFile(b"".join(entries), describe_stream("entries.csv", entries))


def _with_notes(facts: Facts) -> Facts:
    notes = (
        Fact(f"note_{number}", Words(f"说明 {number}", f"Note {number}"), f"{note.zh} {note.en}")
        for number, note in enumerate(NOTES, start=1)
    )
    return replace(facts, more=(*facts.more, *notes))
