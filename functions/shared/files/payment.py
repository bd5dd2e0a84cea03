"""The instruction of a payment: ISO 20022 pain.001.001.09, one credit transfer.

The message's structure is pyiso20022's, generated from the published schema; xsdata writes it. The
fen become a decimal amount of yuan here and nowhere else, without any rounding.

Source: ISO 20022 message definition pain.001.001.09; external clearing system code CNAPS.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from functions.shared.domain.business_time import SHANGHAI, business_date
from functions.shared.domain.campaign import BankAccount
from functions.shared.domain.payments import Owed, Payment

NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:pain.001.001.09"
_CURRENCY = "CNY"
_CLEARING = "CNAPS"


def payment_instruction(owed: Owed, payment: Payment, *, purpose: str) -> bytes:
    """The message that pays from the one account to the other.

    The same payment gives the same bytes.

    Args:
        owed: what it pays; both accounts are known.
        payment: of it, approved.
        purpose: remittance information; at most 140 characters.

    """
    payer, payee = owed.paid_from, owed.payee
    assert payment.approved_at is not None, payment.reference  # noqa: S101 - the caller's promise
    # Loading the message's classes takes longer than a tick that closes nothing.
    from pyiso20022.pain import pain_001_001_09 as iso  # noqa: PLC0415
    from xsdata.formats.dataclass.serializers import XmlSerializer  # noqa: PLC0415
    from xsdata.formats.dataclass.serializers.config import SerializerConfig  # noqa: PLC0415
    from xsdata.models.datatype import XmlDate, XmlDateTime  # noqa: PLC0415

    amount = Decimal(payment.amount_fen).scaleb(-2)
    approved_at = payment.approved_at.astimezone(SHANGHAI).replace(microsecond=0)
    transfer = iso.CreditTransferTransaction34(
        pmt_id=iso.PaymentIdentification6(
            instr_id=payment.reference, end_to_end_id=payment.reference
        ),
        amt=iso.AmountType4Choice(
            instd_amt=iso.ActiveOrHistoricCurrencyAndAmount(value=amount, ccy=_CURRENCY)
        ),
        cdtr_agt=_agent(iso, payee),
        cdtr=_party(iso, payee),
        cdtr_acct=_account(iso, payee),
        rmt_inf=iso.RemittanceInformation16(ustrd=[purpose]),
    )
    instruction = iso.PaymentInstruction30(
        pmt_inf_id=payment.reference,
        pmt_mtd=iso.PaymentMethod3Code.TRF,
        nb_of_txs="1",
        ctrl_sum=amount,
        reqd_exctn_dt=iso.DateAndDateTime2Choice(
            dt=XmlDate.from_date(business_date(payment.approved_at))
        ),
        dbtr=_party(iso, payer),
        dbtr_acct=_account(iso, payer),
        dbtr_agt=_agent(iso, payer),
        cdt_trf_tx_inf=[transfer],
    )
    document = iso.Document(
        cstmr_cdt_trf_initn=iso.CustomerCreditTransferInitiationV09(
            grp_hdr=iso.GroupHeader85(
                msg_id=payment.reference,
                cre_dt_tm=XmlDateTime.from_datetime(approved_at),
                nb_of_txs="1",
                ctrl_sum=amount,
                initg_pty=_party(iso, payer),
            ),
            pmt_inf=[instruction],
        )
    )
    serializer = XmlSerializer(config=SerializerConfig(indent="  "))
    return serializer.render(document, ns_map={None: NAMESPACE}).encode()


def _party(iso: Any, account: BankAccount) -> Any:  # noqa: ANN401 - a module made from a schema
    return iso.PartyIdentification135(nm=account.name)


def _account(iso: Any, account: BankAccount) -> Any:  # noqa: ANN401 - as above
    other = iso.GenericAccountIdentification1(id=account.number)
    return iso.CashAccount38(id=iso.AccountIdentification4Choice(othr=other), ccy=_CURRENCY)


def _agent(iso: Any, account: BankAccount) -> Any:  # noqa: ANN401 - as above
    member = iso.ClearingSystemMemberIdentification2(
        clr_sys_id=iso.ClearingSystemIdentification2Choice(cd=_CLEARING), mmb_id=account.bank_code
    )
    institution = iso.FinancialInstitutionIdentification18(clr_sys_mmb_id=member, nm=account.bank)
    return iso.BranchAndFinancialInstitutionIdentification6(fin_instn_id=institution)
