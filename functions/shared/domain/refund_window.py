"""When a redemption may be refunded: in the campaign's refund window, and late once it is closed.

    vouchers end ──refund window──> refunds_end_at ──closing──> CLOSED ──> late_refunds_end_at
         refunds are taken          none, for some days         late refunds    none any more

A refund that comes late takes the voucher's money back all the same: the platform has it, and it is
the treasury's. Only while the campaign is being closed none is taken, so that what is counted at
the closing stays as it was counted.
"""

from __future__ import annotations

from datetime import datetime

from functions.shared.domain.business_time import business_date
from functions.shared.domain.campaign import CampaignState
from functions.shared.domain.errors import Code, HuiminError
from functions.shared.domain.funds import CampaignRecord


def require_refundable(record: CampaignRecord, now: datetime) -> None:
    """Passes while the campaign takes refunds.

    Raises:
        HuiminError: REFUND_WINDOW_CLOSED for good; CAMPAIGN_CLOSING until it is closed.

    """
    campaign = record.campaign
    if now < campaign.refunds_end_at:
        return
    if now >= campaign.late_refunds_end_at:
        closed_on = business_date(campaign.late_refunds_end_at)
        raise HuiminError(Code.REFUND_WINDOW_CLOSED, closed_on=closed_on)
    if record.state is not CampaignState.CLOSED:
        closed_on = business_date(campaign.refunds_end_at)
        raise HuiminError(Code.CAMPAIGN_CLOSING, closed_on=closed_on)
