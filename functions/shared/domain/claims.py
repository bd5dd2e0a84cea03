"""Whether a person may claim a voucher type of a round: the decision, and its reason code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from functions.shared.domain.business_time import to_rfc3339
from functions.shared.domain.campaign import (
    Campaign,
    CampaignState,
    Distribution,
    Round,
    VoucherType,
)
from functions.shared.domain.errors import Code, HuiminError
from functions.shared.domain.funds import CampaignRecord


@dataclass(frozen=True, slots=True)
class PersonFacts:
    """What the platform vouches for about the claimant.

    `real_name` is whether the platform verified the identity number against the name;
    `located_in` is a GB/T 2260 division code such as "110107", or None where it does not know.
    """

    real_name: bool
    located_in: str | None


def require_claimable(
    record: CampaignRecord,
    *,
    round_id: str,
    voucher_type_ids: Sequence[str],
    platform_id: str,
    way: Distribution,
    facts: PersonFacts | None,
    now: datetime,
) -> tuple[Round, tuple[VoucherType, ...]]:
    """The round and voucher types to claim, when everything but stock and limits allows it.

    `way` is how the vouchers would be given; a type is given in no other way than its own. `facts`
    are None where the bureau itself has chosen the person.

    Raises:
        HuiminError: NOT_FOUND (no such round, or no such stock for the platform),
            NOT_DISTRIBUTED_SO, CAMPAIGN_NOT_RUNNING, CAMPAIGN_PAUSED, ROUND_NOT_OPEN,
            ROUND_CLOSED, NOT_ELIGIBLE.

    """
    campaign = record.campaign
    in_round = campaign.round(round_id)
    if in_round is None:
        raise HuiminError(Code.NOT_FOUND, what="round")
    voucher_types = tuple(
        offered_type(campaign, in_round, voucher_type_id, platform_id)
        for voucher_type_id in voucher_type_ids
    )
    for voucher_type in voucher_types:
        require_distributed(voucher_type, way)
    require_running(record)
    if now < in_round.opens_at:
        raise HuiminError(Code.ROUND_NOT_OPEN, opens_at=to_rfc3339(in_round.opens_at))
    if now >= in_round.closes_at:
        raise HuiminError(Code.ROUND_CLOSED, closed_at=to_rfc3339(in_round.closes_at))
    if facts is not None:
        _require_eligible(campaign, facts)
    return in_round, voucher_types


def offered_type(
    campaign: Campaign, in_round: Round, voucher_type_id: str, platform_id: str
) -> VoucherType:
    """The voucher type, when the round has stock of it for the platform.

    Raises:
        HuiminError: NOT_FOUND.

    """
    voucher_type = campaign.voucher_type(voucher_type_id)
    if voucher_type is None:
        raise HuiminError(Code.NOT_FOUND, what="voucher_type")
    if not any(
        (a.voucher_type_id, a.platform_id) == (voucher_type_id, platform_id) for a in in_round.stock
    ):
        raise HuiminError(Code.NOT_FOUND, what="stock")
    return voucher_type


def require_distributed(voucher_type: VoucherType, way: Distribution) -> None:
    """Passes when vouchers of the type are given in this way.

    Raises:
        HuiminError: NOT_DISTRIBUTED_SO.

    """
    if voucher_type.distribution is not way:
        raise HuiminError(
            Code.NOT_DISTRIBUTED_SO,
            voucher_type_id=voucher_type.voucher_type_id,
            distribution=voucher_type.distribution.value,
        )


def require_running(record: CampaignRecord) -> None:
    """Passes while vouchers of the campaign may be claimed, held and redeemed.

    Raises:
        HuiminError: CAMPAIGN_PAUSED, CAMPAIGN_NOT_RUNNING.

    """
    if record.state is CampaignState.PAUSED:
        raise HuiminError(Code.CAMPAIGN_PAUSED)
    if record.state is not CampaignState.RUNNING:
        raise HuiminError(Code.CAMPAIGN_NOT_RUNNING, state=record.state.value)


def _require_eligible(campaign: Campaign, facts: PersonFacts) -> None:
    wanted = campaign.eligibility
    if wanted.real_name and not facts.real_name:
        raise HuiminError(Code.NOT_ELIGIBLE, reason="REAL_NAME")
    if wanted.located_in and not (facts.located_in or "").startswith(wanted.located_in):
        raise HuiminError(
            Code.NOT_ELIGIBLE, reason="LOCATION", located_in=", ".join(wanted.located_in)
        )
