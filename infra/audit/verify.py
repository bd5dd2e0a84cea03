"""All that the verifier does, and what it has looked at."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import Protocol, TypeVar

from functions.shared.domain.business_time import business_date
from functions.shared.domain.campaign import Campaign
from functions.shared.domain.campaign_reader import campaign_from_document
from functions.shared.domain.errors import HuiminError
from functions.shared.files.manifest import Manifest
from infra.audit.book import Book
from infra.audit.chain import Chain
from infra.audit.findings import Finding, Kind
from infra.audit.matches import Matches
from infra.audit.proofs import PROOF, check_reach
from infra.audit.published import Published
from infra.audit.registers import Registers
from infra.audit.reports import Reports
from infra.audit.seals import Seals
from infra.audit.sets import Sets
from infra.audit.sources import Source

T = TypeVar("T")


class Track(Protocol):
    """Shows how far something is."""

    def __call__(self, items: Iterable[T], what: str, total: int, /) -> Iterable[T]:
        """Passes items on, showing under these words how many of the total are through."""


def untracked(items: Iterable[T], _what: str, _total: int) -> Iterable[T]:
    """Shows nothing."""
    return items


@dataclass(slots=True)
class Verdict:
    """What was looked at, by name, what was found, and the fingerprints of the keys that signed."""

    counted: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    findings: list[Finding] = field(default_factory=list)
    signing_keys: set[str] = field(default_factory=set)

    @property
    def is_sound(self) -> bool:
        """Whether nothing was found, in something that was there."""
        return not self.findings and self.counted["journal days"] > 0


def verify_all(
    source: Source, track: Track = untracked, *, signing_keys: Iterable[bytes] = ()
) -> Verdict:
    """Verifies every set of files and recomputes every campaign from its journal.

    Args:
        source: the files.
        track: shows how far it is.
        signing_keys: public keys in PEM that alone may have signed; none for whatever key there is.

    Raises:
        ValueError: one of them is no RSA public key.

    """
    verdict, seals = Verdict(), Seals(signing_keys)
    sets = Sets(source, lambda keys: track(keys, "files", len(keys)))
    verdict.findings += sets.check()
    verdict.counted |= {"manifests": len(sets.manifests), "files": sets.files}
    journals: defaultdict[str, dict[str, Manifest]] = defaultdict(dict)
    for prefix, manifest in sets.manifests.items():
        if manifest.kind == "journal":
            journals[str(manifest.inputs.get("campaign_id"))][prefix] = manifest
    verdict.counted["journal days"] = sum(map(len, journals.values()))
    told = {
        str(manifest.inputs.get("campaign_id"))
        for manifest in sets.manifests.values()
        if manifest.kind == "settlement"
    }
    for campaign_id in sorted(told - journals.keys()):
        detail = "it was settled, and has no journal"
        verdict.findings.append(Finding(Kind.DAY_MISSING, campaign_id, detail))
    registers = Registers(sets.manifests, source)
    for campaign_id, days in sorted(journals.items()):
        read = _verify_campaign(campaign_id, days, sets, source, verdict, track, seals)
        if read is not None:
            registers.add(*read)
    verdict.counted["signatures"] = seals.count
    verdict.signing_keys = seals.fingerprints
    matches = Matches(sets.manifests, source)
    for day in track(matches.days, "bills", len(matches.days)):
        verdict.findings += matches.check(day)
    verdict.counted["rows matched"] = matches.rows
    for folder in track(registers.folders, "registers of breaks", len(registers.folders)):
        verdict.findings += registers.check(folder)
    verdict.counted["open breaks listed"] = registers.rows
    return verdict


def _verify_campaign(
    campaign_id: str,
    days: dict[str, Manifest],
    sets: Sets,
    source: Source,
    verdict: Verdict,
    track: Track,
    seals: Seals,
) -> tuple[Book, date] | None:
    """The campaign's book, and the last day of its journal; None where there is none to read."""
    chain = Chain(campaign_id, days, source)
    book: Book | None = None
    reports: Reports | None = None
    counted_at = [m.cutoff_at for m in sets.manifests.values() if m.kind == PROOF]
    lines = sum(entry.rows for of_day in days.values() for entry in of_day.files)
    for where, change in track(chain.changes(sorted(days)), campaign_id, lines):
        if book is None:
            campaign = _campaign(chain.document, campaign_id, verdict)
            if campaign is None:
                break
            book = Book(campaign, counted_at)
            reports = Reports(book, sets.manifests, source)
        verdict.findings += book.enter(where, change)
        if reports is not None:
            verdict.findings += reports.note(change)
    verdict.findings += chain.findings
    verdict.counted["journal lines"] += chain.lines
    if book is None or reports is None or chain.last_day is None:
        return None
    verdict.findings += book.end()
    verdict.findings += reports.end(chain.last_day)
    ends_on = business_date(book.campaign.books_end_at)
    reach = check_reach(campaign_id, sets.manifests, source, chain.last_day, ends_on)
    verdict.findings += reach
    published = Published(campaign_id, book, sets.manifests, source, chain.last_day, seals)
    verdict.findings += published.check()
    for name, count in (
        ("vouchers", len(book.vouchers)),
        ("redemptions", len(book.orders)),
        ("settlements", published.settlements),
        ("payouts", published.payouts),
        ("reports", reports.count),
        ("decisions on breaks", book.decisions.count),
        ("fund returns", len(book.payables.returns)),
    ):
        verdict.counted[name] += count
    return book, chain.last_day


def _campaign(document: bytes | None, campaign_id: str, verdict: Verdict) -> Campaign | None:
    try:
        return campaign_from_document(json.loads(document or b""))
    except (ValueError, LookupError, TypeError, HuiminError) as error:
        detail = f"campaign.json cannot be read: {error}"[:200]
        verdict.findings.append(Finding(Kind.DOCUMENT, campaign_id, detail))
        return None
