"""What the REST API is, wherever it runs: its paths, and what it answers by itself.

CDK deploys it and the local gateway plays it, both from here, so that a path or an answer cannot
exist in one of them only. No CDK is imported: the local stack runs without it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from functions.shared.domain.errors import Code, HuiminError
from functions.shared.edge.languages import Language
from functions.shared.edge.problems import problem_response
from functions.shared.edge.routes import ROUTES, Route

STAGE = "live"

# Answers 404 for every path that is no route.
FALLBACK_FUNCTION = "campaign"
GREEDY_PATH = "/{proxy+}"

# What API Gateway answers by itself -> our code for it. DEFAULT_4XX is in practice an access key
# that IAM does not know, or half a signature. When an integration fails or times out, nobody
# knows whether the function did its work: sending the same request again is safe and finds out.
GATEWAY_CODES: Mapping[str, Code] = MappingProxyType(
    {
        "MISSING_AUTHENTICATION_TOKEN": Code.NOT_SIGNED,
        "UNAUTHORIZED": Code.NOT_SIGNED,
        "INVALID_SIGNATURE": Code.SIGNATURE_INVALID,
        "EXPIRED_TOKEN": Code.SIGNATURE_EXPIRED,
        "ACCESS_DENIED": Code.NOT_ALLOWED,
        "RESOURCE_NOT_FOUND": Code.ROUTE_NOT_FOUND,
        "REQUEST_TOO_LARGE": Code.BODY_TOO_LARGE,
        "UNSUPPORTED_MEDIA_TYPE": Code.UNSUPPORTED_MEDIA_TYPE,
        "THROTTLED": Code.THROTTLED,
        "QUOTA_EXCEEDED": Code.THROTTLED,
        "INTEGRATION_FAILURE": Code.BUSY,
        "INTEGRATION_TIMEOUT": Code.BUSY,
        "DEFAULT_4XX": Code.KEY_UNKNOWN,
        "DEFAULT_5XX": Code.INTERNAL,
    }
)


def functions_by_path(routes: Sequence[Route] = ROUTES) -> dict[str, str]:
    """Path -> the one function that answers it, for every path that API Gateway must know.

    That includes the paths between the routes (`/v1`, `/v1/admin`): a resource without a method
    would answer an unknown route with 403 instead of our 404.
    """
    found: dict[str, str] = {}
    for route in routes:
        if found.setdefault(route.path, route.function) != route.function:
            raise ValueError(f"{route.path} belongs to two functions")
    between = {
        "/".join(path.split("/")[:depth]) or "/"
        for path in found
        for depth in range(1, path.count("/") + 1)
    }
    fallback = dict.fromkeys((*between, GREEDY_PATH), FALLBACK_FUNCTION)
    return fallback | found


@dataclass(frozen=True, slots=True)
class GatewayProblem:
    """A problem document that API Gateway answers by itself.

    Args:
        status: the HTTP status.
        headers: name -> value.
        template: the body, with REQUEST_ID where the request's id goes.

    """

    status: int
    headers: Mapping[str, str]
    template: str


# API Gateway puts the request's id in.
REQUEST_ID = "$context.requestId"


def gateway_problem(code: Code) -> GatewayProblem:
    """The same document that a function would answer, in the language that is the default.

    It has no `instance`: a path is the caller's text, and API Gateway puts it in unescaped.
    """
    answer = problem_response(
        HuiminError(code), language=Language.ZH, instance="/", request_id=REQUEST_ID
    )
    document = json.loads(answer["body"])
    del document["instance"]
    return GatewayProblem(
        status=answer["statusCode"],
        headers=answer["headers"],
        template=json.dumps(document, ensure_ascii=False),
    )
