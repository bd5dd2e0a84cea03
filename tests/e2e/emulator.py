"""The synthesized stack, deployed on an AWS emulator on this machine.

The emulator (ministack) runs from `.venv-emulator`, bound to 127.0.0.1, with AUTH=true: it checks
every signature, and it enforces the IAM and bucket policies of the template, the callers' and the
functions'. A grant that is missing fails here. It speaks TLS with a certificate made for the run,
since the bucket refuses anything else.

What it does not do, so that nothing here proves it:

- CloudFormation drops point-in-time recovery and the bucket's encryption, and takes alarms,
  throttling and log retention as words only. tests/infra reads those from the template.
- The partition is always `aws`; there is neither a multi-factor sign-in nor a policy variable, so
  the conditions on who may take a bureau role are taken out after deployment.
- A caller whose policy does not allow the call is refused with the emulator's own words, and a
  function that fails with 502: both pass the gateway responses by.
- Schedules lose their time zone, and their input keeps the placeholder of its time. They are
  switched off after deployment, lest they run by this machine's clock in the middle of a test;
  `Deployment.run_schedule` calls a schedule's own target with its own input.
- The event of a new object lacks the object's `version-id`; nothing is locked against deletion.
- Functions run as processes of the emulator's own Python on this machine, not on arm64; the asset
  is bundled for that Python (the context's `interpreter`), everything else is as synthesized.
  Their clock can be set (`Deployment.set_clock`), from outside of what is deployed.
- `TransactionConflict` never happens.
"""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from http import HTTPStatus
from http.client import HTTPSConnection
from io import BytesIO
from ipaddress import IPv4Address
from pathlib import Path
from ssl import create_default_context
from typing import Any

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

REPOSITORY = Path(__file__).resolve().parents[2]
EMULATOR_PYTHON = REPOSITORY / ".venv-emulator" / "bin" / "python"
REGION = "cn-north-1"
STACK = "Huimin"

ACCOUNT = "210000000001"
PLATFORM_ACCOUNTS = {
    "unionpay": "210000000002",
    "meituan": "210000000003",
    # Has a role and is registered by no test.
    "newcomer": "210000000004",
}

START_S = 30
DEPLOY_S = 120


class EmulatorError(Exception):
    """The emulator did not start or did not deploy; says what it wrote."""


@dataclass(frozen=True, slots=True)
class Emulator:
    """A running emulator.

    Args:
        port: where it listens, on 127.0.0.1.
        authority: the certificate that it shows, which vouches for itself.
        log: what it writes.
        clock: holds the seconds by which the functions' clock is ahead of the machine's.

    """

    port: int
    authority: Path
    log: Path
    clock: Path

    @property
    def endpoint(self) -> str:
        """The address of every AWS service."""
        return f"https://127.0.0.1:{self.port}"

    def client(self, service: str, credentials: Credentials) -> Any:  # noqa: ANN401 - boto3 has no types
        """A client of one service."""
        return boto3.client(
            service,
            region_name=REGION,
            endpoint_url=self.endpoint,
            verify=str(self.authority),
            # A function may take as long as Lambda lets it, and is never called twice for once.
            config=Config(read_timeout=900, retries={"total_max_attempts": 1}),
            aws_access_key_id=credentials.access_key,
            aws_secret_access_key=credentials.secret_key,
            aws_session_token=credentials.token,
        )


def root_of(account: str) -> Credentials:
    """The root user of an account: the emulator takes the account's number for its key."""
    return Credentials(account, "root")


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer of the API."""

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def document(self) -> Any:  # noqa: ANN401 - whatever JSON holds
        """The body as JSON."""
        return json.loads(self.text)


@dataclass(frozen=True)
class Caller:
    """Someone who signs calls of the API.

    Args:
        credentials: what to sign with; None for a caller who does not sign.
        port: the emulator's.
        host: the API's host name, as the caller would use it.
        authority: the certificate that the caller trusts.

    """

    credentials: Credentials | None
    port: int
    host: str
    authority: Path

    def call(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        headers: Mapping[str, str] | None = None,
        altered: bytes | None = None,
    ) -> Answer:
        """Sends one request.

        Args:
            method: the HTTP method.
            path: begins with `/v1`.
            body: sent as it is if bytes, else as JSON.
            headers: sent and signed besides those that the request needs.
            altered: sent instead of the body that was signed, as a forger would.

        """
        content = body if isinstance(body, bytes) else b""
        sent = {"Host": f"{self.host}:{self.port}", **(headers or {})}
        if body is not None and not isinstance(body, bytes):
            content = json.dumps(body, ensure_ascii=False).encode()
        if content:
            sent.setdefault("Content-Type", "application/json")
        url = f"https://{self.host}:{self.port}/live{path}"
        request = AWSRequest(method=method, url=url, data=content, headers=sent)
        if self.credentials:
            SigV4Auth(self.credentials, "execute-api", REGION).add_auth(request)
        # The name of the host is no name of this machine: connect to it, and send it as Host.
        connection = HTTPSConnection(
            "127.0.0.1",
            self.port,
            timeout=60,
            context=create_default_context(cafile=self.authority),
        )
        try:
            connection.request(
                method,
                f"/live{path}",
                body=content if altered is None else altered,
                headers=dict(request.headers),
            )
            answer = connection.getresponse()
            return Answer(
                answer.status,
                {k.lower(): v for k, v in answer.getheaders()},
                answer.read().decode(),
            )
        finally:
            connection.close()


@dataclass(frozen=True)
class Deployment:
    """The deployed stack.

    Args:
        emulator: what it is deployed on.
        outputs: the stack's outputs.

    """

    emulator: Emulator
    outputs: Mapping[str, str]
    _credentials: dict[tuple[str, str], Credentials] = field(default_factory=dict)

    @cached_property
    def api_host(self) -> str:
        """The host name of the API."""
        found = re.match(r"https://([^.]+)\.execute-api\.", self.outputs["ApiUrl"])
        if found is None:
            raise EmulatorError(f"no API in {self.outputs['ApiUrl']}")
        return f"{found.group(1)}.execute-api.localhost"

    @property
    def bucket(self) -> str:
        """The name of the files bucket."""
        return self.outputs["FilesBucket"]

    def client(self, service: str, credentials: Credentials | None = None) -> Any:  # noqa: ANN401 - boto3 has no types
        """A client with these credentials, or with those of the account's root user."""
        return self.emulator.client(service, credentials or root_of(ACCOUNT))

    def bureau(self, role: str, person: str) -> Caller:
        """A person of the bureau in a role: operator, approver or auditor."""
        arn = self.outputs[f"{role.capitalize()}Role"]
        return self._caller(self.credentials(arn, account=ACCOUNT, person=person))

    def platform(self, platform_id: str) -> Caller:
        """A platform in its role."""
        return self._caller(self.platform_credentials(platform_id))

    def platform_credentials(self, platform_id: str) -> Credentials:
        """A platform's credentials, also for the files bucket."""
        arn = self.outputs[f"PlatformRole{platform_id.title().replace('-', '')}"]
        account = PLATFORM_ACCOUNTS[platform_id]
        return self.credentials(arn, account=account, person="server-1")

    def nobody(self) -> Caller:
        """A caller who does not sign."""
        return self._caller(None)

    def stranger(self) -> Caller:
        """A caller who signs with a key that nobody has given out."""
        return self._caller(Credentials("AKIAIOSFODNN7EXAMPLE", "wrong"))

    def _caller(self, credentials: Credentials | None) -> Caller:
        return Caller(credentials, self.emulator.port, self.api_host, self.emulator.authority)

    def credentials(self, role_arn: str, *, account: str, person: str) -> Credentials:
        """The role's credentials, taken by an IAM user of that name in that account."""
        known = self._credentials.get((role_arn, person))
        if known:
            return known
        key = self._user_key(account, person, role_arn)
        user = Credentials(key["AccessKeyId"], key["SecretAccessKey"])
        sts = self.emulator.client("sts", user)
        given = sts.assume_role(RoleArn=role_arn, RoleSessionName=person)["Credentials"]
        credentials = Credentials(
            given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"]
        )
        self._credentials[(role_arn, person)] = credentials
        return credentials

    def _user_key(self, account: str, person: str, role_arn: str) -> Mapping[str, str]:
        iam = self.emulator.client("iam", root_of(account))
        with suppress(iam.exceptions.EntityAlreadyExistsException):
            iam.create_user(UserName=person)
        iam.put_user_policy(
            UserName=person,
            PolicyName=role_arn.rpartition("/")[2],
            PolicyDocument=json.dumps(
                {
                    "Version": "2012-10-17",
                    "Statement": [
                        {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": role_arn}
                    ],
                }
            ),
        )
        key: Mapping[str, str] = iam.create_access_key(UserName=person)["AccessKey"]
        return key

    def now(self) -> datetime:
        """The present time by the functions' clock, aware UTC."""
        clock = self.emulator.clock
        return datetime.now(UTC) + timedelta(
            seconds=float(clock.read_text()) if clock.exists() else 0
        )

    def set_clock(self, instant: datetime) -> None:
        """Sets the functions' clock; it goes on from there."""
        self.emulator.clock.write_text(str((instant - datetime.now(UTC)).total_seconds()))

    def run_schedule(self, task: str) -> Any:  # noqa: ANN401 - JSON
        """Does what the scheduler does when a task is due; returns what the function answers."""
        schedule = self.client("scheduler").get_schedule(Name=f"huimin-{task}")
        due = self.now().strftime("%Y-%m-%dT%H:%M:%SZ")
        target = schedule["Target"]
        return self.run(
            target["Arn"],
            json.loads(target["Input"].replace("<aws.scheduler.scheduled-time>", due)),
        )

    def run(self, function: str, event: Mapping[str, object]) -> Any:  # noqa: ANN401 - JSON
        """Calls a function, by name or ARN; EmulatorError when it fails."""
        answer = self.client("lambda").invoke(
            FunctionName=function, Payload=json.dumps(event).encode()
        )
        payload = json.loads(answer["Payload"].read())
        if "FunctionError" in answer:
            raise EmulatorError(f"{function} failed: {payload}")
        return payload


def synthesize(output: Path) -> None:
    """Synthesizes as for AWS, but bundled for the emulator's Python and with two platforms."""
    context = {"huimin": {"platforms": PLATFORM_ACCOUNTS, "interpreter": str(EMULATOR_PYTHON)}}
    subprocess.run(
        [sys.executable, "-m", "infra.app"],
        cwd=REPOSITORY,
        env={**os.environ, "CDK_OUTDIR": str(output), "CDK_CONTEXT_JSON": json.dumps(context)},
        check=True,
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _make_certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1, good for a day, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "emulator")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    certificate_path, key_path = folder / "certificate.pem", folder / "key.pem"
    certificate_path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return certificate_path, key_path


@contextmanager
def running_emulator(folder: Path) -> Iterator[Emulator]:
    """An emulator for the length of the block; all it keeps is in `folder`.

    Raises:
        EmulatorError: it is not installed, or does not answer within half a minute.

    """
    if not EMULATOR_PYTHON.exists():
        raise EmulatorError("no emulator: run `scripts/setup.sh emulator`")
    certificate, key = _make_certificate(folder)
    emulator = Emulator(_free_port(), certificate, folder / "emulator.log", folder / "clock")
    # Nothing of the caller's environment: an AWS_ variable in it would change what it does.
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "GATEWAY_PORT": str(emulator.port),
        "AUTH": "true",
        "USE_SSL": "1",
        "MINISTACK_SSL_CERT": str(certificate),
        "MINISTACK_SSL_KEY": str(key),
        # The functions inherit it, and so trust the emulator.
        "AWS_CA_BUNDLE": str(certificate),
        "PYTHONPATH": str(Path(__file__).with_name("function_clock")),
        "HUIMIN_TEST_CLOCK": str(emulator.clock),
        "LAMBDA_EXECUTOR": "local",
        "MINISTACK_REGION": REGION,
        "MINISTACK_ACCOUNT_ID": ACCOUNT,
    }
    with emulator.log.open("wb") as sink:
        process = subprocess.Popen(  # noqa: S603 - the installed emulator
            [
                # Not `-m ministack`: with TLS, that listens on port 443 as well.
                *(EMULATOR_PYTHON, "-m", "hypercorn", "ministack.app:app", "--workers", "0"),
                *("--bind", f"127.0.0.1:{emulator.port}", "--keep-alive", "75"),
                *("--certfile", certificate, "--keyfile", key),
            ],
            env=environment,
            cwd=folder,
            stdout=sink,
            stderr=subprocess.STDOUT,
        )
        try:
            _wait_until_up(process, emulator)
            yield emulator
        finally:
            # Nothing of it is kept; its functions end when their input does.
            process.kill()
            process.wait()


def _wait_until_up(process: subprocess.Popen[bytes], emulator: Emulator) -> None:
    trusted = create_default_context(cafile=emulator.authority)
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and process.poll() is None:
        connection = HTTPSConnection("127.0.0.1", emulator.port, timeout=1, context=trusted)
        try:
            connection.request("GET", "/_ministack/health")
            if connection.getresponse().status == HTTPStatus.OK:
                return
        except OSError:
            time.sleep(0.1)
        finally:
            connection.close()
    raise EmulatorError(f"the emulator did not start:\n{emulator.log.read_text()[-4000:]}")


def _zip_of(folder: Path) -> bytes:
    packed = BytesIO()
    # Stored, not deflated: it goes over the loopback once.
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                archive.write(path, path.relative_to(folder))
    return packed.getvalue()


def _bootstrap(emulator: Emulator, assembly: Path) -> None:
    """Does what `cdk bootstrap` and CDK's publishing of assets would do."""
    root = root_of(ACCOUNT)
    emulator.client("ssm", root).put_parameter(
        Name="/cdk-bootstrap/hnb659fds/version", Value="30", Type="String"
    )
    s3 = emulator.client("s3", root)
    files = json.loads((assembly / f"{STACK}.assets.json").read_text())["files"].values()
    for bucket in {
        _here(to["bucketName"]) for file in files for to in file["destinations"].values()
    }:
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    for file in files:
        source = assembly / file["source"]["path"]
        packed = file["source"]["packaging"] == "zip"
        for to in file["destinations"].values():
            s3.put_object(
                Bucket=_here(to["bucketName"]),
                Key=to["objectKey"],
                Body=_zip_of(source) if packed else source.read_bytes(),
            )


def _here(name: str) -> str:
    return name.replace("${AWS::AccountId}", ACCOUNT).replace("${AWS::Region}", REGION)


def _without_conditions(deployment: Deployment) -> None:
    """Takes the conditions, and only those, out of the trust policies of the bureau's roles."""
    iam = deployment.client("iam")
    for role in ("Operator", "Approver", "Auditor"):
        name = deployment.outputs[f"{role}Role"].rpartition("/")[2]
        policy = iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]
        for statement in policy["Statement"]:
            del statement["Condition"]
        iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(policy))


def _switch_schedules_off(deployment: Deployment) -> None:
    scheduler = deployment.client("scheduler")
    for listed in scheduler.list_schedules()["Schedules"]:
        schedule = scheduler.get_schedule(Name=listed["Name"])
        kept = ("Name", "ScheduleExpression", "FlexibleTimeWindow", "Target")
        scheduler.update_schedule(State="DISABLED", **{name: schedule[name] for name in kept})


def deploy(emulator: Emulator, assembly: Path) -> Deployment:
    """Deploys the template as it was synthesized.

    Raises:
        EmulatorError: with what failed.

    """
    _bootstrap(emulator, assembly)
    manifest = json.loads((assembly / "manifest.json").read_text())
    template = manifest["artifacts"][STACK]["properties"]["stackTemplateAssetObjectUrl"]
    bucket, _, key = _here(template).removeprefix("s3://").partition("/")
    cloudformation = emulator.client("cloudformation", root_of(ACCOUNT))
    cloudformation.create_stack(
        StackName=STACK,
        TemplateURL=f"{emulator.endpoint}/{bucket}/{key}",
        Capabilities=["CAPABILITY_NAMED_IAM"],
    )
    deadline = time.monotonic() + DEPLOY_S
    while True:
        stack = cloudformation.describe_stacks(StackName=STACK)["Stacks"][0]
        if stack["StackStatus"] == "CREATE_COMPLETE":
            break
        if not stack["StackStatus"].endswith("_IN_PROGRESS") or time.monotonic() > deadline:
            # The stack's events do not tell why; the emulator's log does.
            log = emulator.log.read_text().splitlines()
            faults = [line for line in log if " ERROR " in line]
            raise EmulatorError("\n".join([stack["StackStatus"], *faults]))
        time.sleep(0.2)
    outputs = {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}
    deployment = Deployment(emulator, outputs)
    _without_conditions(deployment)
    _switch_schedules_off(deployment)
    return deployment
