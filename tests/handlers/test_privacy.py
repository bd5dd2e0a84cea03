"""What nobody may learn: a consumer's number anywhere, and what belongs to another platform."""

from __future__ import annotations

import io
import json
from collections.abc import Callable

import pytest

from functions.shared.domain.grants import PARTS
from functions.shared.edge import telemetry
from infra.local.people import make_person
from tests.support.calls import APPROVER, AUDITOR, OPERATOR, Bureau, Platform
from tests.support.campaigns import ROUND_1, UNIONPAY, allocation, campaign_document
from tests.support.deployment import Deployment
from tests.support.events import Reply

PERSON = make_person(4_711)
IDENTITIES = {
    "identity_number": PERSON.identity_number,
    "phone": PERSON.phone,
    "account": PERSON.account,
}
# The parts that would still tell: the birthday and sequence, the subscriber, the account.
SECRETS = (
    PERSON.identity_number,
    PERSON.identity_number[6:],
    PERSON.identity_number[6:17],
    PERSON.phone,
    PERSON.phone[3:],
    PERSON.account,
)
ALL_THREE = "three-2026"
GIFT, THANKS = "gift", "thanks"


@pytest.fixture
def stdout(logs: io.StringIO, capsys: pytest.CaptureFixture[str]) -> Callable[[], str]:
    """What Lambda would log: everything on standard output, as it is by default."""
    telemetry.write_to(None)

    def read() -> str:
        written = capsys.readouterr()
        # Given on to the check of every handler test, which reads this stream.
        logs.write(written.out)
        telemetry.write_to(logs)
        return written.out + written.err

    return read


def require_untold(*texts: str) -> None:
    for text in texts:
        for secret in SECRETS:
            assert secret not in text


def a_life(platform: Platform) -> list[Reply]:
    """Everything that can happen with a person's numbers, well and badly."""
    by = {"campaign_id": ALL_THREE, "person": IDENTITIES}
    claimed = platform.claim(**by)
    voucher_id = claimed.body["voucher_id"]
    replies = [
        claimed,
        platform.claim(**by),
        platform.claim(0, "q-2", **by),
        platform.claim(0, "q-3", **by, located_in="310101"),
        platform.claim(0, "q-1", **by, located_in="110108"),
        platform.search(**by),
        platform.search(**by, cursor="AAAA"),
        platform.hold(voucher_id),
        platform.redeem(voucher_id),
        platform.voucher(voucher_id),
    ]
    redemption_id = replies[-2].body["redemption_id"]
    replies += [platform.refund(redemption_id, 8_000), platform.redemption(redemption_id)]
    # Numbers in the wrong places, mistyped, and as names of fields.
    number = PERSON.identity_number
    wrong: list[dict[str, object]] = [
        {"person": number},
        {"person": {"identity_number": number[:-1] + "Y"}},
        {"person": {**IDENTITIES, "identity_number": number[:16] + "00"}},
        {"person": {**IDENTITIES, "phone": PERSON.phone + "0"}},
        {"person": {number: 1}},
        {"request_no": f"{number} {PERSON.phone}"},
        {number: number},
        {"campaign_id": PERSON.phone},
    ]
    replies += [platform.claim(0, "q-9", **(by | change)) for change in wrong]
    replies.append(platform.call("POST", "/v1/claims", f'{{"{number}":1,"{number}":2}}'))
    replies.append(platform.call("POST", f"/v1/claims?{number}={number}", {}))
    return replies


def an_earning(platform: Platform) -> list[Reply]:
    """An order that earns the person a voucher, well and badly."""
    by = {"campaign_id": ALL_THREE, "voucher_type_id": THANKS, "person": IDENTITIES}
    earned = platform.earn(0, "p-1", **by)
    voucher_id = earned.body["voucher_id"]
    number = PERSON.identity_number
    wrong: list[dict[str, object]] = [
        {"person": {"identity_number": number[:-1] + "Y"}},
        {"person": {number: 1}},
        {"order_no": f"{number} {PERSON.phone}"},
        {number: number},
    ]
    return [
        earned,
        platform.earn(0, "p-1", **by),
        platform.earn(0, "p-2", **by),
        platform.earning(voucher_id),
        platform.refund_order(voucher_id, 8_000),
        *(platform.earn(0, "p-9", **(by | change)) for change in wrong),
    ]


def a_grant(bureau: Bureau) -> list[Reply]:
    """The person on a list of the bureau's, well and badly."""
    base = f"/v1/admin/campaigns/{ALL_THREE}/grants/elders"
    stock = {"round_id": ROUND_1, "voucher_type_id": GIFT, "platform_id": UNIONPAY}
    wrong = IDENTITIES | {"identity_number": PERSON.identity_number[:-1] + "Y"}
    number = PERSON.identity_number
    bodies: list[object] = [
        {"persons": [IDENTITIES]},
        {"persons": [IDENTITIES, IDENTITIES | {"phone": "13800138000"}]},
        {"persons": [wrong]},
        {"persons": [{number: number}]},
        {number: [IDENTITIES]},
    ]
    replies = [bureau.call(OPERATOR, "PUT", base, stock | {"reason": "老人"})]
    replies += [bureau.call(OPERATOR, "POST", f"{base}/persons", body) for body in bodies]
    replies.append(bureau.call(APPROVER, "POST", f"{base}/approve", {"rows": 1}))
    for part in range(PARTS):
        replies.append(bureau.call(OPERATOR, "POST", f"{base}/run", {"part": part}))
        replies.append(bureau.call(AUDITOR, "GET", f"{base}/rows?part={part}"))
    return replies


def test_no_number_of_a_consumer_is_stored_logged_or_given_back(
    deployment: Deployment, bureau: Bureau, unionpay: Platform, stdout: Callable[[], str]
) -> None:
    person = {
        "identities": ["IDENTITY_NUMBER", "PHONE", "ACCOUNT"],
        "eligibility": {"real_name": True, "located_in": ["11"]},
    }
    document = campaign_document(campaign_id=ALL_THREE, person=person)
    gift = document["voucher_types"][0] | {"voucher_type_id": GIFT, "distribution": "DIRECT"}
    earned_by = {"threshold_fen": 6_000, "threshold_base": "ORDER"}
    thanks = gift | {
        "voucher_type_id": THANKS,
        "distribution": "EARNED",
        "earned_by": earned_by,
    }
    document["voucher_types"] += [gift, thanks]
    stock = document["rounds"][0]["stock"]
    stock += [allocation(GIFT, UNIONPAY, 1), allocation(THANKS, UNIONPAY, 1)]
    bureau.open(document)
    replies = [*a_life(unionpay), *an_earning(unionpay), *a_grant(bureau)]
    assert sum(r.body.get("granted", 0) for r in replies if r.status == 200) == 1
    assert {reply.status for reply in replies} == {200, 201, 400, 404, 409, 422}
    logged = stdout()
    assert len(logged.splitlines()) >= len(replies)
    require_untold(logged, json.dumps(deployment.snapshot()))
    require_untold(*(reply.text + json.dumps(dict(reply.headers)) for reply in replies))


def test_a_fault_of_ours_tells_no_number_either(
    unionpay: Platform,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Libraries put what they were given into their errors' messages."""
    telemetry.write_to(None)

    def broken(*given: object, **named: object) -> None:
        raise RuntimeError(f"cannot handle {given} {named}")

    monkeypatch.setattr("functions.issue.service.identity_refs", broken)
    reply = unionpay.claim(person=IDENTITIES)
    assert (reply.status, reply.body["code"]) == (500, "INTERNAL")
    logged = capsys.readouterr().out
    assert "RuntimeError" in logged
    require_untold(logged, reply.text)
    telemetry.silence()


# Another platform's, and nothing at all


def without_ids(reply: Reply, *ids: str) -> tuple[int, str, str]:
    """The answer as bytes, but for the path it answers to."""
    text = reply.text
    for known in ids:
        text = text.replace(known, "ID")
    return reply.status, text, json.dumps(dict(reply.headers), sort_keys=True)


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_another_platforms_voucher_answers_exactly_like_none(
    deployment: Deployment, unionpay: Platform, language: str
) -> None:
    voucher_id = unionpay.claimed()
    nothing = "v_" + "a" * 32
    meituan = Platform(deployment, "meituan", language)
    calls: list[Callable[[str], Reply]] = [
        meituan.voucher,
        meituan.hold,
        meituan.release,
        meituan.redeem,
    ]
    before = deployment.snapshot()
    for call in calls:
        theirs = without_ids(call(voucher_id), voucher_id)
        assert theirs == without_ids(call(nothing), nothing)
        assert theirs[0] == 404
    assert deployment.snapshot() == before


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_another_platforms_redemption_answers_exactly_like_none(
    deployment: Deployment, unionpay: Platform, language: str
) -> None:
    redemption_id = unionpay.redeemed(unionpay.claimed())
    # With a refund of that very number, so that a replay would tell.
    assert unionpay.refund(redemption_id, 1).status == 201
    nothing = "r_" + "a" * 32
    meituan = Platform(deployment, "meituan", language)
    before = deployment.snapshot()
    for call in (meituan.redemption, lambda number: meituan.refund(number, 1)):
        theirs = without_ids(call(redemption_id), redemption_id)
        assert theirs == without_ids(call(nothing), nothing)
        assert theirs[0] == 404
    assert deployment.snapshot() == before


def test_another_platforms_numbers_are_free(unionpay: Platform, meituan: Platform) -> None:
    """Nothing tells whether the other platform has used a request, order or refund number."""
    for platform, person in ((unionpay, 1), (meituan, 2)):
        redemption_id = platform.redeemed(platform.claimed(person))
        assert platform.refund(redemption_id, 1).status == 201


def test_what_is_remembered_of_one_platform_is_not_served_to_another(
    unionpay: Platform, meituan: Platform
) -> None:
    """The functions remember campaigns and merchants, never whose voucher it is."""
    voucher_id = unionpay.claimed()
    assert unionpay.voucher(voucher_id).status == 200
    assert meituan.voucher(voucher_id).status == 404
    assert unionpay.voucher(voucher_id).status == 200
