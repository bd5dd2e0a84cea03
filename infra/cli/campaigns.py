"""`huimin campaign`: check a campaign document before it is published, and try it on orders."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console

from functions.shared.domain.business_time import SHANGHAI
from functions.shared.domain.campaign import Campaign, VoucherType
from functions.shared.domain.errors import HuiminError
from functions.shared.domain.orders import Order
from functions.shared.edge.languages import Words
from infra.cli.campaign_explain import Step, Till, explain
from infra.cli.campaign_file import DocumentRefused, read_campaign
from infra.cli.campaign_summary import summary

app = typer.Typer(help="Campaign documents / 活动文档.", no_args_is_help=True)
console = Console(highlight=False, soft_wrap=True)

LANGUAGES: Final = ("zh", "en", "both")

File = Annotated[
    Path, typer.Argument(help="The campaign document, JSON.", exists=True, dir_okay=False)
]
Lang = Annotated[str, typer.Option("--lang", help="zh, en or both.", metavar="LANG")]


@app.command(epilog="Example: [bold]huimin campaign check campaigns/shijingshan-2026.json[/bold]")
def check(file: File, lang: Lang = "both") -> None:
    """Name every fault of a document; or, where it has none, its rules on one page / 检查活动文档.

    A document that passes is taken by the API as it stands. Ends with 1 where it has a fault.
    """
    campaign = _campaign(file, lang)
    for depth, words in summary(campaign):
        if not depth:
            console.print()
        for line in _lines(words, lang):
            console.print("  " * depth + line, markup=False, style="bold" if not depth else None)


@app.command(
    name="explain",
    epilog="Example: [bold]huimin campaign explain campaigns/shijingshan-2026.json "
    "--order 320 --merchant-discount 30 --refund 50[/bold]",
)
def explain_order(
    file: File,
    order: Annotated[str, typer.Option(help="Price of the goods, yuan.", metavar="YUAN")],
    merchant_discount: Annotated[
        str, typer.Option(help="What the merchant takes off, yuan.", metavar="YUAN")
    ] = "0",
    platform_discount: Annotated[
        str, typer.Option(help="What the platform takes off, yuan.", metavar="YUAN")
    ] = "0",
    voucher_type: Annotated[
        str, typer.Option("--type", help="Only this voucher type.", metavar="TYPE")
    ] = "",
    industry: Annotated[
        str, typer.Option(help="The merchant's; the campaign's first by default.")
    ] = "",
    platform: Annotated[str, typer.Option(help="Through which it is paid.")] = "",
    claimed_at: Annotated[
        str, typer.Option(help="When the voucher was claimed, as 2026-01-03T10:00.", metavar="TIME")
    ] = "",
    at: Annotated[
        str, typer.Option(help="When the order is paid, in Beijing.", metavar="TIME")
    ] = "",
    refund: Annotated[
        list[str] | None,
        typer.Option(help="A refund of so many yuan afterwards; may be repeated.", metavar="YUAN"),
    ] = None,
    lang: Lang = "both",
) -> None:
    """Show step by step what each voucher type would do to an order / 逐步说明一笔订单如何用券."""
    campaign = _campaign(file, lang)
    till = Till(
        industry=industry or campaign.scope.industries[0],
        platform_id=platform or campaign.platform_ids[0],
        claimed_at=_time(claimed_at, "--claimed-at"),
        at=_time(at, "--at"),
    )
    priced = _order(order, merchant_discount, platform_discount, lang)
    refunds_fen = [_fen(text, "--refund") for text in refund or ()]
    for each in _types(campaign, voucher_type):
        console.print()
        for line in _lines(Words(each.name.en, each.name.zh), lang):
            console.print(f"{line} ({each.voucher_type_id})", markup=False, style="bold")
        _show(explain(campaign, each, priced, till, refunds_fen), lang)


def _show(steps: Iterable[Step], lang: str) -> None:
    marks = {True: ("✓", "green"), False: ("✗", "red"), None: ("·", None)}
    for step in steps:
        mark, style = marks[step.is_met]
        for number, line in enumerate(_lines(step.words, lang)):
            console.print(f"  {mark if not number else ' '} {line}", markup=False, style=style)


def _campaign(file: Path, lang: str) -> Campaign:
    if lang not in LANGUAGES:
        raise typer.BadParameter(f"must be one of {', '.join(LANGUAGES)}", param_hint="--lang")
    try:
        return read_campaign(file.read_bytes())
    except DocumentRefused as refused:
        for pointer, english, chinese in refused.faults:
            for number, line in enumerate(_lines(Words(english, chinese), lang)):
                head = (pointer or "/") if not number else " " * len(pointer or "/")
                console.print(f"{head}  {line}", markup=False, style="red")
        raise typer.Exit(1) from None


def _order(order: str, merchant: str, platform: str, lang: str) -> Order:
    amounts = {
        "order_fen": _fen(order, "--order"),
        "merchant_discount_fen": _fen(merchant, "--merchant-discount"),
        "platform_discount_fen": _fen(platform, "--platform-discount"),
    }
    try:
        return Order(**amounts)
    except (HuiminError, ValueError) as error:
        words = Words(f"the order cannot be: {error}", f"订单不成立：{error}")
        for line in _lines(words, lang):
            console.print(line, markup=False, style="red")
        raise typer.Exit(1) from None


def _types(campaign: Campaign, voucher_type_id: str) -> tuple[VoucherType, ...]:
    if not voucher_type_id:
        return campaign.voucher_types
    found = campaign.voucher_type(voucher_type_id)
    if found is None:
        known = ", ".join(each.voucher_type_id for each in campaign.voucher_types)
        raise typer.BadParameter(f"there are {known}", param_hint="--type")
    return (found,)


def _fen(text: str, option: str) -> int:
    match = re.fullmatch(r"([0-9]{1,9})(?:\.([0-9]{1,2}))?", text)
    if match is None:
        raise typer.BadParameter("must be yuan, as 320 or 320.50", param_hint=option)
    return int(match[1]) * 100 + int((match[2] or "").ljust(2, "0"))


def _time(text: str, option: str) -> datetime | None:
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter("must be a time, as 2026-01-03T10:00", param_hint=option) from None
    return at if at.tzinfo else at.replace(tzinfo=SHANGHAI)


def _lines(words: Words, lang: str) -> list[str]:
    return {"zh": [words.zh], "en": [words.en], "both": [words.zh, words.en]}[lang]
