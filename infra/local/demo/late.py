"""After the closing: a late refund, the platform that pays it back, and its way to the treasury."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from functions.shared.domain.business_time import SHANGHAI
from functions.shared.domain.errors import Code
from infra.local.bills import render_bill
from infra.local.demo.paying import pay_back, pay_out

if TYPE_CHECKING:
    from infra.local.demo.platform import Platform
    from infra.local.demo.scene import Scene

# After an act of payments a run of journals writes seven days.
_JOURNAL_RUNS = 6


def refuse_while_closing(play: Scene, platform: Platform, redemption: dict[str, Any]) -> None:
    """Between the end of the refund window and the closing no refund is taken."""
    play.refused(platform.refund(redemption, "too-soon", 1), Code.CAMPAIGN_CLOSING)


def refund_late(play: Scene, platform: Platform, redemption: dict[str, Any]) -> None:
    """A closed campaign takes a refund; its money goes back in the month that follows."""
    stack = play.stack
    on = stack.clock.now().astimezone(SHANGHAI).date()
    whole_fen = redemption["voucher_fen"] + redemption["paid_fen"]
    body = play.expect(platform.refund(redemption, "late-1", whole_fen), 201)
    play.check(what="the voucher then", expected="EXPIRED", found=body["voucher_state"])
    back_fen = body["voucher_parts"]["fiscal_fen"]
    midnight = datetime.combine(on + timedelta(days=1), datetime.min.time(), SHANGHAI)
    stack.clock.move_to(midnight + timedelta(hours=1))
    platform_id = platform.platform_id
    stack.drop_bill(platform_id, on, render_bill(platform.books[on]))
    _run_at(play, midnight + timedelta(hours=6))
    # The next month's first run returns it; the platform has had time to confirm until then.
    _run_at(play, midnight + timedelta(days=32))
    _run_at(play, midnight + timedelta(days=33))
    body = play.expect(play.bureau.fund_return(play.document, 2), 200)
    play.check(what="returned of it", expected=back_fen, found=body["to_return_fen"])
    paid_fen = pay_out(play, platform_id)
    play.check(what="paid back by the platform", expected=back_fen, found=paid_fen)
    pay_back(play, 2)
    _run_at(play, midnight + timedelta(days=34))
    play.say(
        f"an order refunded after the closing: {back_fen / 100:,.2f} yuan back from the platform, "
        "and on to the treasury with the next month's supplementary return"
    )


def _run_at(play: Scene, at: datetime) -> None:
    play.stack.clock.move_to(at)
    for _ in range(_JOURNAL_RUNS):
        play.stack.tick()
    play.stack.report()
