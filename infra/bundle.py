"""The Lambda assets: `functions/` and the pins of a lock file, made without Docker.

One is for all functions but the reconciler, whose own brings the analytical engine as well.

uv installs the wheels of the target platform whatever machine this is, with their hashes
checked. What never runs in Lambda is left out, and the bytecode is compiled ahead: with warm
bytecode the imports take under half the time. The same sources give the same bytes.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import aws_cdk as cdk
import jsii
from aws_cdk import aws_lambda as lambda_
from uv import find_uv_bin

REPOSITORY = Path(__file__).resolve().parent.parent
FUNCTIONS = REPOSITORY / "functions"
LOCK = REPOSITORY / "requirements.lock"
ENGINE_LOCK = REPOSITORY / "requirements-engine.lock"
"""The same pins, and the analytical engine: 70 MB that only the reconciler carries."""

# The services that the functions call. The other 400 service descriptions of botocore are 22 MB,
# half of the asset; a client for one of them fails with UnknownServiceError.
ISO_MESSAGES = ("pain", "pain_001_001_09")

BOTOCORE_SERVICES = (
    "dynamodb",
    "events",
    "kms",
    "s3",
    "secretsmanager",
    "stepfunctions",
    "sts",
)

LAMBDA_PYTHON = "3.13"
# Amazon Linux 2023, which Lambda runs this Python on, has glibc 2.34.
LAMBDA_PLATFORM = "aarch64-manylinux_2_28"

# The metadata of packages costs import time (pydantic reads every entry point to look for
# plugins); requirements.lock in the asset tells what lies in it.
# The engine alone reads its own when it is imported.
_KEPT = "duckdb-"
_LEFT_OUT = ("*.dist-info", "bin", "boto3/examples", ".lock")


@dataclass(frozen=True, slots=True)
class BundleTarget:
    """What the bundle will run on.

    Args:
        interpreter: a Python of this machine; None for Lambda's Python on arm64.
        with_engine: whether the analytical engine is in it.

    """

    interpreter: str | None = None
    with_engine: bool = False

    @property
    def lock(self) -> Path:
        """The pins that it is made of."""
        return ENGINE_LOCK if self.with_engine else LOCK

    def install_options(self) -> list[str]:
        """The options that make uv choose this target's wheels."""
        if self.interpreter:
            return ["--python", self.interpreter]
        return ["--python-version", LAMBDA_PYTHON, "--python-platform", LAMBDA_PLATFORM]

    def compiler(self) -> str | None:
        """A Python whose bytecode the target reads; None where this machine has none."""
        if self.interpreter:
            return self.interpreter
        found = subprocess.run(  # noqa: S603 - our own tool, fixed arguments
            [find_uv_bin(), "python", "find", "--no-python-downloads", LAMBDA_PYTHON],
            capture_output=True,
            text=True,
            check=False,
        )
        return found.stdout.strip() if found.returncode == 0 else None


def shipped_sources(functions: Path = FUNCTIONS) -> Iterator[Path]:
    """The files under `functions/` that ship, sorted: all but bytecode."""
    for path in sorted(functions.rglob("*")):
        if path.is_file() and path.suffix != ".pyc":
            yield path


def bundle_hash(target: BundleTarget, functions: Path = FUNCTIONS, lock: Path | None = None) -> str:
    """The name of the asset: a hash of all that decides its content.

    Named by its inputs, an asset that already lies in the output folder is not made again.
    """
    digest = hashlib.sha256(repr(target).encode())
    recipe = Path(__file__)
    for path in (recipe, lock or target.lock, *shipped_sources(functions)):
        name = path.relative_to(functions) if path.is_relative_to(functions) else path.name
        content = path.read_bytes()
        digest.update(f"\0{name}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def copy_sources(output: Path, functions: Path = FUNCTIONS) -> None:
    """Copies what ships of `functions/` into `output/functions`."""
    for path in shipped_sources(functions):
        copy = output / "functions" / path.relative_to(functions)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)


def install_pins(output: Path, target: BundleTarget) -> None:
    """Installs the pinned wheels into `output`; CalledProcessError when a hash differs."""
    subprocess.run(  # noqa: S603 - our own tool, fixed arguments
        [
            find_uv_bin(),
            *("pip", "install", "--quiet", "--target", str(output), *target.install_options()),
            *("--only-binary", ":all:", "--no-deps", "--require-hashes"),
            # A hard link into uv's cache would let what follows here change the cache.
            *("--link-mode", "copy", "--requirement", str(target.lock)),
        ],
        check=True,
    )
    shutil.copyfile(target.lock, output / "requirements.lock")


def leave_out(output: Path) -> None:
    """Removes what never runs in Lambda."""
    for pattern in _LEFT_OUT:
        for path in output.glob(pattern):
            if path.name.startswith(_KEPT):
                continue
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()
    services = output / "botocore" / "data"
    for service in services.iterdir() if services.exists() else ():
        if service.is_dir() and service.name not in BOTOCORE_SERVICES:
            shutil.rmtree(service)
    # One message of a thousand is written.
    messages = output / "pyiso20022"
    for folder in (*messages.glob("*/"), *messages.glob("pain/*/")):
        if folder.is_dir() and folder.name not in ISO_MESSAGES:
            shutil.rmtree(folder)


def compile_bytecode(output: Path, compiler: str) -> None:
    """Compiles every module with `compiler`, a Python of the target's version.

    Unchecked: Lambda resets file times, which would make it compile all of it at each cold start.
    """
    subprocess.run(  # noqa: S603 - an interpreter of this machine, fixed arguments
        [
            *(compiler, "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash"),
            # Tracebacks name the path in Lambda, and the bytes do not depend on where this ran.
            *("-s", str(output), "-p", "/var/task", str(output)),
        ],
        check=True,
        env={"PYTHONHASHSEED": "0"},
    )


def build_bundle(output: Path, target: BundleTarget) -> None:
    """Makes the asset in `output`, an empty folder."""
    install_pins(output, target)
    leave_out(output)
    copy_sources(output)
    compiler = target.compiler()
    if compiler is None:
        print(  # noqa: T201 - said to whoever synthesizes
            f"bundle: no Python {LAMBDA_PYTHON} here, so the asset has no bytecode: "
            "cold starts will take about half a second longer",
            file=sys.stderr,
        )
    else:
        compile_bytecode(output, compiler)


@jsii.implements(cdk.ILocalBundling)
class _LocalBundling:
    """Hands the bundling to `build_bundle`; CDK asks it before it would start Docker."""

    def __init__(self, target: BundleTarget) -> None:
        self._target = target

    @jsii.member(jsii_name="tryBundle")
    def try_bundle(
        self,
        output_dir: str,
        *,
        image: cdk.DockerImage | None = None,  # noqa: ARG002 - part of the interface
        **_: object,
    ) -> bool:
        """True: it never needs Docker."""
        build_bundle(Path(output_dir), self._target)
        return True


def code_asset(target: BundleTarget) -> lambda_.Code:
    """The asset for CDK. The context `aws:cdk:bundling-stacks: []` leaves it unbuilt."""
    return lambda_.Code.from_asset(
        str(FUNCTIONS),
        asset_hash=bundle_hash(target),
        asset_hash_type=cdk.AssetHashType.CUSTOM,
        bundling=cdk.BundlingOptions(
            # CDK demands an image; it is never pulled, since the local bundling always succeeds.
            image=cdk.DockerImage.from_registry("none"),
            local=_LocalBundling(target),
        ),
    )
