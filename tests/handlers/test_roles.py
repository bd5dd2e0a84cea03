"""Every role on every route: who may not is refused, learns nothing and changes nothing."""

from __future__ import annotations

import pytest

from functions.shared.edge.routes import ROUTES, Role, Route
from tests.support.calls import (
    APPROVER,
    AUDITOR,
    OPERATOR,
    platform_arn,
)
from tests.support.campaigns import UNIONPAY
from tests.support.deployment import Deployment
from tests.support.events import path_of, refused, role_arn, session_arn

CALLERS = {
    Role.PLATFORM: platform_arn(UNIONPAY),
    Role.OPERATOR: OPERATOR,
    Role.APPROVER: APPROVER,
    Role.AUDITOR: AUDITOR,
}
NOT_ALLOWED = [
    (route, CALLERS[role]) for route in ROUTES for role in Role if role not in route.roles
]


@pytest.mark.parametrize(
    ("route", "caller"), NOT_ALLOWED, ids=[f"{r.operation_id}-{c[-8:]}" for r, c in NOT_ALLOWED]
)
def test_a_role_that_may_not_is_refused_and_learns_nothing(
    deployment: Deployment, route: Route, caller: str
) -> None:
    before = deployment.snapshot()
    reply = deployment.call(caller, route.method, path_of(route), {"any": "body"})
    document = refused(reply, 403, "NOT_ALLOWED")
    assert not set(document) & {"what", "errors", "state"}
    assert deployment.snapshot() == before


@pytest.mark.parametrize(
    "caller",
    [
        None,
        platform_arn("jd"),
        session_arn("huimin-platform-unionpay").replace("123456789012", "210987654321"),
        role_arn("huimin-platform-unionpay") + "/x",
    ],
)
@pytest.mark.parametrize("route", ROUTES, ids=[route.operation_id for route in ROUTES])
def test_who_is_nobody_is_refused_everywhere(
    deployment: Deployment, route: Route, caller: str | None
) -> None:
    before = deployment.snapshot()
    refused(deployment.call(caller, route.method, path_of(route)), 403, "NOT_ALLOWED")
    assert deployment.snapshot() == before
