"""The journal: every committed change of a campaign's business date, in order, chained by hashes.

Each line is one JSON object in canonical form. `prev` is the SHA-256 of the line before it, without
its line feed; a day's first line has the root of the day before, which is the hash of that day's
last line. So no line can be edited, left out, put in or moved without every root behind it
changing, and roots are in manifests that are written once.

    {"at":…,"data":{…},"id":"…","kind":"day.opened","n":1,"prev":"<root of the day before>"}
    {"at":…,"data":{…},"id":"v_….0000","kind":"voucher.claimed","n":2,"prev":"<hash of line 1>"}

What a line says follows from what is stored and never changes. Persons are tokens of the journal
alone: equal for the same person within a campaign, and of no use in another file.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from functions.shared.domain.adjusting import AdjustingEntry
from functions.shared.domain.business_time import day_bounds, parse_rfc3339, to_rfc3339
from functions.shared.domain.fund_return import FundReturn
from functions.shared.domain.ledger import Redemption, Refund
from functions.shared.domain.news import entry_news, statement_news
from functions.shared.domain.settlement import Statement
from functions.shared.domain.vouchers import Voucher

GENESIS: Final = "0" * 64
"""The root before a campaign's first day."""

OPENED: Final = "day.opened"
ADJUSTED: Final = "ledger.adjusted"
RETURNED: Final = "fund.returned"
LONGEST_LINE: Final = 64 * 1024
_TOKEN_CHARACTERS: Final = 20
# An entry moves a voucher that is there, and the voucher's own line says how it was told.
_ISSUES: Final = frozenset({"voucher.claimed", "voucher.granted", "voucher.earned"})
_RANKS: Final = {"ledger": 0, "voucher": 1}


class JournalError(ValueError):
    """A line that is none, or not in its place."""


@dataclass(frozen=True, slots=True)
class Change:
    """A committed change.

    Args:
        at: when it was committed, as recorded; aware UTC.
        kind: what it is, as `voucher.redeemed`.
        change_id: the same whenever it is written; no two changes of a campaign share one.
        data: facts by name; amounts in fen.

    """

    at: datetime
    kind: str
    change_id: str
    data: Mapping[str, Any]

    @property
    def place(self) -> tuple[datetime, int, str]:
        """Where it stands in its day: by time; within one instant, issues first, then entries."""
        rank = _RANKS.get(self.kind.partition(".")[0], len(_RANKS))
        if self.kind in _ISSUES:
            rank = -1
        return self.at, rank, self.change_id


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a journal as read back, and the hash that the next one must name."""

    number: int
    change: Change
    previous: str
    digest: str


def person_token(campaign_id: str, identity_ref: str) -> str:
    """An identity within one campaign's journal."""
    text = f"journal|{campaign_id}|{identity_ref}"
    return hashlib.sha256(text.encode()).hexdigest()[:_TOKEN_CHARACTERS]


def voucher_changes(voucher: Voucher) -> Iterator[Change]:
    """One change for each line of the voucher's timeline; the first says what was issued."""
    for number, entry in enumerate(voucher.timeline):
        data: dict[str, Any] = {"reference": entry.reference}
        if number == 0:
            data |= {
                "round_id": voucher.round_id,
                "voucher_type_id": voucher.voucher_type_id,
                "platform_id": voucher.platform_id,
                "reserve_fen": voucher.reserve_fen,
                "valid_from": to_rfc3339(voucher.valid_from),
                "valid_until": to_rfc3339(voucher.valid_until),
                "persons": [
                    person_token(voucher.campaign_id, ref) for ref in voucher.identity_refs
                ],
            }
        kind = f"voucher.{entry.event.value.lower()}"
        # Padded, so that lines of one instant keep their order.
        yield Change(entry.at, kind, f"{voucher.voucher_id}.{number:04d}", data)


def entry_change(entry: Redemption | Refund) -> Change:
    """A redemption as it was made, or a refund."""
    news = entry_news(entry)
    data = {
        **news.data,
        "platform_id": entry.platform_id,
        "industry": entry.industry,
        "size_class": entry.size_class,
    }
    return Change(entry.recorded_at, news.kind.removeprefix("huimin."), news.news_id, data)


def statement_change(statement: Statement, made_at: datetime) -> Change:
    """A statement of a platform's business date."""
    news = statement_news(statement, made_at)
    data = {
        **news.data,
        "platform_id": statement.platform_id,
        "entries_digest": statement.entries_digest,
    }
    return Change(made_at, "settlement.made", news.news_id, data)


def adjusting_change(entry: AdjustingEntry) -> Change:
    """An adjusting entry, or its reversal."""
    order_no, entry_type, refund_no = entry.row.key
    data = {
        "platform_id": entry.platform_id,
        "break_id": entry.break_id,
        "origin_on": entry.origin_on.isoformat(),
        "order_no": order_no,
        "entry_type": entry_type.value,
        "refund_no": refund_no,
        "voucher_id": entry.row.voucher_id,
        "ledger_fen": entry.ledger_fen,
        "bill_fen": entry.bill_fen,
        "fiscal_part_fen": entry.parts.fiscal_fen,
        "platform_part_fen": entry.parts.platform_fen,
        "merchant_part_fen": entry.parts.merchant_fen,
        "is_reversal": entry.is_reversal,
    }
    return Change(entry.recorded_at, ADJUSTED, entry.entry_id, data)


def return_change(fund_return: FundReturn) -> Change:
    """A return of money to the source account."""
    data = {
        "run": fund_return.run,
        "appropriated_fen": fund_return.appropriated_fen,
        "redeemed_net_fen": fund_return.redeemed_net_fen,
        "adjusted_net_fen": fund_return.adjusted_net_fen,
        "returned_before_fen": fund_return.returned_before_fen,
        "to_return_fen": fund_return.to_return_fen,
        "account_number": fund_return.source_account.number,
    }
    return Change(fund_return.decided_at, RETURNED, fund_return.reference, data)


def opening(campaign_id: str, on: date, *, document_sha256: str, before: int) -> Change:
    """A day's first line.

    Args:
        campaign_id: whose journal.
        on: the business date.
        document_sha256: of the campaign's document, `campaign.json` of its first day.
        before: changes in all days before it.

    """
    data = {
        "campaign_id": campaign_id,
        "business_on": on.isoformat(),
        "document_sha256": document_sha256,
        "changes_before": before,
    }
    return Change(day_bounds(on)[0], OPENED, f"{campaign_id}/{on.isoformat()}", data)


def write_lines(changes: Iterable[Change], *, root: str) -> Iterator[bytes]:
    """The lines of changes that are in their order, behind a line or day of that root."""
    for number, change in enumerate(changes, start=1):
        line = _line(number, change, root)
        root = digest_of(line)
        yield line


def _line(number: int, change: Change, previous: str) -> bytes:
    document = {
        "at": to_rfc3339(change.at),
        "data": change.data,
        "id": change.change_id,
        "kind": change.kind,
        "n": number,
        "prev": previous,
    }
    text = json.dumps(document, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return f"{text}\n".encode()


def digest_of(line: bytes) -> str:
    """The hash of a line, without its line feed."""
    return hashlib.sha256(line.rstrip(b"\n")).hexdigest()


def read_line(line: bytes) -> Line:
    """A line as it was written.

    Raises:
        JournalError: the bytes are no line in its one form.

    """
    if len(line) > LONGEST_LINE:
        raise JournalError(f"{len(line)} bytes")
    try:
        found = json.loads(line)
        change = Change(parse_rfc3339(found["at"]), found["kind"], found["id"], found["data"])
        number, previous = found["n"], found["prev"]
        # One comparison rules out every other spelling.
        again = _line(number, change, previous)
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        raise JournalError(f"not a line of a journal: {error}"[:200]) from None
    if again != line:
        raise JournalError("not in canonical form")
    return Line(number, change, previous, digest_of(line))
