"""The demonstration as its user sees it: progress, what was done, the proofs, and the verdict."""

from __future__ import annotations

import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import track
from rich.table import Table

from functions.reconcile.invariants import recount
from functions.reconcile.stores import MoneyStores
from functions.shared.domain.invariants import Check
from functions.shared.edge import telemetry
from functions.shared.files.csv_in import read_csv
from functions.shared.files.manifest import Manifest, verify
from functions.shared.store.connection import Database
from functions.shared.store.objects import ObjectStore
from functions.shared.store.signing import Signer
from infra.audit.sources import Folder
from infra.audit.verify import verify_all
from infra.local.clock import LocalClock
from infra.local.demo.play import BEFORE, Play
from infra.local.demo.scene import DemoFailed
from infra.local.engine import FILES_BUCKET, SIGNING_KEY, TABLE_PREFIX
from infra.local.stack import LocalStack

MANIFEST = "manifest.json"
MARK = ".huimin-demo"
# What the platforms' bills were made wrong by, and nothing else.
PLANTED_BREAKS = {"AMOUNT_DIFFERS": 1, "LEDGER_ONLY": 1}


def show_demo(out: Path) -> int:
    """Plays the demonstration into a folder; 0 when everything is as it must be, else 1."""
    console = Console(highlight=False)
    started = time.monotonic()
    try:
        _clear(out)
        telemetry.silence()
        with LocalStack(LocalClock(BEFORE)) as stack:
            play = Play(stack, progress=_progress(console), say=console.print)
            play.run()
            checks = _recount(play)
            news = _require_told(stack.news(), play)
            files = stack.download(out)
        _show_checks(checks, console)
        sets = _verify_sets(out, console)
        lines = _require_audited(out)
        _require_planted_breaks(out)
    except DemoFailed as failure:
        console.print(f"demo: FAILED: {failure}", style="red", markup=False, soft_wrap=True)
        return 1
    finally:
        telemetry.write_to(None)
    seconds = time.monotonic() - started
    console.print(
        f"demo: OK · {play.issued} vouchers issued, {play.redeemed} redemptions, "
        f"{play.refunds} refunds, {sum(play.refusals.values())} refusals of "
        f"{len(play.refusals)} kinds, {len(checks)} invariants hold, {news} pieces of news, "
        f"{sets} manifests verified, {lines} journal lines audited, "
        f"{files} files in {out}/ · {seconds:.0f} s",
        soft_wrap=True,
    )
    return 0


def _clear(out: Path) -> None:
    """Makes the folder, or empties what an earlier run made; nobody else's files are touched."""
    if out.exists():
        if any(out.iterdir()) and not (out / MARK).exists():
            raise DemoFailed(f"{out}/ holds files that no demo made; name another with --out")
        shutil.rmtree(out)
    out.mkdir(parents=True)
    (out / MARK).touch()


def _progress(console: Console) -> Callable[[Iterable[Any], str], Iterable[Any]]:
    def progress(items: Iterable[Any], what: str) -> Iterable[Any]:
        return track(items, description=f"{what:<14}", console=console, transient=True)

    return progress


def _recount(play: Play) -> list[Check]:
    stores = MoneyStores.of(Database(TABLE_PREFIX), ObjectStore(FILES_BUCKET), Signer(SIGNING_KEY))
    return recount(play.document["campaign_id"], stores)


def _require_told(news: list[dict[str, Any]], play: Play) -> int:
    """Everything that was issued, redeemed and refunded has been told, once."""
    kinds = Counter(event["type"] for event in news)
    told = {
        "huimin.voucher.claimed": play.issued,
        "huimin.ledger.redeemed": play.redeemed,
        "huimin.ledger.refunded": play.refunds,
    }
    found = {kind: kinds[kind] for kind in told}
    if found != told or len({event["id"] for event in news}) != len(news):
        raise DemoFailed(f"news: {told} were done, {found} told")
    return len(news)


def _show_checks(checks: list[Check], console: Console) -> None:
    table = Table(title="Invariants, recounted from the tables", title_justify="left")
    for heading in ("", "promise", "drift, fen"):
        table.add_column(heading, justify="right" if heading.startswith("drift") else "left")
    for check in checks:
        table.add_row("OK" if check.holds else "BROKEN", check.promise.en, f"{check.drift_fen:,}")
    console.print(table)
    broken = [check.name for check in checks if not check.holds]
    if broken:
        raise DemoFailed(f"broken: {', '.join(broken)}")


def _verify_sets(out: Path, console: Console) -> int:
    """Reads every manifest and every file that it names; what no manifest names must be a bill."""
    named: set[Path] = set()
    manifests = sorted(out.rglob(MANIFEST))
    for place in track(manifests, "verifying".ljust(14), console=console, transient=True):
        manifest = Manifest.from_bytes(place.read_bytes())
        findings = verify(manifest, partial(_read, place.parent))
        if findings:
            raise DemoFailed(f"{place}: {findings}")
        named |= {place, *(place.parent / entry.name for entry in manifest.files)}
    stray = [
        path
        for path in out.rglob("*")
        if path.is_file() and path not in named and path.relative_to(out).parts[0] != "bills"
    ]
    if stray != [out / MARK]:
        raise DemoFailed(f"files that no manifest names: {stray}")
    return len(manifests)


class _Altered(Folder):
    """The same files, with one byte of a journal changed."""

    def read(self, key: str) -> bytes:
        """A file's bytes, all of them but one."""
        data = bytearray(super().read(key))
        if key.endswith("journal.jsonl"):
            data[len(data) // 2] ^= 1
        return bytes(data)

    def parts(self, key: str) -> Iterator[bytes]:
        """The same."""
        return iter([self.read(key)])


def _require_audited(out: Path) -> int:
    """The auditors' verifier passes on the files, and fails where a byte of them is changed."""
    verdict = verify_all(Folder(out))
    if not verdict.is_sound:
        raise DemoFailed(f"audit: {[str(finding) for finding in verdict.findings[:5]]}")
    if verify_all(_Altered(out)).is_sound:
        raise DemoFailed("audit: a changed byte was not found")
    return verdict.counted["journal lines"]


def _read(folder: Path, name: str) -> bytes:
    return (folder / name).read_bytes()


def _require_planted_breaks(out: Path) -> None:
    """The breaks in the statements are those that were planted, and no others."""
    found: Counter[str] = Counter()
    for place in out.glob("settlements/**/breaks.csv"):
        header = place.read_text("utf-8-sig").split("\n", 1)[0].split(",")
        for _, row in read_csv(place.read_bytes(), header):
            found[row["match_state"]] += 1
    if found != PLANTED_BREAKS:
        raise DemoFailed(f"breaks: {PLANTED_BREAKS} were planted, {dict(found)} found")
