"""What moves while a campaign is counted: taken out, so that all the rest must be exact.

Tables are read one after another while claims and redemptions go on, vouchers last:

    shards, entries, persons, earnings, grants ──read──> vouchers ──read──> counted
         since                                                                │
           └── a voucher that anything happened to from here on is moving ────┘

An operation leaves a line in the timeline of its voucher, in the transaction that does it. So what
was committed between two readings shows on a voucher that is read later; what was committed before
them is whole. Three leave none: the sweep that frees a redemption's slack, a grant's row that is
refused, and the refund of a plain order that keeps its voucher. They are seldom, and who counts
reads again.

Taken out are moving vouchers and all that hangs on them: their entries, earnings and persons, and
what else those persons have. Sums that cannot be parted, as
that of all money, may differ by what moving vouchers can move, and by no fen more.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime

from functions.shared.domain.snapshot import CountedVoucher, Snapshot


@dataclass(frozen=True, slots=True)
class Moving:
    """What moves.

    Args:
        vouchers: how many.
        fen: the most by which they can make a sum of all money differ.
        issued: how many of them were only just issued, by shard.

    """

    vouchers: int
    fen: int
    issued: Counter[str]


STILL = Moving(0, 0, Counter())
"""Nothing does."""


def moving_since(snapshot: Snapshot, since: datetime) -> tuple[Snapshot, Moving]:
    """The snapshot without what moves since a time, and how much that is.

    Args:
        snapshot: read with its vouchers last.
        since: when the reading began, less the longest that an operation takes.

    """
    moving = [voucher for voucher in snapshot.vouchers if voucher.touched_at >= since]
    if not moving:
        return snapshot, STILL
    found = Moving(
        vouchers=len(moving),
        fen=sum(voucher.reserve_fen for voucher in moving),
        issued=Counter(v.shard_id for v in moving if v.issued_at >= since),
    )
    return _without(snapshot, moving), found


def _without(snapshot: Snapshot, moving: list[CountedVoucher]) -> Snapshot:
    gone, persons = _hanging_on(snapshot, moving)
    redemptions = tuple(r for r in snapshot.redemptions if r.voucher_id not in gone)
    return replace(
        snapshot,
        vouchers=tuple(v for v in snapshot.vouchers if v.voucher_id not in gone),
        redemptions=redemptions,
        refunds=tuple(r for r in snapshot.refunds if r.voucher_id not in gone),
        persons=tuple(p for p in snapshot.persons if p.identity_ref not in persons),
        earnings=tuple(e for e in snapshot.earnings if e.voucher_id not in gone),
        grants=tuple(
            grant
            for grant in snapshot.grants
            if not any(name in gone for ids in grant.by_state.values() for name in ids)
        ),
    )


def _hanging_on(
    snapshot: Snapshot, moving: list[CountedVoucher]
) -> tuple[frozenset[str], frozenset[str]]:
    """All vouchers of the persons that those vouchers are of, and all their identities."""
    persons = {ref for voucher in moving for ref in voucher.identity_refs}
    while True:
        # A phone can be of two persons, of whom one has a voucher that moves.
        theirs = [v for v in snapshot.vouchers if not persons.isdisjoint(v.identity_refs)]
        wider = {ref for voucher in theirs for ref in voucher.identity_refs}
        if wider == persons:
            return frozenset(v.voucher_id for v in theirs), frozenset(persons)
        persons = wider
