"""The files of an approved payment: the bank's instruction, and a statement that two have signed.

    {folder of what is owed}/payment-{n}/
        payment.csv, payment.json    who pays whom what, for programs
        pain.001.xml                 the instruction, ISO 20022
        statement.html               for people, and for the printer
        pain.001.xml.sig             their signatures, and the public key that verifies them:
        statement.html.sig           see functions.shared.store.signing
        signing-key.pem
        manifest.json

Written from what is stored alone, after the second person's approval and never before: whoever has
the instruction may have the bank pay it. What is owed, and how its page words it, is for the
caller: a fund return (`functions.reconcile.return_files`) or a payout
(`functions.reconcile.payout_files`).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from functions.shared.domain.payments import Owed, Payment
from functions.shared.files.bundle import render_table
from functions.shared.files.columns import Column, ColumnKind, Row, Table
from functions.shared.files.facts import Fact, Facts, Words
from functions.shared.files.html_out import Card, render_page
from functions.shared.files.manifest import FILE_NAME, Manifest, describe
from functions.shared.files.media_types import media_type_of
from functions.shared.files.payment import payment_instruction
from functions.shared.store.objects import ObjectStore
from functions.shared.store.signing import Signer

_MESSAGE, _STATEMENT, _KEY = "pain.001.xml", "statement.html", "signing-key.pem"
_ID, _TEXT, _FEN, _TIME = ColumnKind.ID, ColumnKind.TEXT, ColumnKind.FEN, ColumnKind.TIME

_COLUMNS = (
    Column("reference", "付款指令编号", "Reference", _ID),
    Column("campaign_id", "活动编号", "Campaign id", _ID),
    Column("pays", "付款依据", "Pays", _ID),
    Column("number", "付款序次", "Payment no.", ColumnKind.COUNT),
    Column("amount_fen", "付款金额", "Amount", _FEN),
    Column("payer_name", "付款户名", "Payer", _TEXT),
    Column("payer_account", "付款账号", "Payer's account", _ID),
    Column("payer_bank", "付款行", "Payer's bank", _TEXT),
    Column("payee_name", "收款户名", "Payee", _TEXT),
    Column("payee_account", "收款账号", "Payee's account", _ID),
    Column("payee_bank", "收款行", "Payee's bank", _TEXT),
    Column("payee_bank_code", "收款行号", "Payee's bank code", _ID),
    Column("proposed_by", "经办人", "Proposed by", _TEXT),
    Column("proposed_at", "经办时间", "Proposed at", _TIME),
    Column("approved_by", "复核人", "Approved by", _TEXT),
    Column("approved_at", "复核时间", "Approved at", _TIME),
)
_PARTY_COLUMNS = (
    Column("party", "当事方", "Party", _TEXT),
    Column("name", "户名", "Name", _TEXT),
    Column("account", "账号", "Account", _ID),
    Column("bank", "开户行", "Bank", _TEXT),
    Column("bank_code", "行号", "Bank code", _ID),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentSheet:
    """What a payment is for, as its files word it.

    Args:
        kind: of the set, in its manifest.
        title: of the page.
        subtitle: of the page: whose money it is.
        purpose: remittance information for the bank; at most 140 characters.
        facts: what identifies the amount owed.
        cards: the figures at the head of the page, before the payment's own.
        account: how the amount owed comes about.

    """

    kind: str
    title: Words
    subtitle: Words
    purpose: str
    facts: tuple[Fact, ...]
    cards: tuple[Card, ...]
    account: Table


def publish_payment(
    folder: str,
    owed: Owed,
    payment: Payment,
    sheet: PaymentSheet,
    objects: ObjectStore,
    signer: Signer,
) -> str:
    """Writes what is not there yet of an approved payment's files; the folder they lie in.

    Once the manifest is there, nothing else is looked at. The same payment gives the same bytes.

    Args:
        folder: of what is owed, with its final slash.
        owed: what it pays; both accounts are known.
        payment: approved; see `functions.shared.domain.payments`.
        sheet: what it is for.
        objects: where to.
        signer: signs instruction and statement.

    """
    prefix = f"{folder}payment-{payment.number:02d}/"
    if objects.get(f"{prefix}{FILE_NAME}") is not None:
        return prefix
    assert payment.approved_at is not None, payment.reference  # noqa: S101 - the caller's promise
    message = payment_instruction(owed, payment, purpose=sheet.purpose)
    digest = hashlib.sha256(message).hexdigest()
    facts = Facts(
        cutoff_at=payment.approved_at,
        run_id=payment.reference,
        more=(*sheet.facts, *_facts(payment, digest, signer.fingerprint)),
    )
    table = Table("payment", "付款单", "Payment", _COLUMNS, [_row(owed, payment)])
    entries = []
    for name, data in render_table(table, formats=("csv", "json"), facts=facts).items():
        entries.append(describe(name, put_once(objects, prefix + name, data), table))
    page = _statement(owed, payment, sheet, facts)
    for name, data in ((_MESSAGE, message), (_STATEMENT, page)):
        there = put_once(objects, prefix + name, data)
        signature = put_once(objects, f"{prefix}{name}.sig", signer.sign(there))
        entries += [describe(name, there), describe(f"{name}.sig", signature)]
    entries.append(describe(_KEY, put_once(objects, prefix + _KEY, signer.public_key)))
    manifest = Manifest(
        kind=sheet.kind,
        business_date=None,
        cutoff_at=facts.cutoff_at,
        run_id=facts.run_id,
        files=tuple(entries),
        inputs={
            "pays": owed.reference,
            "amount_fen": payment.amount_fen,
            "signing_key": signer.fingerprint,
        },
    )
    put_once(objects, prefix + FILE_NAME, manifest.to_bytes())
    return prefix


def put_once(objects: ObjectStore, key: str, data: bytes) -> bytes:
    """Writes the object unless there is one; the bytes that are there now."""
    if objects.put_new(key, data, content_type=media_type_of(key)):
        return data
    stored = objects.get(key)
    return stored.data if stored else data


def _facts(payment: Payment, digest: str, signing_key: str) -> list[Fact]:
    return [
        Fact("reference", Words("付款指令编号", "Payment reference"), payment.reference),
        Fact("proposed_by", Words("经办人", "Proposed by"), payment.proposed_by),
        Fact("approved_by", Words("复核人", "Approved by"), payment.approved_by or ""),
        Fact("message_sha256", Words("付款报文 SHA-256", "SHA-256 of pain.001.xml"), digest),
        Fact("signing_key", Words("签名公钥 SHA-256", "SHA-256 of the signing key"), signing_key),
    ]


def _row(owed: Owed, payment: Payment) -> Row:
    payer, payee = owed.paid_from, owed.payee
    return {
        "reference": payment.reference,
        "campaign_id": owed.campaign_id,
        "pays": owed.reference,
        "number": payment.number,
        "amount_fen": payment.amount_fen,
        "payer_name": payer.name,
        "payer_account": payer.number,
        "payer_bank": payer.bank,
        "payee_name": payee.name,
        "payee_account": payee.number,
        "payee_bank": payee.bank,
        "payee_bank_code": payee.bank_code,
        "proposed_by": payment.proposed_by,
        "proposed_at": payment.proposed_at,
        "approved_by": payment.approved_by or "",
        "approved_at": payment.approved_at,
    }


def _statement(owed: Owed, payment: Payment, sheet: PaymentSheet, facts: Facts) -> bytes:
    """The page that two persons have put their names to: what is owed, and the payment."""
    parties = Table(
        "parties",
        "付款信息",
        "Payment",
        _PARTY_COLUMNS,
        [
            {
                "party": words,
                "name": account.name,
                "account": account.number,
                "bank": account.bank,
                "bank_code": account.bank_code,
            }
            for words, account in (("付款方 Payer", owed.paid_from), ("收款方 Payee", owed.payee))
        ],
    )
    signed = Words(
        f"本单由 {payment.proposed_by} 经办、{payment.approved_by} 复核，二人均以本人账号签署；"
        "系统记录不可更改，本页与付款报文附有数字签名（.sig）。"
        "打印件签章：经办人 ____________　复核人 ____________　日期 ____________",
        f"Proposed by {payment.proposed_by} and approved by {payment.approved_by}, each signed in "
        "as themselves; the record cannot be changed, and this page and the instruction have "
        "digital signatures beside them (.sig). On paper: proposed ____________ approved "
        "____________ date ____________",
    )
    return render_page(
        title=sheet.title,
        subtitle=sheet.subtitle,
        facts=facts,
        cards=[*sheet.cards, Card(Words("本次付款", "This payment"), payment.amount_fen, _FEN)],
        tables=[sheet.account, parties],
        notes=[signed],
    )
