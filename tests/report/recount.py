"""An auditor's recount: every figure again, from the published CSV files and nothing else.

It imports nothing of the program under test and follows the formulas as they are printed.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal

Line = dict[str, str]
Files = Mapping[str, bytes]
"""One day's files by name."""

SIZES = ("LARGE", "MEDIUM", "SMALL", "MICRO", "SELF_EMPLOYED")


def lines_of(data: bytes) -> list[Line]:
    """A CSV file's rows."""
    return list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline="")))


def rate(numerator: int, denominator: int) -> str:
    """A fraction with four decimals, rounded half away from zero; empty without a denominator."""
    if denominator <= 0:
        return ""
    exact = Decimal(numerator) / Decimal(denominator)
    return str(exact.quantize(Decimal("0.0001"), ROUND_HALF_UP))


def _sum(lines: Iterable[Line], *columns: str) -> int:
    return sum(int(line[column]) for line in lines for column in columns)


def _distinct(days: list[list[Line]], who: str, new_in: str, dimension: str) -> int:
    """Distinct within a day by number; over days by where somebody is new."""
    if len(days) == 1 and dimension == "":
        return len({line[who] for line in days[0]})
    return sum(dimension in line[new_in].split() for lines in days for line in lines)


def figures(
    claims: list[list[Line]], entries: list[list[Line]], *, dimension: str, daily: bool
) -> dict[str, int]:
    """The additive figures of one group, from its rows by day."""
    redeemed = [[e for e in lines if e["entry_type"] == "REDEEM"] for lines in entries]
    redeems = [line for lines in redeemed for line in lines]
    refunds = [line for lines in entries for line in lines if line["entry_type"] == "REFUND"]
    claimed = [line for lines in claims for line in lines]
    new = "" if daily else dimension
    platform = ("platform_part_fen", "platform_discount_fen")
    merchant = ("merchant_part_fen", "merchant_discount_fen")
    got = {
        "issued_count": _sum(claimed, "voucher_count"),
        "issued_fen": _sum(claimed, "issued_fen"),
        "claim_users": _distinct(claims, "person_no", "person_new_in", new),
        "redeem_users": _distinct(redeemed, "person_no", "person_new_in", new),
        "redemption_count": len(redeems),
        "reversed_count": sum(line["closes"] == "1" for line in refunds),
        "redemption_fen": _sum(redeems, "voucher_fen"),
        "refunded_voucher_fen": _sum(refunds, "voucher_fen"),
        "fiscal_fen": _sum(redeems, "fiscal_part_fen"),
        "refunded_fiscal_fen": _sum(refunds, "fiscal_part_fen"),
        "platform_match_fen": _sum(redeems, *platform),
        "refunded_platform_match_fen": _sum(refunds, *platform),
        "merchant_match_fen": _sum(redeems, *merchant),
        "refunded_merchant_match_fen": _sum(refunds, *merchant),
        "order_fen": _sum(redeems, "order_fen"),
        "refunded_order_fen": _sum(refunds, "order_fen"),
        "refund_count": len(refunds),
        "refund_fen": _sum(refunds, "voucher_fen", "paid_fen"),
        "merchants_active": _distinct(redeemed, "merchant_no", "merchant_new_in", new),
    }
    got["net_redemption_count"] = got["redemption_count"] - got["reversed_count"]
    got["net_redemption_fen"] = got["redemption_fen"] - got["refunded_voucher_fen"]
    for name in ("fiscal", "platform_match", "merchant_match", "order"):
        got[f"net_{name}_fen"] = got[f"{name}_fen"] - got[f"refunded_{name}_fen"]
    return got


def as_written(got: Mapping[str, int], *, knows_issuing: bool) -> Line:
    """The figures as cells of a CSV file, with the rates."""
    cells = {name: str(value) for name, value in got.items()}
    cells["redemption_rate_count"] = rate(got["net_redemption_count"], got["issued_count"])
    cells["redemption_rate_amount"] = rate(got["net_redemption_fen"], got["issued_fen"])
    cells["pull_ratio"] = rate(got["net_order_fen"], got["net_fiscal_fen"])
    if not knows_issuing:
        issuing = ("issued_count", "issued_fen", "claim_users")
        rates = ("redemption_rate_count", "redemption_rate_amount")
        cells.update(dict.fromkeys((*issuing, *rates), ""))
    return cells


class Auditor:
    """What can be said about a day from the files of all days up to it, oldest first."""

    def __init__(self, days: Sequence[Files]) -> None:
        self.claims = [lines_of(files["claims.csv"]) for files in days]
        self.entries = [lines_of(files["entries.csv"]) for files in days]

    def group(
        self,
        scope: str,
        dimension: str,
        entry: Callable[[Line], bool],
        claim: Callable[[Line], bool] = lambda _: True,
    ) -> dict[str, int]:
        """The figures of the rows that belong to a group."""
        last = slice(-1, None) if scope == "DAILY" else slice(None)
        return figures(
            [[line for line in lines if claim(line)] for lines in self.claims[last]],
            [[line for line in lines if entry(line)] for lines in self.entries[last]],
            dimension=dimension,
            daily=scope == "DAILY",
        )

    def industry(self, scope: str, industry: str, *, sole: bool) -> Line:
        """A row of `by_industry.csv`, without its keys."""
        if industry == "ALL":
            got = self.group(scope, "CAMPAIGN", lambda _: True)
        else:
            got = self.group(scope, "INDUSTRY", lambda line: line["industry"] == industry)
            # With one industry the claimants of the campaign are those of the industry.
            got["claim_users"] = self.group(scope, "CAMPAIGN", lambda _: True)["claim_users"]
        cells = as_written(got, knows_issuing=sole or industry == "ALL")
        for size in SIZES:
            active = self.size(scope, industry, size)["merchants_active"]
            cells[f"merchants_{size.lower()}"] = str(active)
        return cells

    def size(self, scope: str, industry: str, size: str) -> dict[str, int]:
        """The figures of a size class, in one industry or in ALL."""
        if industry == "ALL":
            return self.group(scope, "SIZE_CLASS", lambda line: line["size_class"] == size)
        return self.group(
            scope,
            "INDUSTRY_SIZE_CLASS",
            lambda line: (line["industry"], line["size_class"]) == (industry, size),
        )

    def platform(self, scope: str, platform_id: str) -> Line:
        """A row of `by_platform.csv`, without its keys."""

        def of_it(line: Line) -> bool:
            return line["platform_id"] == platform_id

        return as_written(self.group(scope, "PLATFORM", of_it, of_it), knows_issuing=True)

    def voucher_type(self, scope: str, type_id: str) -> Line:
        """A row of `by_voucher_type.csv`, without its keys and the floor that the rules set."""

        def of_it(line: Line) -> bool:
            return line["voucher_type_id"] == type_id

        return as_written(self.group(scope, "VOUCHER_TYPE", of_it, of_it), knows_issuing=True)

    def net_of_cohort(self, redeemed_on: str, *, industry: str | None, until: int) -> int:
        """Net voucher money redeemed on a date, as known after the first `until` days."""
        return sum(
            int(line["voucher_fen"]) * (1 if line["entry_type"] == "REDEEM" else -1)
            for lines in self.entries[:until]
            for line in lines
            if line["redeemed_on"] == redeemed_on
            and line["industry"] == (industry or line["industry"])
        )
