"""`huimin audit`: for auditors, who trust nobody and need nothing but the published files."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table

from infra.audit.findings import MEANINGS
from infra.audit.sources import source_of
from infra.audit.verify import Verdict, verify_all

app = typer.Typer(help="Verify what was published / 审计核验.", no_args_is_help=True)
console = Console(highlight=False, soft_wrap=True)

FINDINGS_SHOWN = 50
T = TypeVar("T")


@app.callback()
def _group() -> None:
    """Keeps `verify` a command of its own while it is the only one."""


@app.command(epilog="Example: [bold]huimin audit verify demo-out[/bold]")
def verify(
    place: Annotated[
        str,
        typer.Argument(
            metavar="BUCKET_OR_FOLDER",
            help="A folder with the files bucket's content, or a bucket, also as s3://name.",
        ),
    ],
    signing_key: Annotated[
        list[Path] | None,
        typer.Option(
            exists=True,
            dir_okay=False,
            help="A public key in PEM that payments must be signed with; may be given again.",
        ),
    ] = None,
) -> None:
    """Recompute everything from the files alone, and say what was checked / 仅凭文件重新计算并核验.

    The hash chain of every journal; each voucher, redemption and refund from the rules; every
    person's limits; every settlement, fund return and T+1 figure; every manifest. Ends with 1 where
    anything was edited, left out, added or moved. No AWS is asked for a folder.
    """
    try:
        source = source_of(place)
    except FileNotFoundError:
        console.print(f"There is no folder {place} / 没有该目录", markup=False)
        raise typer.Exit(2) from None
    keys = [path.read_bytes() for path in signing_key or ()]
    try:
        verdict = verify_all(source, _tracked, signing_keys=keys)
    except ValueError as error:
        console.print(f"--signing-key: {error} / 不是 RSA 公钥", markup=False)
        raise typer.Exit(2) from None
    _show(verdict)
    raise typer.Exit(0 if verdict.is_sound else 1)


def _tracked(items: Iterable[T], what: str, total: int) -> Iterable[T]:
    return track(
        items, description=what.ljust(20)[:20], total=total, console=console, transient=True
    )


def _show(verdict: Verdict) -> None:
    counted = Table(title="Checked / 已核验", title_justify="left", show_header=False)
    for name, count in verdict.counted.items():
        counted.add_row(name, f"{count:,}")
    console.print(counted)
    for fingerprint in sorted(verdict.signing_keys):
        console.print(f"signed with / 签名公钥 SHA-256: {fingerprint}", markup=False)
    for finding in verdict.findings[:FINDINGS_SHOWN]:
        meaning = MEANINGS[finding.kind]
        console.print(f"{finding.kind} {meaning.zh} / {meaning.en}", style="red", markup=False)
        console.print(f"  {finding.where}\n  {finding.detail}", markup=False)
    more = len(verdict.findings) - FINDINGS_SHOWN
    if more > 0:
        console.print(f"... and {more} more / 另有 {more} 项")
    if verdict.is_sound:
        console.print("audit: OK · 全部一致")
    elif verdict.findings:
        console.print(
            f"audit: FAILED · {len(verdict.findings)} findings / 发现 {len(verdict.findings)} 项"
        )
    else:
        console.print("audit: FAILED · there is no journal here / 没有日志可核验")
