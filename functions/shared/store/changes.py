"""Changes as the tables' streams tell them, and as news.

A stream gives each committed change of an item once, in the item's order, for 24 hours. What an
image holds beyond the news (persons, hashes) goes no further.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from pynamodb.models import Model

from functions.shared.domain.news import (
    News,
    adjusting_news,
    entry_news,
    paid_news,
    payout_news,
    statement_news,
    voucher_news,
)
from functions.shared.domain.payments import payments_in
from functions.shared.domain.payouts import from_payload
from functions.shared.store.adjusting import ADJUSTING, entry_of
from functions.shared.store.ledger import REDEEM, redemption_of, refund_of
from functions.shared.store.payments import PAYMENTS
from functions.shared.store.payouts import PAYOUT
from functions.shared.store.settlements import SETTLEMENT, statement_of
from functions.shared.store.tables import LedgerItem, SettlementItem, VoucherItem, table_suffix
from functions.shared.store.vouchers import voucher_of

Image = dict[str, dict[str, Any]]

STREAMED: Final[tuple[type[Model], ...]] = (VoucherItem, LedgerItem, SettlementItem)
"""The tables whose changes are told."""


def news_of(record: Mapping[str, Any], table_prefix: str) -> Sequence[News]:
    """What a stream's record is told as; nothing where the change is no news.

    Args:
        record: as Lambda delivers it, with new and old images.
        table_prefix: of the deployment.

    Raises:
        ValueError: the record is of no streamed table.

    """
    table = record["eventSourceARN"].split("/")[1].removeprefix(table_prefix)
    change = record["dynamodb"]
    new, old = change.get("NewImage"), change.get("OldImage")
    if new is None:
        # Money records are never deleted; whatever else is, is no news.
        return ()
    match table:
        case "vouchers":
            since = len(_voucher(old).timeline) if old else 0
            return tuple(voucher_news(_voucher(new), since))
        case "ledger":
            # A redemption changes with its refunds, which are entries of their own.
            return () if old else (_entry(new),)
        case "settlements":
            return _of_settlements(new, old)
        case _:
            raise ValueError(f"nothing of the table {table} is told")


def _voucher(image: Image) -> Any:  # noqa: ANN401 - see voucher_of
    return voucher_of(_item(VoucherItem, image))


def _entry(image: Image) -> News:
    item = _item(LedgerItem, image)
    return entry_news(redemption_of(item) if item.entry_type == REDEEM else refund_of(item))


def _of_settlements(new: Image, old: Image | None) -> Sequence[News]:
    item = _item(SettlementItem, new)
    if item.kind == PAYMENTS:
        return _of_payments(item, _item(SettlementItem, old) if old else None)
    if old is not None:
        # A payout's item changes when its files are written, which is no news.
        return ()
    if item.kind == SETTLEMENT:
        return (statement_news(statement_of(item), item.made_at),)
    if item.kind == ADJUSTING:
        return (adjusting_news(entry_of(item)),)
    return (payout_news(from_payload(item.payload)),) if item.kind == PAYOUT else ()


def _of_payments(item: SettlementItem, old: SettlementItem | None) -> Sequence[News]:
    """What was told of payments of a payout since; those of fund returns concern no platform."""
    key = item.statement_key.removeprefix(f"{PAYMENTS}#")
    if not key.startswith(f"{PAYOUT}#"):
        return ()
    before = sum(payment.reply is not None for payment in payments_in(old.payload)) if old else 0
    return tuple(paid_news(item.campaign_id, key, payments_in(item.payload), before))


def _item(model: type[Model], image: Image) -> Any:  # noqa: ANN401 - PynamoDB's models have no types
    # `from_raw_data` takes what it is given apart.
    return model.from_raw_data(dict(image))


def streamed_suffixes() -> frozenset[str]:
    """The suffixes of those tables' names."""
    return frozenset(map(table_suffix, STREAMED))
