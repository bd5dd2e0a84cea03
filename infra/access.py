"""Who may call: the bureau's three roles and one role for each platform.

A call is signed with the credentials of one of these roles, and API Gateway checks signature and
policy before any code of ours runs. The functions then take the caller from the role's ARN.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import aws_cdk as cdk
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from functions.shared.edge.routes import BUREAU, ROUTES, Role, Route
from infra.acknowledge import acknowledge
from infra.deployment import Deployment

_PARAMETER = re.compile(r"\{[^}]+\}")


def routes_of(role: Role) -> tuple[Route, ...]:
    """The routes that a role may call."""
    return tuple(route for route in ROUTES if role in route.roles)


def _method_arns(api: apigateway.RestApi, routes: Iterable[Route]) -> list[str]:
    """The ARNs of methods, a `*` standing for each parameter."""
    return [
        api.arn_for_execute_api(
            method=route.method,
            path=_PARAMETER.sub("*", route.path),
            stage=api.deployment_stage.stage_name,
        )
        for route in routes
    ]


def _resolved(scope: Construct, arn: str) -> str:
    """An ARN as cdk-nag writes it in a finding's id: references become `<LogicalId>`."""
    parts = cdk.Stack.of(scope).resolve(arn)
    if isinstance(parts, str):
        return parts
    separator, pieces = parts["Fn::Join"]
    return str(separator).join(
        piece if isinstance(piece, str) else _reference(piece) for piece in pieces
    )


def _reference(piece: Mapping[str, object]) -> str:
    if "Ref" in piece:
        return f"<{piece['Ref']}>"
    target = piece["Fn::GetAtt"]
    assert isinstance(target, list)  # noqa: S101 - narrows a type; CDK writes a list here
    return f"<{'.'.join(target)}>"


def _acknowledge_wildcards(policy: iam.Policy, arns: Iterable[str], reason: str) -> None:
    acknowledge(
        policy,
        {
            f"AwsSolutions-IAM5[Resource::{_resolved(policy, arn)}]": reason
            for arn in arns
            if "*" in arn
        },
    )


class BureauRoles(Construct):
    """The bureau's roles: operator (makes), approver (approves what another made), auditor (reads).

    Who takes a role must have signed in with a second factor, and must name the session after
    their own IAM user: that name is the person whom the four-eyes rule compares, so nobody may
    choose another's.

    Args:
        scope: the stack.
        construct_id: the construct's id.
        deployment: gives the prefix of the roles' names.

    """

    def __init__(self, scope: Construct, construct_id: str, *, deployment: Deployment) -> None:
        super().__init__(scope, construct_id)
        self.by_role: dict[Role, iam.Role] = {
            role: iam.Role(
                self,
                role.value.capitalize(),
                role_name=f"{deployment.prefix}{role.value}",
                description=f"Huimin: {role.value} of the bureau",
                max_session_duration=cdk.Duration.hours(1),
                assumed_by=iam.AccountRootPrincipal().with_conditions(
                    {
                        "Bool": {"aws:MultiFactorAuthPresent": "true"},
                        "StringEquals": {"sts:RoleSessionName": "${aws:username}"},
                    }
                ),
            )
            for role in sorted(BUREAU)
        }

    def arns(self) -> dict[str, str]:
        """Role name -> ARN."""
        return {role.value: made.role_arn for role, made in self.by_role.items()}

    def allow(
        self,
        api: apigateway.RestApi,
        files: s3.IBucket,
        files_key: kms.IKey,
        signing_key: kms.IKey,
    ) -> None:
        """Lets each role call its own methods; the auditor read every file and the public key."""
        for role, made in self.by_role.items():
            arns = _method_arns(api, routes_of(role))
            policy = iam.Policy(
                self,
                f"{role.value.capitalize()}Calls",
                statements=[iam.PolicyStatement(actions=["execute-api:Invoke"], resources=arns)],
                roles=[made],
            )
            if role is Role.AUDITOR:
                objects = files.arn_for_objects("*")
                policy.add_statements(
                    iam.PolicyStatement(
                        actions=["s3:GetObject", "s3:GetObjectVersion"], resources=[objects]
                    ),
                    iam.PolicyStatement(
                        actions=["s3:ListBucket", "s3:ListBucketVersions"],
                        resources=[files.bucket_arn],
                    ),
                    iam.PolicyStatement(actions=["kms:Decrypt"], resources=[files_key.key_arn]),
                    iam.PolicyStatement(
                        actions=["kms:GetPublicKey"], resources=[signing_key.key_arn]
                    ),
                )
                _acknowledge_wildcards(policy, [objects], "An audit may need any file.")
            _acknowledge_wildcards(
                policy, arns, "The star stands for an id in the path; the method is one route."
            )


class PlatformRoles(Construct):
    """One role for each licensed platform, taken from the platform's own account.

    It may call everything of the platform plane, so that an unknown route or a wrong method is
    answered by the API's own problem document; it may bring bills and fetch statements, each
    under its own folder only.

    Args:
        scope: the stack.
        construct_id: the construct's id.
        deployment: names the platforms and their accounts.
        api: what they call.
        files: the files bucket.
        files_key: encrypts the files.

    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        deployment: Deployment,
        api: apigateway.RestApi,
        files: s3.IBucket,
        files_key: kms.IKey,
    ) -> None:
        super().__init__(scope, construct_id)
        self.by_platform: dict[str, iam.Role] = {}
        stage = api.deployment_stage.stage_name
        plane = api.arn_for_execute_api(method="*", path="/v1/*", stage=stage)
        admin = api.arn_for_execute_api(method="*", path="/v1/admin/*", stage=stage)
        for platform_id, account in sorted(deployment.platforms.items()):
            role = iam.Role(
                self,
                platform_id,
                role_name=f"{deployment.prefix}platform-{platform_id}",
                description=f"Huimin: the platform {platform_id}",
                assumed_by=iam.AccountPrincipal(account),
            )
            bills = files.arn_for_objects(f"bills/{platform_id}/*")
            statements = files.arn_for_objects(f"settlements/{platform_id}/*")
            policy = iam.Policy(
                self,
                f"{platform_id}-calls",
                statements=[
                    iam.PolicyStatement(actions=["execute-api:Invoke"], resources=[plane]),
                    iam.PolicyStatement(
                        effect=iam.Effect.DENY, actions=["execute-api:Invoke"], resources=[admin]
                    ),
                    iam.PolicyStatement(actions=["s3:PutObject"], resources=[bills]),
                    iam.PolicyStatement(actions=["s3:GetObject"], resources=[statements]),
                    iam.PolicyStatement(
                        actions=["kms:Decrypt", "kms:GenerateDataKey"],
                        resources=[files_key.key_arn],
                    ),
                ],
                roles=[role],
            )
            _acknowledge_wildcards(
                policy, [plane, admin], "The platform plane less the bureau's: unknown routes too."
            )
            _acknowledge_wildcards(
                policy, [bills, statements], "Any file, but only under the platform's own folder."
            )
            self.by_platform[platform_id] = role
