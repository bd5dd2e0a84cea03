"""The book on changes alone, without files."""

from __future__ import annotations

from collections.abc import Iterable

from functions.shared.domain.journal import Change
from infra.audit.book import Book
from infra.audit.findings import Kind
from tests.support.journals import FIRST, changes_of, record_of


def found(book: Book, changes: Iterable[Change]) -> list[Kind]:
    """What is wrong with changes that are entered in their places."""
    kinds = []
    for change in sorted(changes, key=lambda change: change.place):
        kinds += [finding.kind for finding in book.enter(change.change_id, change)]
    return kinds + [finding.kind for finding in book.end()]


def test_a_campaign_of_which_every_fen_is_given_out_is_sound() -> None:
    """While a voucher is redeemed, its entry stands before the line that sets its money free."""
    book = Book(record_of(3).campaign)
    assert found(book, [c for number in range(3) for c in changes_of(number, FIRST)]) == []
    assert (book.outstanding_fen, book.redeemed_net_fen) == (0, 6_000)


def test_one_voucher_more_than_there_is_money_for_is_found_to_the_last_instant() -> None:
    book = Book(record_of(2).campaign)
    changes = [change for number in range(3) for change in changes_of(number, FIRST)]
    issued = [change for change in changes if change.kind == "voucher.claimed"]
    assert found(book, issued) == [Kind.FUNDS]
    assert set(found(Book(record_of(2).campaign), changes)) == {Kind.FUNDS}
