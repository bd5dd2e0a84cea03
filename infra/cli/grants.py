"""`huimin grant`: list persons from a file, approve the list, carry it out, see results."""

from __future__ import annotations

import csv
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final

import typer
import urllib3
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from functions.grant.messages import PERSONS_PER_CALL
from functions.shared.domain.business_time import business_date
from functions.shared.domain.grants import PARTS
from infra.api_client import ApiClient, ApiRefused
from infra.cli.persons_file import PersonLine, PersonsFileRefused, read_persons

app = typer.Typer(
    help="Vouchers for persons whom the bureau names / 定向发放.", no_args_is_help=True
)
console = Console(highlight=False)

ROWS_PER_STEP: Final = 100
# A part that meets contention again and again is left for the next run.
PATIENCE: Final = 5
PAUSE_S: Final = 0.5

Campaign = Annotated[str, typer.Argument(help="Id of the campaign.", metavar="CAMPAIGN")]
GrantId = Annotated[str, typer.Argument(help="Id of the grant, chosen by you.", metavar="GRANT")]
Url = Annotated[
    str,
    typer.Option(
        envvar="HUIMIN_API_URL", help="The API with its stage, as https://…/live.", metavar="URL"
    ),
]
Region = Annotated[str, typer.Option(envvar="AWS_REGION", help="Region of the API.")]


@app.command(
    name="list",
    epilog="Example: [bold]huimin grant list spring-2026 elders persons.csv --round r1 "
    '--type gift --platform unionpay --reason "八十岁以上老人"[/bold]',
)
def list_persons(
    campaign: Campaign,
    grant: GrantId,
    file: Annotated[
        Path,
        typer.Argument(
            help="CSV in UTF-8 with the columns identity_number, phone, account, or some of them.",
            exists=True,
            dir_okay=False,
        ),
    ],
    round_id: Annotated[str, typer.Option("--round", help="Whose stock is granted.")],
    voucher_type: Annotated[str, typer.Option("--type", help="A type of distribution DIRECT.")],
    platform: Annotated[str, typer.Option(help="Where the vouchers will be redeemed.")],
    reason: Annotated[str, typer.Option(help="Why these persons; the approver reads it.")],
    url: Url,
    region: Region = "cn-north-1",
    out: Annotated[
        Path | None,
        typer.Option(help="Which line is which voucher; by default beside FILE, .listed.csv."),
    ] = None,
) -> None:
    """Put the persons of a file on a grant's list; repeat it after whatever happened / 登记名单.

    Every line is checked before the first is sent. Whoever is on the list already is not listed
    again, so that the same command goes on where an earlier one stopped.
    """
    with _told():
        lines = read_persons(file.read_bytes(), today=business_date(datetime.now(UTC)))
        with ApiClient(url, region=region) as api:
            base = _base(campaign, grant)
            body = {
                "round_id": round_id,
                "voucher_type_id": voucher_type,
                "platform_id": platform,
                "reason": reason,
            }
            api.call("PUT", base, body)
            target = out or file.with_suffix(".listed.csv")
            already = _list(api, base, lines, target)
            rows = api.call("GET", base)["rows"]
    console.print(
        f"{len(lines):,} lines, {already:,} of them listed before; {rows:,} persons are on the "
        f"list / 名单共 {rows:,} 人\nWhich line is which voucher: {target}\n"
        f"Next, by another person: huimin grant approve {campaign} {grant} --rows {rows}",
        soft_wrap=True,
    )


def _list(api: ApiClient, base: str, lines: Sequence[PersonLine], target: Path) -> int:
    """Lists everybody and writes which line is which voucher; how many were listed before."""
    already = 0
    with target.open("w", encoding="utf-8", newline="") as opened, _progress() as progress:
        writer = csv.writer(opened)
        writer.writerow(["line", "voucher_id"])
        task = progress.add_task("listed / 登记", total=len(lines))
        for start in range(0, len(lines), PERSONS_PER_CALL):
            batch = lines[start : start + PERSONS_PER_CALL]
            try:
                answer = api.call(
                    "POST", f"{base}/persons", {"persons": [dict(each.person) for each in batch]}
                )
            except ApiRefused as refused:
                _name_lines(refused, batch)
                raise
            for line, listed in zip(batch, answer["persons"], strict=True):
                writer.writerow([line.line, listed["voucher_id"]])
                already += listed["already_listed"]
            progress.advance(task, len(batch))
    return already


def _name_lines(refused: ApiRefused, batch: Sequence[PersonLine]) -> None:
    """Says which lines of the file the places in the request are."""
    for error in refused.problem.get("errors", []):
        _, _, place = str(error.get("pointer", "")).partition("/persons/")
        number = place.partition("/")[0]
        if number.isdecimal() and int(number) < len(batch):
            console.print(f"line {batch[int(number)].line}: {error['detail']}", markup=False)


@app.command(epilog="Example: [bold]huimin grant approve spring-2026 elders --rows 20000[/bold]")
def approve(
    campaign: Campaign,
    grant: GrantId,
    rows: Annotated[int, typer.Option(min=1, help="How many persons you saw on the list.")],
    url: Url,
    region: Region = "cn-north-1",
) -> None:
    """Approve the list of exactly so many persons; nothing is issued yet / 审批名单."""
    with _told(), ApiClient(url, region=region) as api:
        answer = api.call("POST", f"{_base(campaign, grant)}/approve", {"rows": rows})
    console.print(
        f"{answer['grant_id']}: {answer['state']}, by {answer['approved_by']}\n"
        f"Next: huimin grant run {campaign} {grant}",
        markup=False,
    )


@app.command(epilog="Example: [bold]huimin grant run spring-2026 elders --workers 8[/bold]")
def run(
    campaign: Campaign,
    grant: GrantId,
    url: Url,
    region: Region = "cn-north-1",
    workers: Annotated[
        int, typer.Option(min=1, max=PARTS, help="Parts that are carried out at once.")
    ] = 4,
) -> None:
    """Give everybody on an approved list a voucher; repeat it after whatever happened / 发放.

    Ends with 1 while somebody on the list is still to be decided, and says why.
    """
    with _told(), ApiClient(url, region=region, connections=workers) as api:
        base = _base(campaign, grant)
        before = api.call("GET", base)
        stopped: set[str] = set()
        with _progress() as progress:
            total, left = before["rows"], before["progress"]["left"]
            task = progress.add_task("decided / 已处理", total=total, completed=total - left)

            def one(part: int) -> None:
                stopped.update(_run_part(api, base, part, lambda n: progress.advance(task, n)))

            with ThreadPoolExecutor(workers) as pool:
                list(pool.map(one, range(PARTS)))
        told = api.call("GET", base)["progress"]
    console.print(
        f"granted {told['granted']:,}, refused {told['refused']:,}, left {told['left']:,} / "
        f"已发放 {told['granted']:,}，未予发放 {told['refused']:,}，待处理 {told['left']:,}"
    )
    if told["left"]:
        reasons = ", ".join(sorted(stopped)) or "another run that is not over"
        console.print(f"stopped by {reasons}; mend it and run the same command again")
        raise typer.Exit(1)


def _run_part(api: ApiClient, base: str, part: int, tell: Callable[[int], object]) -> set[str]:
    """Carries out a part; the codes that stopped it."""
    after: str | None = None
    busy = 0
    while True:
        body = {"part": part, "after": after, "limit": ROWS_PER_STEP}
        step = api.call("POST", f"{base}/run", body)
        done = step["granted"] + step["refused"]
        tell(done)
        after = step["after"]
        if step["stopped_by"] is None:
            busy = 0
            if after is None:
                return set()
            continue
        busy = 0 if done else busy + 1
        if step["stopped_by"] != "BUSY" or busy == PATIENCE:
            return {step["stopped_by"]}
        time.sleep(PAUSE_S * busy)


@app.command(epilog="Example: [bold]huimin grant show spring-2026 elders[/bold]")
def show(campaign: Campaign, grant: GrantId, url: Url, region: Region = "cn-north-1") -> None:
    """What is granted to how many, by whom, and how far it is / 查看进度."""
    with _told(), ApiClient(url, region=region) as api:
        answer = api.call("GET", _base(campaign, grant))
    told = answer.pop("progress")
    for name, value in (answer | told).items():
        console.print(f"{name:>16}  {'' if value is None else value}", markup=False)


@app.command(
    epilog="Example: [bold]huimin grant results spring-2026 elders --out results.csv[/bold]"
)
def results(
    campaign: Campaign,
    grant: GrantId,
    url: Url,
    region: Region = "cn-north-1",
    out: Annotated[Path, typer.Option(help="The file to write.")] = Path("results.csv"),
) -> None:
    """Write what became of everybody, by voucher; no line names a person / 导出结果."""
    count = 0
    with (
        _told(),
        ApiClient(url, region=region) as api,
        out.open("w", encoding="utf-8", newline="") as opened,
    ):
        writer = csv.writer(opened)
        writer.writerow(["voucher_id", "state", "refusal", "ended_at"])
        for row in _rows(api, _base(campaign, grant)):
            writer.writerow([row["voucher_id"], row["state"], row["refusal"], row["ended_at"]])
            count += 1
    console.print(f"{count:,} rows: {out}")


def _rows(api: ApiClient, base: str) -> Iterator[dict[str, Any]]:
    for part in range(PARTS):
        after = ""
        while True:
            page = api.call("GET", f"{base}/rows?part={part}&limit=100{after}")
            yield from page["rows"]
            if page["after"] is None:
                break
            after = f"&after={page['after']}"


def _base(campaign: str, grant: str) -> str:
    return f"/v1/admin/campaigns/{campaign}/grants/{grant}"


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
    )


@contextmanager
def _told() -> Iterator[None]:
    """Turns what can go wrong into a sentence and an exit status."""
    try:
        yield
    except (ApiRefused, PersonsFileRefused, ValueError) as error:
        console.print(str(error), style="red", markup=False, soft_wrap=True)
        raise typer.Exit(1) from None
    except urllib3.exceptions.HTTPError as error:
        console.print(
            f"no answer: {error}; what was done stays done, run the same command again",
            style="red",
            markup=False,
            soft_wrap=True,
        )
        raise typer.Exit(1) from None
