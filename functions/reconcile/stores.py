"""What the reconciler's work on campaign money reads and writes."""

from __future__ import annotations

from dataclasses import dataclass

from functions.shared.store.breaks import BreakStore
from functions.shared.store.campaigns import CampaignStore
from functions.shared.store.connection import Database
from functions.shared.store.journal import JournalStore
from functions.shared.store.objects import ObjectStore
from functions.shared.store.payments import PaymentStore
from functions.shared.store.payouts import PayoutStore
from functions.shared.store.recount import RecountStore
from functions.shared.store.returns import ReturnStore
from functions.shared.store.settlements import SettlementStore
from functions.shared.store.signing import Signer
from functions.shared.store.stock import StockStore
from functions.shared.store.stock_changes import StockChangeStore
from functions.shared.store.vouchers import VoucherStore


@dataclass(frozen=True, slots=True)
class MoneyStores:
    """The stores behind funding, sweep, rollover, closing, recount and journal."""

    campaigns: CampaignStore
    stock: StockStore
    changes: StockChangeStore
    vouchers: VoucherStore
    returns: ReturnStore
    payments: PaymentStore
    payouts: PayoutStore
    breaks: BreakStore
    settlements: SettlementStore
    recounts: RecountStore
    journals: JournalStore
    objects: ObjectStore
    signer: Signer

    @classmethod
    def of(cls, database: Database, objects: ObjectStore, signer: Signer) -> MoneyStores:
        """All of them, over one deployment's tables, bucket and signing key."""
        return cls(
            campaigns=CampaignStore(database),
            stock=StockStore(database),
            changes=StockChangeStore(database),
            vouchers=VoucherStore(database),
            returns=ReturnStore(database),
            payments=PaymentStore(database),
            payouts=PayoutStore(database),
            breaks=BreakStore(database),
            settlements=SettlementStore(database),
            recounts=RecountStore(database),
            journals=JournalStore(database),
            objects=objects,
            signer=signer,
        )
