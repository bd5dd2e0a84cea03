"""Claims: shards draw, every identity is counted, the vouchers are put; or nothing is.

    vouchers    put; the first is the guard: its id is made of the platform and its number
    shards      draw as many units as vouchers name them
    persons     every identity's limits, raised once for all vouchers

A pack of vouchers is one such transaction over the pools of its types.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from functions.shared.domain.errors import Code, HuiminError
from functions.shared.domain.funds import PoolState
from functions.shared.domain.limits import PersonCounter
from functions.shared.domain.vouchers import Voucher
from functions.shared.store.connection import Database
from functions.shared.store.persons import count_person, limit_reached
from functions.shared.store.tables import StockItem, VoucherItem
from functions.shared.store.transaction import Cancelled, Contended, Transaction
from functions.shared.store.vouchers import item_of, voucher_of

_GUARD = "voucher 0"

Also = Callable[[Transaction], None]
"""Adds what else must be written with a claim, or not at all."""


@dataclass(frozen=True, slots=True)
class ClaimOutcome:
    """How a claim's transaction ended; nothing was written unless `issued`.

    Args:
        issued: whether the vouchers were issued now.
        replayed: the first voucher that the same number made before.
        emptied: shards that had fewer units than were asked of them, and what they had.
        paused: whether a shard was paused.
        contended: shards that met other transactions, or were throttled.

    """

    issued: bool = False
    replayed: Voucher | None = None
    emptied: Mapping[str, int] = field(default_factory=dict)
    paused: bool = False
    contended: frozenset[str] = frozenset()


class ClaimStore:
    """Claims, each one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def commit(
        self,
        vouchers: Sequence[Voucher],
        counters: Sequence[PersonCounter],
        *,
        also: Also | None = None,
    ) -> ClaimOutcome:
        """Issues all the vouchers, each from its shard, or none, and says why.

        Contention at the voucher or at a person is fought here; at a shard it is not, because
        another shard will do.

        Args:
            vouchers: of one person; the first is the guard.
            counters: what they raise together.
            also: whatever else belongs to the claim.

        Raises:
            HuiminError: PERSON_LIMIT_REACHED with scope, limit and used; KEY_REUSED when the
                number made another voucher before.
            Busy: contention outlasted the retries.
            Cancelled: a condition that `also` added failed.

        """
        first = vouchers[0]
        drawn = Counter(voucher.shard_id for voucher in vouchers)
        transaction = self._database.transaction("claim")
        for number, voucher in enumerate(vouchers):
            transaction.put(
                f"voucher {number}",
                item_of(voucher),
                VoucherItem.voucher_id.does_not_exist(),
                guard=number == 0,
            )
        for shard_id, units in drawn.items():
            transaction.update(
                shard_id,
                StockItem(shard_id),
                [StockItem.available.add(-units), StockItem.issued.add(units)],
                (StockItem.available >= units) & (StockItem.state == PoolState.OPEN.value),
            )
        labels = count_person(
            transaction,
            first.campaign_id,
            first.identity_refs,
            counters,
            issued=[voucher.voucher_id for voucher in vouchers],
        )
        if also is not None:
            also(transaction)
        try:
            transaction.commit(exchangeable=drawn)
        except Contended as contended:
            return ClaimOutcome(contended=contended.labels)
        except Cancelled as cancelled:
            return _refused(cancelled, first, counters, labels, drawn)
        return ClaimOutcome(issued=True)


def _refused(
    cancelled: Cancelled,
    first: Voucher,
    counters: Sequence[PersonCounter],
    labels: Sequence[str],
    drawn: Mapping[str, int],
) -> ClaimOutcome:
    """Reads the reasons in the order that matters: guard, then limits, then stock."""
    stored = cancelled.old(_GUARD, VoucherItem)
    if stored is not None:
        if stored.content_hash != first.content_hash:
            raise HuiminError(Code.KEY_REUSED, number=first.request_no) from cancelled
        return ClaimOutcome(replayed=voucher_of(stored))
    reached = limit_reached(cancelled, labels, counters)
    if reached is not None:
        raise reached from cancelled
    refusing = [shard_id for shard_id in drawn if cancelled.failed(shard_id)]
    if not refusing:
        raise cancelled
    found = {shard_id: cancelled.old(shard_id, StockItem) for shard_id in refusing}
    return ClaimOutcome(
        paused=any(item and item.state == PoolState.PAUSED.value for item in found.values()),
        # A shard that is not there has nothing either.
        emptied={shard_id: item.available if item else 0 for shard_id, item in found.items()},
        contended=frozenset(shard_id for shard_id in drawn if cancelled.contended(shard_id)),
    )
