"""The REST API: every route of the route table, each call signed with SigV4.

API Gateway has no limit of its own below 10 MB for a request's body; each route's limit is
enforced by the function's edge, before anything of the body is parsed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import MappingProxyType

import aws_cdk as cdk
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from constructs import Construct

from functions.shared.edge.routes import ROUTES
from infra.acknowledge import acknowledge
from infra.deployment import Deployment
from infra.functions import LOG_RETENTION, Functions
from infra.rest_api import GATEWAY_CODES, STAGE, functions_by_path, gateway_problem

# No body, no query, no header and no path with ids in it; who called is in the functions' logs.
ACCESS_LOG_FIELDS: Mapping[str, str] = MappingProxyType(
    {
        "request_id": "$context.requestId",
        "requested_at": "$context.requestTime",
        "method": "$context.httpMethod",
        "resource": "$context.resourcePath",
        "status": "$context.status",
        "latency_ms": "$context.responseLatency",
        "function_status": "$context.integration.status",
        "function_latency_ms": "$context.integration.latency",
        "answer_bytes": "$context.responseLength",
        "refused_as": "$context.error.responseType",
    }
)


class Api(Construct):
    """The REST API, its stage and its access log.

    Every route has its method; every path also has ANY, which the function answers with 405, and
    every other path goes to the fallback function for 404. All of them ask for a signature, so
    an unsigned call learns nothing of what exists.

    Args:
        scope: the stack.
        construct_id: the construct's id.
        deployment: gives name and throttling.
        functions: what answers.

    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        deployment: Deployment,
        functions: Functions,
    ) -> None:
        super().__init__(scope, construct_id)
        access_log = logs.LogGroup(
            self,
            "AccessLog",
            log_group_name=f"/aws/apigateway/{deployment.prefix}api",
            retention=LOG_RETENTION,
            removal_policy=cdk.RemovalPolicy.RETAIN,
        )
        self.api = apigateway.RestApi(
            self,
            "Rest",
            rest_api_name=f"{deployment.prefix}api",
            description="Huimin: vouchers of a district",
            # Left out, CDK makes an edge-optimised API, which the China regions do not have.
            endpoint_configuration=apigateway.EndpointConfiguration(
                types=[apigateway.EndpointType.REGIONAL]
            ),
            # API Gateway writes no access log in an account that has not named a role for it.
            cloud_watch_role=True,
            default_method_options=apigateway.MethodOptions(
                authorization_type=apigateway.AuthorizationType.IAM
            ),
            deploy_options=apigateway.StageOptions(
                stage_name=STAGE,
                throttling_rate_limit=deployment.throttle_rate,
                throttling_burst_limit=deployment.throttle_burst,
                access_log_destination=apigateway.LogGroupLogDestination(access_log),
                access_log_format=apigateway.AccessLogFormat.custom(
                    json.dumps(dict(ACCESS_LOG_FIELDS))
                ),
                logging_level=apigateway.MethodLoggingLevel.OFF,
                data_trace_enabled=False,
                tracing_enabled=False,
                metrics_enabled=True,
            ),
        )
        # The construct's own output says what the stack's output ApiUrl says.
        self.api.node.try_remove_child("Endpoint")
        self._add_methods(functions)
        self._add_gateway_responses()
        self._acknowledge()

    def _add_methods(self, functions: Functions) -> None:
        methods: dict[str, list[str]] = {}
        for route in ROUTES:
            methods.setdefault(route.path, []).append(route.method)
        integrations = {
            name: apigateway.LambdaIntegration(
                function.function,
                timeout=cdk.Duration.seconds(29),
                # One permission for the API instead of one per method: a function's policy holds
                # 20 KB. Who may call what is IAM's to say, on the method.
                scope_permission_to_method=False,
            )
            for name, function in functions.by_name.items()
        }
        for path, function in sorted(functions_by_path().items()):
            resource = self.api.root.resource_for_path(path)
            for method in (*methods.get(path, ()), "ANY"):
                resource.add_method(method, integrations[function])

    def _add_gateway_responses(self) -> None:
        for response_type, code in GATEWAY_CODES.items():
            problem = gateway_problem(code)
            self.api.add_gateway_response(
                response_type.title().replace("_", ""),
                type=apigateway.ResponseType.of(response_type),
                status_code=str(problem.status),
                # API Gateway tells text from expressions by the single quotes.
                response_headers={
                    name: f"'{value}'" for name, value in sorted(problem.headers.items())
                },
                # The key chooses the template, whatever the caller accepts; the header above
                # gives the type that is sent.
                templates={"application/json": problem.template},
            )

    def _acknowledge(self) -> None:
        acknowledge(
            self.api,
            {
                "AwsSolutions-APIG2": (
                    "The functions' edge validates every request and answers with a problem "
                    "document in the caller's language; API Gateway's validator cannot."
                ),
            },
        )
        acknowledge(
            self.api.deployment_stage,
            {
                "AwsSolutions-APIG3": (
                    "The callers are a handful of licensed companies, each signing every call; a "
                    "call without a valid signature reaches no code of ours."
                ),
                "AwsSolutions-APIG6": (
                    "Execution logs can hold parts of requests, and requests hold identity "
                    "numbers. The access log tells status, latency and the refusal's kind."
                ),
            },
        )
        for resource in self.api.node.find_all():
            if isinstance(resource, apigateway.Method):
                acknowledge(
                    resource,
                    {"AwsSolutions-COG4": "Programs call, not people: IAM signatures instead."},
                )
            elif isinstance(resource, iam.Role):
                acknowledge(
                    resource,
                    {
                        "AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/"
                        "service-role/AmazonAPIGatewayPushToCloudWatchLogs]": (
                            "The account-wide role that API Gateway asks for, with the policy AWS "
                            "keeps for it: one's own would fall behind what the service calls."
                        )
                    },
                )
