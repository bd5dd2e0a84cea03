"""The desk's act of the demonstration: two persons end each break that the bills have opened."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from functions.shared.domain.errors import Code

if TYPE_CHECKING:
    from infra.local.demo.scene import Scene


def end_breaks(play: Scene) -> None:
    """The bill is accepted where the amounts differ, the ledger where the bill lacks an order."""
    for platform in play.platforms:
        body = play.expect(play.bureau.breaks(platform.platform_id), 200)
        for found in body["breaks"]:
            if found["match_state"] == "AMOUNT_DIFFERS":
                _end(play, found, "ACCEPT_BILL", "平台流水核对无误")
            else:
                _end(play, found, "ACCEPT_LEDGER", "平台确认漏报")
        left = play.expect(play.bureau.breaks(platform.platform_id), 200)["breaks"]
        play.check(what="breaks left", expected=[], found=left)
    funds = play.expect(play.bureau.campaign(play.document), 200)["funds"]
    play.check(what="adjusted", expected=-1, found=funds["adjusted_fen"])
    play.check(what="held back", expected=1, found=funds["held_back_fen"])
    play.say(
        "two breaks ended by two persons each: one fen adjusted by the bill, one by the ledger"
    )


def _end(play: Scene, found: dict[str, Any], kind: str, reason: str) -> None:
    bureau, seen = play.bureau, found["version"]
    said = {"kind": kind, "reason": reason}
    play.expect(bureau.resolve(found, version=seen, said=said), 200)
    alone = bureau.approve_resolution(found, version=seen + 1, by=bureau.operator)
    play.refused(alone, Code.NOT_ALLOWED)
    by = bureau.approver
    ended = play.expect(bureau.approve_resolution(found, version=seen + 1, by=by), 200)
    play.check(what="the break's state", expected="RESOLVED", found=ended["state"])
    again = bureau.resolve(found, version=seen + 2, said=said)
    play.refused(again, Code.BREAK_STATE)
