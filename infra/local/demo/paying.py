"""The last act of the demonstration: platforms are paid, and the rest goes back to the treasury."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from functions.shared.domain.errors import Code

if TYPE_CHECKING:
    from infra.local.demo.scene import Scene


def confirm_settlements(play: Scene) -> None:
    """One platform confirms its statements in the morning; the other says nothing."""
    platform = play.platforms[0]
    for statement in play.expect(platform.settlements(), 200)["settlements"]:
        if statement["state"] == "DRAFT":
            play.expect(platform.confirm(statement), 200)


def pay_platforms(play: Scene) -> None:
    """Both platforms are paid all that was settled for them."""
    first, second = play.platforms
    confirmed = [
        [s["confirmed_by"] for s in play.expect(platform.settlements(), 200)["settlements"]]
        for platform in (first, second)
    ]
    play.check(what="who never confirmed", expected={"TIMEOUT"}, found=set(confirmed[1]))
    [statement, *_] = play.expect(first.settlements(), 200)["settlements"]
    wrong = statement | {"payable_fen": statement["payable_fen"] + 1}
    play.refused(first.confirm(wrong), Code.STATEMENT_MISMATCH)
    paid_fen = sum(pay_out(play, platform.platform_id) for platform in play.platforms)
    body = play.expect(play.bureau.campaign(play.document), 200)
    play.check(what="paid to platforms", expected=body["funds"]["settled_fen"], found=paid_fen)
    play.say(
        f"{paid_fen / 100:,.2f} yuan paid to two platforms: {confirmed[0].count('PLATFORM')} "
        "statements confirmed by one, the time of all others ran out"
    )


def pay_out(play: Scene, platform_id: str) -> int:
    """Draws up what is due to a platform, or from it, and pays it; what was paid, in fen."""
    bureau, document = play.bureau, play.document
    account = play.expect(bureau.settlements(document, platform_id), 200)
    drawn = play.expect(bureau.draw_payout(document, platform_id, account["version"]), 201)
    again = bureau.draw_payout(document, platform_id, account["version"] + 1)
    play.refused(again, Code.PAYOUT_NOT_DUE)
    [contract] = [c for c in document["contracts"] if c["platform_id"] == platform_id]
    is_owed = drawn["payable_side"] == "BUREAU"
    payee = contract["account"] if is_owed else document["holding_account"]
    of = f"settlements/{platform_id}/payouts/{drawn['number']}"
    paid = _pay(play, of, payee["number"])
    states = {
        statement["state"]
        for statement in play.expect(bureau.settlements(document, platform_id), 200)["settlements"]
    }
    play.check(what=f"{platform_id}'s settlements", expected={"PAID"}, found=states)
    return int(paid["paid_fen"])


def pay_back(play: Scene, run: int = 1) -> None:
    """The operator proposes the payment, the approver approves it, and the bank confirms it."""
    body = _pay(play, f"returns/{run}", play.document["source_account"]["number"])
    play.say(
        f"{body['paid_fen'] / 100:,.2f} yuan paid to the source account: proposed, approved by "
        "another person, confirmed by the bank"
    )


def _pay(play: Scene, of: str, account_number: str) -> dict[str, Any]:
    """Two persons pay what is owed; a reply about another account is refused on the way."""
    bureau, document = play.bureau, play.document
    operator, approver = bureau.operator, bureau.approver
    play.expect(bureau.pay(document, "", version=1, by=operator, of=of), 200)
    play.refused(bureau.pay(document, "", version=2, by=operator, of=of), Code.PAYMENT_STATE)
    paid = play.expect(bureau.pay(document, "/approve", version=2, by=approver, of=of), 200)
    # The bank's instruction is published by the run that comes next.
    play.stack.tick()
    told = {
        "reference": paid["payments"][0]["reference"],
        "account_number": account_number,
        "paid_fen": paid["left_fen"],
        "bank_reference": "B-0001",
        "note": "已入账",
    }
    others = {document[name]["number"] for name in ("holding_account", "source_account")}
    astray = told | {"account_number": max(others - {account_number})}
    play.refused(
        bureau.pay(document, "/reply", version=3, by=operator, told=astray, of=of),
        Code.PAYMENT_MISMATCH,
    )
    body = play.expect(
        bureau.pay(document, "/reply", version=3, by=operator, told=told, of=of), 200
    )
    play.check(what="left to pay", expected=0, found=body["left_fen"])
    return body
