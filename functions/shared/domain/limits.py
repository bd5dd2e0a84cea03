"""Limits per natural person: which counters a claim or a redemption moves, and how far they go.

A person's counters are attributes of one item per identity, named here, so that any number of
limits is one update and exact under concurrency. They know no platform, except where a limit
asks for one: a person is the same person everywhere.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date

from functions.shared.domain.campaign import Campaign, LimitScope


@dataclass(frozen=True, slots=True)
class PersonCounter:
    """One counter of a person's item, the most it may reach, and by how much it moves."""

    name: str
    scope: LimitScope
    max_count: int
    by: int = 1


def claim_counters(
    campaign: Campaign, *, round_id: str, voucher_type_id: str, platform_id: str
) -> tuple[PersonCounter, ...]:
    """The counters that a claim of one voucher raises by one; none may pass its limit."""
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


def add_up(counters: Iterable[PersonCounter]) -> tuple[PersonCounter, ...]:
    """The same counters, each once, moved by as much as all of its name together."""
    summed: dict[str, PersonCounter] = {}
    for counter in counters:
        before = summed.get(counter.name)
        summed[counter.name] = replace(counter, by=before.by + counter.by) if before else counter
    return tuple(summed.values())


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
