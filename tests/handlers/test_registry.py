"""Platforms and merchants as the bureau registers them: what is given, and every refusal."""

from __future__ import annotations

import pytest

import functions.campaign.handler
from infra.local.people import make_credit_code
from tests.handlers.refusals import require_refused
from tests.support.calls import (
    AUDITOR,
    NEW,
    Bureau,
    Platform,
    version,
)
from tests.support.campaigns import UNIONPAY, campaign_document
from tests.support.deployment import Deployment
from tests.support.events import Reply, refused, role_arn
from tests.support.replies import LOST_AFTER, TRANSACTION, scripted

# Platforms


def test_a_platform_is_registered_and_shown(bureau: Bureau) -> None:
    reply = bureau.put_platform("jd")
    assert (reply.status, reply.headers["ETag"]) == (201, '"1"')
    assert reply.body == {
        "platform_id": "jd",
        "version": 1,
        "name": "jd 平台",
        "role_arn": role_arn("huimin-platform-jd"),
        "active": True,
        "made_by": "li.na",
    }
    shown = bureau.call(AUDITOR, "GET", "/v1/admin/platforms/jd")
    assert (shown.status, shown.text, shown.headers["ETag"]) == (200, reply.text, '"1"')


def test_the_same_platform_again_changes_nothing(deployment: Deployment, bureau: Bureau) -> None:
    before = deployment.snapshot()
    assert bureau.put_platform(UNIONPAY).status == 201
    assert deployment.snapshot() == before


def test_a_revoked_platform_is_served_no_longer_than_a_minute(
    deployment: Deployment, bureau: Bureau, unionpay: Platform
) -> None:
    assert unionpay.call("GET", "/v1/campaigns").status == 200
    assert bureau.put_platform(UNIONPAY, headers=version(1), active=False).status == 200
    deployment.clock.advance(seconds=60)
    refused(unionpay.call("GET", "/v1/campaigns"), 403, "NOT_ALLOWED")


@pytest.mark.parametrize(
    ("headers", "status", "code", "members"),
    [
        ({}, 428, "VERSION_REQUIRED", {}),
        (NEW, 412, "VERSION_MISMATCH", {"stored_version": 1}),
        (version(2), 412, "VERSION_MISMATCH", {"stored_version": 1}),
    ],
)
def test_a_platform_is_not_overwritten_unread(
    deployment: Deployment,
    headers: dict[str, str],
    status: int,
    code: str,
    members: dict[str, object],
) -> None:
    def send(language: str) -> Reply:
        return Bureau(deployment, language).put_platform(UNIONPAY, headers=headers, name="新名称")

    require_refused(deployment, send, status, code, members)


@pytest.mark.parametrize(
    "role",
    ["huimin-platform-unionpay", "huimin-operator", "huimin-approver", "huimin-auditor"],
)
def test_a_role_of_another_platform_or_of_the_bureau_is_taken(
    deployment: Deployment, role: str
) -> None:
    def send(language: str) -> Reply:
        return Bureau(deployment, language).put_platform("jd", role_arn=role_arn(role))

    require_refused(deployment, send, 409, "ROLE_TAKEN")


def test_a_role_is_the_same_with_its_path(deployment: Deployment, bureau: Bureau) -> None:
    arn = role_arn("teams/payments/huimin-platform-jd")
    assert bureau.put_platform("jd", role_arn=arn).body["role_arn"] == role_arn(
        "huimin-platform-jd"
    )
    assert Platform(deployment, "jd").call("GET", "/v1/campaigns").body == {"campaigns": []}


def test_a_platform_that_is_not_there_is_not_found(deployment: Deployment) -> None:
    def send(language: str) -> Reply:
        return Bureau(deployment, language).call(AUDITOR, "GET", "/v1/admin/platforms/jd")

    require_refused(deployment, send, 404, "NOT_FOUND")


# Merchants


def test_a_merchants_facts_are_kept_by_date(bureau: Bureau) -> None:
    first = bureau.put_merchant("tofu", effective_on="2026-01-01")
    assert (first.status, len(first.body["facts"])) == (201, 1)
    later = bureau.put_merchant("tofu", effective_on="2026-02-01", size_class="SMALL")
    assert [facts["size_class"] for facts in later.body["facts"]] == ["MICRO", "SMALL"]
    shown = bureau.call(AUDITOR, "GET", "/v1/admin/merchants/tofu")
    assert (shown.status, shown.text) == (200, later.text)
    assert shown.body["facts"][0] == {
        "effective_on": "2026-01-01",
        "name": "示例餐厅",
        "credit_code": make_credit_code(1),
        "industry": "dining",
        "size_class": "MICRO",
        "district": "110107",
        "active": True,
        "made_by": "li.na",
    }


def test_the_same_facts_again_change_nothing(deployment: Deployment, bureau: Bureau) -> None:
    before = deployment.snapshot()
    again = bureau.put_merchant("noodles")
    assert (again.status, again.replayed) == (200, True)
    assert deployment.snapshot() == before


def test_facts_of_a_date_are_never_rewritten(deployment: Deployment) -> None:
    def send(language: str) -> Reply:
        return Bureau(deployment, language).put_merchant("noodles", industry="retail")

    require_refused(deployment, send, 409, "MERCHANT_DATED", {"effective_on": "2026-01-01"})


def test_a_merchant_that_is_not_there_is_not_found(deployment: Deployment) -> None:
    def send(language: str) -> Reply:
        return Bureau(deployment, language).call(AUDITOR, "GET", "/v1/admin/merchants/nobody")

    require_refused(deployment, send, 404, "NOT_FOUND")


def test_what_the_bureau_sent_and_whose_reply_was_lost_is_stored_once(
    deployment: Deployment, bureau: Bureau
) -> None:
    client = functions.campaign.handler._database().client
    with scripted(client, TRANSACTION, LOST_AFTER):
        assert bureau.put_campaign(campaign_document(campaign_id="summer-2026")).status == 201
    with scripted(client, TRANSACTION, LOST_AFTER):
        assert bureau.put_platform("jd").status == 201
    with scripted(client, TRANSACTION, LOST_AFTER):
        assert bureau.put_merchant("tofu").status == 200
    assert bureau.get_campaign("summer-2026").body["version"] == 1
    assert len([p for p in deployment.items("platforms") if p["platform_id"]["S"] == "jd"]) == 1
