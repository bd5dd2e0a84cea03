"""Days as they are published: the files of each report, without a bucket."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, timedelta

from functions.report.figures import History, Report
from functions.report.file_set import report_files, row_files
from functions.report.labels import Labels
from functions.report.open_breaks import OpenBreaks
from functions.report.tables import figure_tables
from functions.shared.domain.campaign import Campaign
from functions.shared.files.csv_out import to_csv
from tests.report.builders import FIRST, Issued, Ledger


def reports(
    of: Campaign, days: int, issued: dict[date, list[Issued]], ledger: Ledger
) -> list[Report]:
    """The report of each of the first days."""
    history = History({t.voucher_type_id: t.benefit.greatest_fen for t in of.voucher_types})
    dates = [FIRST + timedelta(days=day) for day in range(days)]
    return [history.take(on, issued.get(on, []), ledger.of(on)) for on in dates]


def files_of(report: Report, of: Campaign) -> dict[str, bytes]:
    """The report's files by name."""
    breaks = OpenBreaks(None, {})
    return {file.entry.name: file.data for file in report_files(report, of, breaks, "run-1")}


def published(of: Campaign, made: Sequence[Report]) -> list[dict[str, bytes]]:
    """The CSV files of each day, without the dearer ones."""
    return [
        {
            **{f"{t.name}.csv": to_csv(t) for t in figure_tables(report, of, Labels(None))},
            **{file.entry.name: file.data for file in row_files(report)},
        }
        for report in made
    ]


def all_text(files: Iterable[bytes]) -> str:
    """What the files say, for files that are text."""
    return "\n".join(data.decode("utf-8-sig") for data in files)
