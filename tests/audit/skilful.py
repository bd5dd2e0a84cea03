"""Skilful edits: every hash, root and manifest is made right again; only the sums tell."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from functions.shared.domain.journal import Change
from functions.shared.files.json_out import canonical
from functions.shared.files.manifest import Manifest
from infra.audit.findings import Kind
from tests.audit.forger import Forger, copied, dropped, edited, find, told
from tests.audit.places import (
    BY_PLATFORM,
    BY_SIZE,
    DETAIL,
    DIFFERS,
    ENTRIES,
    MATCH,
    OPEN_BREAKS,
    PAID,
    PAYMENT,
    PAYOUT,
    PROOF,
    REPORT,
    RETURN,
    STATEMENT,
)
from tests.audit.season import CAMPAIGN

_EXPONENT = 65_537


def _other_rules(forger: Forger) -> None:
    """Every voucher was a fen more, says the document, and every day names that document."""
    path = forger.days[0] / "campaign.json"
    document = json.loads(path.read_bytes())
    document["voucher_types"][0]["face_fen"] += 1
    path.write_bytes(canonical(document))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()

    def edit(days: list[list[Change]]) -> None:
        for changes in days:
            data = {**changes[0].data, "document_sha256": digest}
            changes[0] = replace(changes[0], data=data)

    forger.forge(edit)


def _moved(days: list[list[Change]]) -> None:
    """A redemption of the first day is written on the second, with its own time."""
    changes, place = find(days, "ledger.redeemed")
    days[1].append(changes.pop(place))


def _of_another(days: list[list[Change]]) -> None:
    """The first voucher is said to be the second claimant's, who has one of the type."""
    changes, place = find(days, "voucher.claimed", 2)
    told("voucher.claimed", persons=changes[place].data["persons"])(days)


def _return_more(forger: Forger) -> None:
    forger.forge(edited("fund.returned", to_return_fen=100))
    forger.edit_json(RETURN, lambda d: d["rows"][0].update(to_return_fen=999))


MONEY = {"voucher_fen": 1, "fiscal_part_fen": 1, "paid_fen": -1}


def _message_astray(forger: Forger) -> None:
    path = (forger.folder / PAYMENT).parent / "pain.001.xml"
    head, found, tail = path.read_text().partition("<CdtrAcct>")
    assert found
    account = tail.partition("<Othr>")[2].partition("<Id>")[2].partition("</Id>")[0]
    path.write_text(head + found + tail.replace(account, "6222000000000000000", 1))
    forger.describe_again(path.parent)


def _edit_a_refund(forger: Forger) -> None:
    """Another amount in the first detail that has a refund."""

    def edit(rows: list[dict[str, str]]) -> None:
        next(row for row in rows if row["entry_type"] == "REFUND")["voucher_fen"] = "1"

    details = sorted(forger.folder.glob("settlements/*/*/*/v1/detail.csv"))
    place = next(path for path in details if "\nREFUND," in path.read_text())
    forger.edit_rows(str(place.relative_to(forger.folder)), edit)


def _counted(document: dict[str, Any]) -> dict[str, int]:
    """Where a proof says that the money is."""
    found: dict[str, int] = document["campaigns"][CAMPAIGN][0]["counted"]
    return found


def _issue_one_more(forger: Forger) -> None:
    """A unit of every pool; what is available and allocated is made right again."""

    def edit(document: dict[str, Any]) -> None:
        for pool in document["pools"][CAMPAIGN]:
            pool["issued"] += 1
            pool["allocated"] += 1

    forger.edit_json(PROOF, edit)


def _hide_with_vouchers(forger: Forger) -> None:
    """The sum is right, but more is set aside than vouchers are out."""

    def edit(document: dict[str, Any]) -> None:
        _counted(document)["unallocated_fen"] -= 100
        _counted(document)["outstanding_fen"] += 100

    forger.edit_json(PROOF, edit)


def _hide_below_zero(forger: Forger) -> None:
    """The sum is right, since something is below zero."""

    def edit(document: dict[str, Any]) -> None:
        moved = _counted(document)["unallocated_fen"] + 1
        _counted(document)["unallocated_fen"] -= moved
        _counted(document)["slack_fen"] += moved

    forger.edit_json(PROOF, edit)


def _bill(forger: Forger) -> str:
    """The key of the bill that MATCH is against."""
    manifest = Manifest.from_bytes((forger.folder / MATCH).with_name("manifest.json").read_bytes())
    return str(manifest.inputs["bill_object"])


def _broken(rows: list[dict[str, str]]) -> dict[str, str]:
    return next(row for row in rows if row["match_state"] == "AMOUNT_DIFFERS")


def _of_order(rows: list[dict[str, str]], order_no: str) -> dict[str, str]:
    return next(row for row in rows if row["order_no"] == order_no)


def _edit_the_statement(forger: Forger) -> None:
    forger.edit_set(PAYMENT, "statement.html", lambda data: data.replace(b"li.na", b"li.mu"))


def another_key() -> tuple[rsa.RSAPrivateKey, bytes]:
    """A key of the forger's own, and its public part."""
    key = rsa.generate_private_key(_EXPONENT, 2_048)
    encoding, form = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    return key, key.public_key().public_bytes(encoding, form)


def _edit_the_page(forger: Forger) -> None:
    path = forger.folder / Path(REPORT).parent / "report.html"
    path.write_text(path.read_text().replace("2,000.00", "2,001.00", 1) + " ")
    forger.describe_again(path.parent)


def _add_to_the_report(forger: Forger) -> None:
    folder = forger.folder / Path(REPORT).parent
    (folder / "more.csv").write_bytes(b"")
    manifest = Manifest.from_bytes((folder / "manifest.json").read_bytes())
    entry = replace(manifest.files[-1], name="more.csv")
    more = replace(manifest, files=(*manifest.files, entry))
    (folder / "manifest.json").write_bytes(more.to_bytes())
    forger.describe_again(folder)


def _drawn_otherwise(days: list[list[Change]]) -> None:
    """A fen from one statement to the other."""
    changes, place = find(days, "payout.drawn")
    lines = [list(line) for line in changes[place].data["statements"]]
    lines[0][2], lines[1][2] = lines[0][2] - 1, lines[1][2] + 1
    told("payout.drawn", statements=lines)(days)


SKILFUL: dict[str, tuple[Callable[[Forger], object], set[Kind]]] = {
    "a voucher worth a fen more": (
        lambda f: f.forge(edited("ledger.redeemed", **MONEY)),
        {Kind.ENTRY, Kind.SETTLEMENT, Kind.FIGURES},
    ),
    "a part that another pays": (
        lambda f: f.forge(edited("ledger.redeemed", 5, fiscal_part_fen=-1, merchant_part_fen=1)),
        {Kind.ENTRY, Kind.SETTLEMENT},
    ),
    "amounts that do not close": (
        lambda f: f.forge(edited("ledger.redeemed", order_fen=1)),
        {Kind.ENTRY},
    ),
    "a refund that takes a fen less from the voucher": (
        lambda f: f.forge(
            edited("ledger.refunded", voucher_fen=-1, fiscal_part_fen=-1, paid_fen=1)
        ),
        {Kind.ENTRY, Kind.SETTLEMENT},
    ),
    "a refund of more than there was": (
        lambda f: f.forge(edited("ledger.refunded", refund_fen=10**6)),
        {Kind.ENTRY},
    ),
    "an adjusting entry of a fen less": (
        lambda f: f.forge(edited("ledger.adjusted", fiscal_part_fen=-1)),
        {Kind.ENTRY, Kind.SETTLEMENT, Kind.RETURN},
    ),
    "an adjusting entry of what no bill says": (
        lambda f: f.forge(edited("ledger.adjusted", bill_fen=-1, fiscal_part_fen=-1)),
        {Kind.SETTLEMENT, Kind.RETURN},
    ),
    "an adjusting entry against what was not booked": (
        lambda f: f.forge(edited("ledger.adjusted", ledger_fen=-1, bill_fen=-1)),
        {Kind.ENTRY},
    ),
    "an adjusting entry of more than a voucher": (
        lambda f: f.forge(edited("ledger.adjusted", bill_fen=10**6, fiscal_part_fen=10**6)),
        {Kind.ENTRY, Kind.FUNDS},
    ),
    "an adjusting entry less": (
        lambda f: f.forge(dropped("ledger.adjusted")),
        {Kind.SETTLEMENT, Kind.RETURN, Kind.INVARIANTS},
    ),
    "an adjusting entry twice": (
        lambda f: f.forge(copied("ledger.adjusted", "b_x.000003")),
        {Kind.ENTRY, Kind.SETTLEMENT},
    ),
    "a reversal less": (
        lambda f: f.forge(dropped("ledger.adjusted", 2)),
        {Kind.SETTLEMENT, Kind.RETURN},
    ),
    "a reversal of a fen more": (
        lambda f: f.forge(edited("ledger.adjusted", 2, fiscal_part_fen=1)),
        {Kind.ENTRY, Kind.SETTLEMENT, Kind.RETURN},
    ),
    "a redemption less": (
        lambda f: f.forge(dropped("ledger.redeemed")),
        {Kind.SETTLEMENT, Kind.FIGURES},
    ),
    "a redemption twice": (
        lambda f: f.forge(
            copied("ledger.redeemed", "r_x.redeem", redemption_id="r_x", order_no="o-x")
        ),
        {Kind.ENTRY, Kind.SETTLEMENT, Kind.FIGURES},
    ),
    "a refund less": (lambda f: f.forge(dropped("ledger.refunded")), {Kind.SETTLEMENT}),
    "a claim that nobody made": (
        lambda f: f.forge(copied("voucher.claimed", "v_x.0000")),
        {Kind.LIMIT, Kind.FIGURES},
    ),
    "a claim less": (lambda f: f.forge(dropped("voucher.claimed")), {Kind.VOUCHER, Kind.FIGURES}),
    "a claim twice": (
        lambda f: f.forge(lambda days: copied("voucher.claimed", days[0][1].change_id)(days)),
        {Kind.VOUCHER},
    ),
    "an expiry less": (
        lambda f: f.forge(dropped("voucher.expired")),
        {Kind.RETURN},
    ),
    "another reserve": (
        lambda f: f.forge(edited("voucher.claimed", reserve_fen=-1)),
        {Kind.VOUCHER},
    ),
    "more set aside than there is": (
        lambda f: f.forge(edited("voucher.claimed", reserve_fen=10**9)),
        {Kind.FUNDS},
    ),
    "a voucher of another person": (lambda f: f.forge(_of_another), {Kind.LIMIT}),
    "a redemption on another day": (lambda f: f.forge(_moved), {Kind.ORDER}),
    "a statement of another amount": (
        lambda f: f.edit_json(STATEMENT, lambda d: d["rows"][-1].update(fiscal_fen=1)),
        {Kind.SETTLEMENT},
    ),
    "a detail's line of a fen more": (
        lambda f: f.edit_rows(DETAIL, lambda rows: rows[0].update(settled_fen="1")),
        {Kind.SETTLEMENT},
    ),
    "a detail's line of another merchant": (
        lambda f: f.edit_rows(DETAIL, lambda rows: rows[0].update(merchant_id="another-shop")),
        {Kind.SETTLEMENT},
    ),
    "a detail's line less": (
        lambda f: f.edit_rows(DETAIL, lambda rows: rows.pop()),
        {Kind.SETTLEMENT},
    ),
    "a detail's line in another's place": (
        lambda f: f.edit_rows(DETAIL, lambda rows: rows.__setitem__(0, rows[1])),
        {Kind.SETTLEMENT},
    ),
    "a refund in a detail of another amount": (
        _edit_a_refund,
        {Kind.SETTLEMENT},
    ),
    "a statement's line of another amount": (
        lambda f: f.forge(edited("settlement.made", payable_fen=5)),
        {Kind.SETTLEMENT},
    ),
    "a bill of a fen more": (
        lambda f: f.edit_bytes(_bill(f), lambda data: data.replace(b",2000,", b",2001,", 1)),
        {Kind.MATCH},
    ),
    "a bill gone": (lambda f: (f.folder / _bill(f)).unlink(), {Kind.MATCH}),
    "a row of the match of another amount": (
        lambda f: f.edit_rows(MATCH, lambda rows: rows[0].update(bill_voucher_fen="1")),
        {Kind.MATCH},
    ),
    "a row of the match at another time": (
        lambda f: f.edit_rows(
            MATCH, lambda rows: rows[0].update(ledger_at="2026-01-06T02:00:00.123Z")
        ),
        {Kind.MATCH},
    ),
    "a row that agrees although it does not": (
        lambda f: f.edit_rows(DIFFERS, lambda rows: _broken(rows).update(match_state="MATCHED")),
        {Kind.MATCH},
    ),
    "a row of another difference": (
        lambda f: f.edit_rows(DIFFERS, lambda rows: _broken(rows).update(difference_fen="0")),
        {Kind.MATCH},
    ),
    "a row of another break": (
        lambda f: f.edit_rows(DIFFERS, lambda rows: _broken(rows).update(break_id="b_x")),
        {Kind.MATCH},
    ),
    "a row of the match less": (
        lambda f: f.edit_rows(MATCH, lambda rows: rows.pop()),
        {Kind.MATCH},
    ),
    "a row of the match twice": (
        lambda f: f.edit_rows(MATCH, lambda rows: rows.append(rows[0])),
        {Kind.MATCH},
    ),
    "a row of the match that is none": (
        lambda f: f.edit_rows(MATCH, lambda rows: rows[0].update(match_state="FINE")),
        {Kind.MATCH},
    ),
    "a voucher billed once more that is said to be new": (
        lambda f: f.edit_rows(
            MATCH, lambda rows: _of_order(rows, "ghost-2").update(match_state="BILL_ONLY")
        ),
        {Kind.MATCH},
    ),
    "an order nobody booked that is said to be billed once more": (
        lambda f: f.edit_rows(
            MATCH, lambda rows: _of_order(rows, "ghost-1").update(match_state="DUPLICATE")
        ),
        {Kind.MATCH},
    ),
    "a break less": (
        lambda f: f.edit_rows(DIFFERS.replace("reconciliation", "breaks"), lambda rows: rows.pop()),
        {Kind.MATCH},
    ),
    "a figure of the report": (
        lambda f: f.edit_json(REPORT, lambda d: d["rows"][0].update(redemption_count=99)),
        {Kind.FIGURES},
    ),
    "a figure by platform": (
        lambda f: f.edit_json(
            BY_PLATFORM,
            lambda d: d["rows"][0].update(net_fiscal_fen=d["rows"][0]["fiscal_fen"] + 1),
        ),
        {Kind.FIGURES},
    ),
    "a figure for machines": (
        lambda f: f.edit_rows(BY_SIZE, lambda rows: rows[0].update(merchants_active="77")),
        {Kind.FIGURES},
    ),
    "a row of the report's": (
        lambda f: f.edit_rows(ENTRIES, lambda rows: rows[0].update(industry="retail")),
        {Kind.FIGURES},
    ),
    "a row of the report's less": (
        lambda f: f.edit_rows(ENTRIES, lambda rows: rows.pop()),
        {Kind.FIGURES},
    ),
    "open breaks that the register does not have": (
        lambda f: f.edit_json(OPEN_BREAKS, lambda d: d["rows"].append(d["rows"][0])),
        {Kind.FIGURES},
    ),
    "a page of other figures": (_edit_the_page, {Kind.FIGURES}),
    "a report's file that is none": (_add_to_the_report, {Kind.FIGURES}),
    "a report of a day of which the journal knows another merchant": (
        lambda f: f.forge(told("ledger.redeemed", industry="retail")),
        {Kind.FIGURES},
    ),
    "an order that earns too little": (
        lambda f: f.forge(edited("order.earned", 0, order_fen=-4_000)),
        {Kind.ENTRY},
    ),
    "an earned voucher without an order": (
        lambda f: f.forge(dropped("order.earned")),
        {Kind.VOUCHER, Kind.ENTRY},
    ),
    "an order that earns twice": (
        lambda f: f.forge(copied("order.earned", "v_x.earn")),
        {Kind.ENTRY},
    ),
    "an order that earns by what was never redeemed": (
        lambda f: f.forge(told("order.earned", 1, redemption_id="r_x")),
        {Kind.ENTRY},
    ),
    "a plain order's refund of more": (
        lambda f: f.forge(edited("order.refunded", refund_fen=10**6)),
        {Kind.ENTRY},
    ),
    "a plain order's refund that leaves more": (
        lambda f: f.forge(edited("order.refunded", base_left_fen=1)),
        {Kind.ENTRY},
    ),
    "an earned voucher that is kept": (
        lambda f: f.forge(dropped("voucher.taken_back")),
        {Kind.VOUCHER},
    ),
    "a late refund less": (
        lambda f: f.forge(dropped("ledger.refunded", 4)),
        {Kind.SETTLEMENT, Kind.RETURN, Kind.FIGURES},
    ),
    "a refund of a time when none is taken": (
        lambda f: f.forge(dropped("fund.returned")),
        {Kind.ENTRY, Kind.RETURN},
    ),
    "a supplementary return of a fen more": (
        lambda f: f.forge(edited("fund.returned", 1, to_return_fen=1)),
        {Kind.RETURN},
    ),
    "a supplementary return to another account": (
        lambda f: f.forge(told("fund.returned", 1, account_number="666666")),
        {Kind.RETURN},
    ),
    "a supplementary return less": (
        lambda f: f.forge(dropped("fund.returned", 1)),
        {Kind.RETURN},
    ),
    "a return that forgets the one before": (
        lambda f: f.forge(told("fund.returned", 1, returned_before_fen=0)),
        {Kind.RETURN},
    ),
    "a return that counts up to another day": (
        lambda f: f.forge(told("fund.returned", 1, settled_on="2026-01-09")),
        {Kind.RETURN},
    ),
    "a confirmation of no statement": (
        lambda f: f.forge(told("settlement.confirmed", statement_id="s_x")),
        {Kind.SETTLEMENT},
    ),
    "a payout drawn of a fen more": (
        lambda f: f.forge(edited("payout.drawn", net_fen=1)),
        {Kind.PAYOUT},
    ),
    "a payout drawn of other statements": (
        lambda f: f.forge(_drawn_otherwise),
        {Kind.PAYOUT},
    ),
    "a payout drawn to another account": (
        lambda f: f.forge(told("payout.drawn", payee_account="666666")),
        {Kind.PAYOUT},
    ),
    "a payout that the journal does not have": (
        lambda f: f.forge(dropped("payout.drawn")),
        {Kind.PAYOUT},
    ),
    "a payout without its files": (
        lambda f: shutil.rmtree((f.folder / PAYOUT).parent),
        {Kind.PAYOUT},
    ),
    "a payment of a fen more": (
        lambda f: f.forge(edited("payment.proposed", 1, amount_fen=1)),
        {Kind.RETURN},
    ),
    "a payment that one person approved": (
        lambda f: f.forge(told("payment.approved", by="li.na")),
        {Kind.RETURN},
    ),
    "a payment that nobody approved": (
        lambda f: f.forge(dropped("payment.approved")),
        {Kind.RETURN},
    ),
    "a payment taken back and paid": (
        lambda f: f.forge(dropped("payment.proposed", 1)),
        {Kind.RETURN},
    ),
    "a payment under way twice": (
        lambda f: f.forge(dropped("payment.withdrawn")),
        {Kind.RETURN},
    ),
    "a payment of nothing that is owed": (
        lambda f: f.forge(told("payment.proposed", pays="HUIMIN-S0001-X")),
        {Kind.PAYOUT},
    ),
    "a bank's reply about another account": (
        lambda f: f.forge(told("payment.replied", account="666666")),
        {Kind.RETURN},
    ),
    "a bank's reply of more": (
        lambda f: f.forge(edited("payment.replied", 1, paid_fen=1)),
        {Kind.PAYOUT},
    ),
    "more returned": (_return_more, {Kind.RETURN}),
    "returned to another account": (
        lambda f: f.edit_json(RETURN, lambda d: d["rows"][0].update(account_number="666666")),
        {Kind.RETURN},
    ),
    "a statement that was not signed so": (_edit_the_statement, {Kind.RETURN}),
    "a message that was not signed so": (
        lambda f: f.edit_set(PAYMENT, "pain.001.xml", lambda data: data + b" "),
        {Kind.RETURN},
    ),
    "a statement that nobody signed": (
        lambda f: f.edit_set(PAYMENT, "statement.html.sig", lambda _: b""),
        {Kind.RETURN},
    ),
    "a key that did not sign": (
        lambda f: f.edit_set(PAID, "signing-key.pem", lambda _: another_key()[1]),
        {Kind.PAYOUT},
    ),
    "a key that is none": (
        lambda f: f.edit_set(PAID, "signing-key.pem", lambda _: b"none"),
        {Kind.PAYOUT},
    ),
    "an instruction of more": (
        lambda f: f.edit_json(PAYMENT, lambda d: d["rows"][0].update(amount_fen=10**9)),
        {Kind.RETURN},
    ),
    "an instruction to another account": (
        lambda f: f.edit_json(PAYMENT, lambda d: d["rows"][0].update(payee_account="666666")),
        {Kind.RETURN},
    ),
    "an instruction by one person": (
        lambda f: f.edit_json(PAYMENT, lambda d: d["rows"][0].update(approved_by="li.na")),
        {Kind.RETURN},
    ),
    "a payout of a fen more": (
        lambda f: f.edit_json(PAYOUT, lambda d: d["rows"][0].update(net_fen=10**6)),
        {Kind.PAYOUT},
    ),
    "a statement paid twice": (
        lambda f: f.edit_json(PAYOUT, lambda d: d["rows"].append(d["rows"][0])),
        {Kind.PAYOUT},
    ),
    "a payout of another's statement": (
        lambda f: f.edit_json(PAYOUT, lambda d: d["rows"][0].update(statement_id="s_0")),
        {Kind.PAYOUT},
    ),
    "a payout whose manifest says more": (
        lambda f: f.describe_again((f.folder / PAYOUT).parent, net_fen=1),
        {Kind.PAYOUT},
    ),
    "a payout less": (
        lambda f: (f.folder / PAYOUT).parent.rename(
            (f.folder / PAYOUT).parent.parent / "payout-0002"
        ),
        {Kind.PAYOUT},
    ),
    "a payout that is none": (
        lambda f: f.edit_json(PAYOUT, lambda d: d["rows"][0].update(net_fen="much")),
        {Kind.PAYOUT},
    ),
    "a payout of no day": (
        lambda f: f.edit_json(PAYOUT, lambda d: d["rows"][0].update(business_date="soon")),
        {Kind.PAYOUT},
    ),
    "a statement that is none": (
        lambda f: f.edit_json(STATEMENT, lambda d: d.update(rows=7)),
        {Kind.SETTLEMENT},
    ),
    "a report that is none": (
        lambda f: f.edit_json(REPORT, lambda d: d.update(rows=[7])),
        {Kind.FIGURES},
    ),
    "a payout paid to another account": (
        lambda f: f.edit_json(PAID, lambda d: d["rows"][0].update(payee_account="666666")),
        {Kind.PAYOUT},
    ),
    "a payout paid of more": (
        lambda f: f.edit_json(PAID, lambda d: d["rows"][0].update(amount_fen=10**9)),
        {Kind.PAYOUT},
    ),
    "a message to the bank of another account": (_message_astray, {Kind.RETURN}),
    "other rules for what was given": (_other_rules, {Kind.ENTRY}),
    "a broken proof": (
        lambda f: f.edit_json(
            PROOF,
            lambda d: d["campaigns"][CAMPAIGN][0].update(holds=False, drift_fen=1),
        ),
        {Kind.INVARIANTS},
    ),
    "a proof of other money": (
        lambda f: f.edit_json(
            "reports/invariants/2026-01-14/invariants.json",
            lambda d: d["campaigns"][CAMPAIGN][0]["counted"].update(redeemed_net_fen=1),
        ),
        {Kind.INVARIANTS},
    ),
    "a proof without a pool": (
        lambda f: f.edit_json(PROOF, lambda d: d["pools"][CAMPAIGN].pop()),
        {Kind.INVARIANTS},
    ),
    "a proof without pools": (
        lambda f: f.edit_json(PROOF, lambda d: d.pop("pools")),
        {Kind.INVARIANTS},
    ),
    "a proof with a pool twice": (
        lambda f: f.edit_json(
            PROOF, lambda d: d["pools"][CAMPAIGN].append(d["pools"][CAMPAIGN][0])
        ),
        {Kind.INVARIANTS},
    ),
    "a unit issued that no voucher has": (_issue_one_more, {Kind.INVARIANTS}),
    "a unit less than was put in": (
        lambda f: f.edit_json(PROOF, lambda d: d["pools"][CAMPAIGN][0].update(allocated=0)),
        {Kind.INVARIANTS},
    ),
    "a unit of another price": (
        lambda f: f.edit_json(PROOF, lambda d: d["pools"][CAMPAIGN][0].update(unit_reserve_fen=1)),
        {Kind.INVARIANTS},
    ),
    "money gone from a pool": (
        lambda f: f.edit_json(PROOF, lambda d: _counted(d).update(pots_fen=700)),
        {Kind.INVARIANTS},
    ),
    "money gone from a campaign": (
        lambda f: f.edit_json(
            PROOF,
            lambda d: _counted(d).update(unallocated_fen=_counted(d)["unallocated_fen"] - 1),
        ),
        {Kind.INVARIANTS},
    ),
    "money hidden with vouchers": (_hide_with_vouchers, {Kind.INVARIANTS}),
    "money owed to nobody": (_hide_below_zero, {Kind.INVARIANTS}),
    "a proof that is none": (
        lambda f: f.edit_json(PROOF, lambda d: d["pools"].update({CAMPAIGN: [7]})),
        {Kind.INVARIANTS},
    ),
    "a proof without its money": (
        lambda f: f.edit_json(PROOF, lambda d: d["campaigns"].update({CAMPAIGN: []})),
        {Kind.INVARIANTS},
    ),
    "a step of a payment of no known kind": (
        lambda f: f.forge(
            lambda days: days[1].append(
                replace(days[1][-1], kind="payment.forgotten", change_id="zz")
            )
        ),
        {Kind.CHAIN},
    ),
    "a change of no known kind": (
        lambda f: f.forge(
            lambda days: days[1].append(replace(days[1][-1], kind="money.made", change_id="zz"))
        ),
        {Kind.CHAIN},
    ),
}
