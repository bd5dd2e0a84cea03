"""Who comes through the deployed API's gate, and what the others are told."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from tests.e2e.emulator import Answer, Deployment

pytestmark = pytest.mark.e2e

CAMPAIGN = "/v1/admin/campaigns/nowhere-2026"


def refusal(answer: Answer) -> tuple[int, str]:
    """Status and code of a problem document."""
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.document["request_id"]
    return answer.status, answer.document["code"]


def test_an_unsigned_call_is_refused(deployment: Deployment) -> None:
    """Also on paths that do not exist, so that nobody can feel around without a key."""
    for path in ("/v1/campaigns", "/v1/no-such-thing"):
        assert refusal(deployment.nobody().call("GET", path)) == (403, "NOT_SIGNED")


def test_an_unknown_key_is_refused(deployment: Deployment) -> None:
    answer = deployment.stranger().call("GET", "/v1/campaigns")
    assert refusal(answer) == (403, "KEY_UNKNOWN")


def test_a_body_that_was_altered_on_its_way_is_refused(deployment: Deployment) -> None:
    operator = deployment.bureau("operator", "li.na")
    answer = operator.call("PUT", CAMPAIGN, {"total_fen": 100}, altered=b'{"total_fen": 900}')
    assert refusal(answer) == (403, "SIGNATURE_INVALID")


def test_a_role_calls_its_own_methods_only(deployment: Deployment) -> None:
    """The emulator says it in its own words; the document is tested on the template."""
    auditor = deployment.bureau("auditor", "wang.wei")
    platform = deployment.platform("unionpay")
    assert auditor.call("PUT", CAMPAIGN, {}).status == 403
    assert platform.call("GET", CAMPAIGN).status == 403
    assert refusal(auditor.call("GET", CAMPAIGN)) == (404, "NOT_FOUND")


def test_a_platform_that_is_not_registered_is_nobody(deployment: Deployment) -> None:
    answer = deployment.platform("newcomer").call("GET", "/v1/campaigns")
    assert refusal(answer) == (403, "NOT_ALLOWED")


def test_unknown_routes_and_wrong_methods_have_our_answer(deployment: Deployment) -> None:
    platform = deployment.platform("unionpay")
    for path in ("/v1/no-such-thing", "/v1/vouchers", "/v1/claims/a/b/c"):
        assert refusal(platform.call("GET", path)) == (404, "ROUTE_NOT_FOUND")
    wrong = platform.call("DELETE", "/v1/claims")
    assert refusal(wrong) == (405, "METHOD_NOT_ALLOWED")
    assert wrong.headers["allow"] == "POST"


def test_a_platform_neither_brings_nor_fetches_in_anothers_folder(deployment: Deployment) -> None:
    s3 = deployment.client("s3", deployment.platform_credentials("unionpay"))
    for folder in ("bills/meituan", "settlements/unionpay", "reports"):
        with pytest.raises(ClientError, match="AccessDenied"):
            s3.put_object(Bucket=deployment.bucket, Key=f"{folder}/x", Body=b"x")
    for folder in ("bills/unionpay", "settlements/meituan", "reports"):
        with pytest.raises(ClientError, match="AccessDenied"):
            s3.get_object(Bucket=deployment.bucket, Key=f"{folder}/x")
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.list_objects_v2(Bucket=deployment.bucket)
