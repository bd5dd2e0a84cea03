"""Changes come back from disk as they went there, in the order of their places."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from functions.reconcile.journal_days import JournalDays
from functions.shared.domain.journal import Change
from tests.support.days import shared_engine

DAYS = (date(2026, 1, 5), date(2026, 1, 6))
NOON = datetime(2026, 1, 5, 4, tzinfo=UTC)

_data = st.dictionaries(
    st.text(max_size=5), st.none() | st.integers() | st.text(max_size=8), max_size=3
)


@st.composite
def changes(draw: st.DrawFn) -> list[Change]:
    """Changes of few instants, so that kinds and ids decide; each id once."""
    kinds = ("voucher.claimed", "ledger.redeemed", "voucher.redeemed", "fund.returned")
    ids = draw(st.lists(st.text("abAB09._-", min_size=1, max_size=4), unique=True, max_size=12))
    return [
        Change(
            NOON + timedelta(milliseconds=draw(st.integers(0, 2))),
            draw(st.sampled_from(kinds)),
            change_id,
            draw(_data),
        )
        for change_id in ids
    ]


@given(changes(), changes())
def test_a_days_changes_come_back_in_their_places(
    first: list[Change], second: list[Change]
) -> None:
    with JournalDays(shared_engine()) as kept:
        for on, found in zip(DAYS, (first, second), strict=True):
            for change in found:
                kept.keep("spring", on, change)
                kept.keep("autumn", on, change)
        for on, found in zip(DAYS, (first, second), strict=True):
            for campaign_id in ("spring", "autumn"):
                assert kept.counts[campaign_id, on] == len(found)
                read = list(kept.changes(campaign_id, on))
                assert read == sorted(found, key=lambda change: change.place)
