"""A day's rows, de-identified: what an auditor needs to count every figure again, and no more.

Persons and merchants get numbers that hold within one file of one day. A number is not derived
from the person or the merchant, so that nobody can find one by hashing a list of known ones; it
carries the date, so that nobody joins two days by it. What distinct counts over several days
need is said in words instead: each row lists the dimensions in which its person, or its merchant,
is seen for the first time since the campaign began. The users of a period are then the sum of the
newcomers of its days.

`redemption_id` and `refund_no` stay: they name the ledger's entry, cannot be guessed, and only an
auditor's role can open them. Order numbers and voucher ids are left out; that entry has them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final, Protocol, TypeAlias, TypeVar

from functions.shared.domain.ledger import Redemption, Refund
from functions.shared.domain.refunds import Redeemed

DAY_ROW_LIMIT: Final = 1_000_000
"""The most vouchers issued, and the most ledger entries, of one day that a report takes."""

T = TypeVar("T")

Entry: TypeAlias = Redemption | Refund

Key: TypeAlias = tuple[str, ...]
"""Which group of a dimension: an industry, a platform, …; empty for the whole campaign."""


class Dimension(StrEnum):
    """By what the figures are grouped."""

    CAMPAIGN = "CAMPAIGN"
    INDUSTRY = "INDUSTRY"
    SIZE_CLASS = "SIZE_CLASS"
    INDUSTRY_SIZE_CLASS = "INDUSTRY_SIZE_CLASS"
    PLATFORM = "PLATFORM"
    VOUCHER_TYPE = "VOUCHER_TYPE"


Newcomer: TypeAlias = tuple[Dimension, ...]
"""The dimensions in whose group somebody appears for the first time, in the order above."""


class IssuedVoucher(Protocol):
    """What the report needs to know of a voucher that was issued."""

    @property
    def voucher_id(self) -> str:
        """Orders the rows; it is not published."""

    @property
    def person_ref(self) -> str:
        """Whose it is; it is not published."""

    @property
    def round_id(self) -> str:
        """Of which round."""

    @property
    def voucher_type_id(self) -> str:
        """Of which type."""

    @property
    def platform_id(self) -> str:
        """Through which platform."""


@dataclass(frozen=True, slots=True)
class ClaimRow:
    """The vouchers of one type that a person got in a round through a platform on the day."""

    person_no: str
    round_id: str
    voucher_type_id: str
    platform_id: str
    voucher_count: int
    issued_fen: int
    person_new_in: Newcomer


@dataclass(frozen=True, slots=True)
class EntryRow:
    """A ledger entry of the day.

    Args:
        entry: the ledger's own.
        amounts: a redemption's amounts, or what a refund reverses of them.
        person_no: the person's number in this file.
        merchant_no: the merchant's number in this file.
        closes: it is a refund, and nothing of the redemption is left to refund after it.
        person_new_in: empty for refunds: nobody becomes a user by a refund.
        merchant_new_in: likewise.

    """

    entry: Entry
    amounts: Redeemed
    person_no: str
    merchant_no: str
    closes: bool
    person_new_in: Newcomer
    merchant_new_in: Newcomer


def claim_keys(voucher: IssuedVoucher | ClaimRow) -> Mapping[Dimension, Key]:
    """The groups that a claim counts in: no industry yet, that is known at the till."""
    return {
        Dimension.CAMPAIGN: (),
        Dimension.PLATFORM: (voucher.platform_id,),
        Dimension.VOUCHER_TYPE: (voucher.voucher_type_id,),
    }


def entry_keys(entry: Entry) -> Mapping[Dimension, Key]:
    """The groups that a ledger entry counts in, by the merchant's facts of the redemption."""
    return {
        Dimension.CAMPAIGN: (),
        Dimension.INDUSTRY: (entry.industry,),
        Dimension.SIZE_CLASS: (entry.size_class,),
        Dimension.INDUSTRY_SIZE_CLASS: (entry.industry, entry.size_class),
        Dimension.PLATFORM: (entry.platform_id,),
        Dimension.VOUCHER_TYPE: (entry.voucher_type_id,),
    }


class Newcomers:
    """Who has been seen in which group so far."""

    def __init__(self) -> None:
        self._seen: dict[tuple[Dimension, Key], set[str]] = {}

    def meet(self, who: str, keys: Mapping[Dimension, Key]) -> Newcomer:
        """The dimensions in whose group it is the first time; from now on it is not."""
        first = []
        for group in keys.items():
            seen = self._seen.setdefault(group, set())
            if who not in seen:
                seen.add(who)
                first.append(group[0])
        return tuple(first)


class Numbers:
    """Numbers for names, given in the order of asking; valid in one file of one day."""

    def __init__(self, letter: str, on: date) -> None:
        self._prefix = f"{letter}{on:%Y%m%d}-"
        self._given: dict[str, str] = {}

    def of(self, name: str) -> str:
        """The number, the same for the same name."""
        number = self._given.get(name)
        if number is None:
            number = self._given[name] = f"{self._prefix}{len(self._given) + 1:06d}"
        return number


def claim_rows(
    issued: Iterable[IssuedVoucher],
    on: date,
    *,
    face_fen: Mapping[str, int],
    claimants: Newcomers,
) -> tuple[ClaimRow, ...]:
    """A day's claims, one row for each person, round, type and platform.

    Args:
        issued: the vouchers issued on the day, in any order.
        on: the day.
        face_fen: the most that one voucher of a type gives.
        claimants: who claimed on earlier days; the day's are added.

    """
    # By voucher id, which is a keyed hash: the numbers tell nothing about the order of claims.
    vouchers = sorted(_limited(issued), key=lambda voucher: voucher.voucher_id)
    numbers = Numbers("c", on)
    counts: dict[tuple[str, str, str, str], int] = {}
    new_in: dict[tuple[str, str, str, str], Newcomer] = {}
    for voucher in vouchers:
        row = (
            numbers.of(voucher.person_ref),
            voucher.round_id,
            voucher.voucher_type_id,
            voucher.platform_id,
        )
        counts[row] = counts.get(row, 0) + 1
        first = claimants.meet(voucher.person_ref, claim_keys(voucher))
        new_in[row] = new_in.get(row, ()) + first
    return tuple(
        ClaimRow(*row, count, count * face_fen[row[2]], new_in[row])
        for row, count in sorted(counts.items())
    )


def entry_rows(
    entries: Iterable[Entry],
    on: date,
    *,
    refundable_fen: dict[str, int],
    redeemers: Newcomers,
    merchants: Newcomers,
) -> tuple[EntryRow, ...]:
    """A day's ledger entries in the order of recording.

    Args:
        entries: the entries recorded on the day, in any order.
        on: the day.
        refundable_fen: what is left to refund of earlier redemptions, by id; brought up to date.
        redeemers: who redeemed on earlier days; the day's are added.
        merchants: where was redeemed on earlier days; the day's are added.

    """
    people, shops = Numbers("r", on), Numbers("m", on)
    rows = []
    for entry in sorted(_limited(entries), key=_recorded):
        keys = entry_keys(entry)
        is_refund = isinstance(entry, Refund)
        rows.append(
            EntryRow(
                entry=entry,
                amounts=amounts_of(entry),
                person_no=people.of(entry.person_ref),
                merchant_no=shops.of(entry.merchant_id),
                closes=_closes(entry, refundable_fen),
                person_new_in=() if is_refund else redeemers.meet(entry.person_ref, keys),
                merchant_new_in=() if is_refund else merchants.meet(entry.merchant_id, keys),
            )
        )
    return tuple(rows)


def amounts_of(entry: Entry) -> Redeemed:
    """A redemption's amounts, or what a refund reverses of them."""
    if isinstance(entry, Redemption):
        # Not `entry.refunded`: that is what is known now, and a report says what was known then.
        return entry.amounts
    return Redeemed(
        order_fen=entry.order_fen,
        merchant_discount_fen=entry.merchant_discount_fen,
        platform_discount_fen=entry.platform_discount_fen,
        voucher_fen=entry.voucher_fen,
        paid_fen=entry.paid_fen,
        parts=entry.parts,
    )


def redeemed_on(entry: Entry) -> date:
    """The business date of the redemption that the entry is, or refunds."""
    return entry.business_on if isinstance(entry, Redemption) else entry.redeemed_on


def _closes(entry: Entry, refundable_fen: dict[str, int]) -> bool:
    if isinstance(entry, Redemption):
        refundable_fen[entry.redemption_id] = entry.amounts.refundable_fen
        return False
    left_fen = refundable_fen[entry.redemption_id] - entry.refund_fen
    if left_fen < 0:
        raise ValueError(f"{entry.redemption_id}: more is refunded than was redeemed")
    refundable_fen[entry.redemption_id] = left_fen
    return left_fen == 0


def _recorded(entry: Entry) -> tuple[object, ...]:
    """By time; at the same instant a redemption comes before its refunds."""
    refund_no = entry.refund_no if isinstance(entry, Refund) else ""
    return entry.recorded_at, entry.redemption_id, refund_no


def _limited(items: Iterable[T]) -> list[T]:
    kept: list[T] = []
    for item in items:
        if len(kept) == DAY_ROW_LIMIT:
            raise ValueError(f"more than {DAY_ROW_LIMIT} rows in one day")
        kept.append(item)
    return kept
