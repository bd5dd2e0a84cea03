"""Limits per natural person: which counters a claim or a redemption moves, and how far they go.

A person's counters are attributes of one item per identity, named here, so that any number of
limits is one update and exact under concurrency. They know no platform, except where a limit
asks for one: a person is the same person everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from functions.shared.domain.campaign import Campaign, LimitScope


@dataclass(frozen=True, slots=True)
class PersonCounter:
    """One counter of a person's item: what it counts, and the most it may reach."""

    name: str
    scope: LimitScope
    max_count: int


def claim_counters(
    campaign: Campaign, *, round_id: str, voucher_type_id: str, platform_id: str
) -> tuple[PersonCounter, ...]:
    """The counters that a claim raises by one; none may pass its limit."""
    names = {
        LimitScope.CAMPAIGN: "campaign",
        LimitScope.ROUND: f"round:{round_id}",
        LimitScope.VOUCHER_TYPE: f"type:{voucher_type_id}",
        LimitScope.VOUCHER_TYPE_PER_ROUND: f"type:{voucher_type_id}:round:{round_id}",
        LimitScope.PLATFORM_PER_ROUND: f"platform:{platform_id}:round:{round_id}",
    }
    return tuple(
        PersonCounter(names[limit.scope], limit.scope, limit.max_count)
        for limit in campaign.limits
        if limit.scope in names
    )


def redemption_counters(
    campaign: Campaign, *, merchant_id: str, on: date
) -> tuple[PersonCounter, ...]:
    """The counters that a redemption raises by one, and its whole refund lowers again."""
    names = {
        LimitScope.MERCHANT: f"merchant:{merchant_id}",
        LimitScope.MERCHANT_PER_DAY: f"merchant:{merchant_id}:day:{on.isoformat()}",
    }
    return tuple(
        PersonCounter(names[limit.scope], limit.scope, limit.max_count)
        for limit in campaign.limits
        if limit.scope in names
    )
