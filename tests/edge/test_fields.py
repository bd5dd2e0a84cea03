"""Fields that requests share: what they take, in which form, and what stays out of sight."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from functions.shared.domain.identity import identity_checksum
from functions.shared.edge import clock, fields
from functions.shared.edge.fields import RequestModel
from tests.edge.sample import PERSON, ClaimBody, Person


def read(field: Any, text: str) -> object:  # noqa: ANN401 - any annotated type
    adapter: TypeAdapter[object] = TypeAdapter(field)
    return adapter.validate_json(text, strict=True)


@pytest.mark.parametrize(
    ("field", "text", "value"),
    [
        (fields.Fen, "0", 0),
        (fields.Fen, str(10**10), 10**10),
        (fields.PositiveFen, "1", 1),
        (fields.AppropriationFen, str(10**13), 10**13),
        (fields.BasisPoints, "10000", 10_000),
        (fields.Slug, '"50-20"', "50-20"),
        (fields.RequestNo, '"A-1_|*."', "A-1_|*."),
        (fields.IdentityNumber, '" 110105 19491231 002x"', PERSON),
        (fields.IdentityNumber, '"１１０１０５１９４９１２３１００２Ｘ"', PERSON),
        (fields.Phone, '"+86 138-0013-8000"', "13800138000"),
        (fields.Account, '" user-7 "', "user-7"),
        (fields.CreditCode, '"91350100m000100y43"', "91350100M000100Y43"),
        (
            fields.RoleArn,
            '"arn:aws:iam::123456789012:role/p/r"',
            "arn:aws:iam::123456789012:role/r",
        ),
        (fields.Instant, '"2026-01-03T10:00:00+08:00"', datetime(2026, 1, 3, 2, tzinfo=UTC)),
        (fields.BusinessDate, '"2026-01-03"', date(2026, 1, 3)),
        (fields.DivisionCode, '"11"', "11"),
        (fields.ShortText, '"餐饮"', "餐饮"),
        (fields.Note, '"a\\nb"', "a\nb"),
        (fields.PageLimit, "100", 100),
    ],
)
def test_field_takes_and_normalises(field: Any, text: str, value: object) -> None:  # noqa: ANN401 - as above
    assert read(field, text) == value


@pytest.mark.parametrize(
    ("field", "text"),
    [
        *((fields.Fen, text) for text in ("-1", "true", "1.0", '"1"', str(10**10 + 1), "null")),
        (fields.PositiveFen, "0"),
        (fields.AppropriationFen, str(10**13 + 1)),
        (fields.BasisPoints, "10001"),
        *((fields.Slug, text) for text in ('"A"', '"a_b"', '""', '"a:b"', '"-a"', '"a\\n"')),
        *((fields.RequestNo, text) for text in ('""', '"a b"', '"a/b"', '"号"', '"a\\n"', "1")),
        (fields.VoucherId, '"v_A"'),
        (fields.RoleArn, '"arn:aws:iam::123456789012:user/someone"'),
        (fields.RoleArn, '"arn:aws:s3:::bucket-of-someone"'),
        (fields.CreditCode, '"91350100M000100Y44"'),
        (fields.Phone, '"23800138000"'),
        (fields.Account, '"a b"'),
        *((fields.Instant, text) for text in ('"2026-01-03"', "1767400000", '"1767400000"')),
        *((fields.BusinessDate, text) for text in ('"2026-02-30"', '"0"', "0", '"20260103"')),
        (fields.BusinessDate, '"2026-01-03T00:00:00Z"'),
        (fields.ShortText, '"a\\nb"'),
        (fields.Note, '"a\\tb"'),
        (fields.DivisionCode, '"011"'),
        *((fields.PageLimit, text) for text in ("0", "101", '"20"', "true", "20.0")),
    ],
)
def test_field_refuses(field: Any, text: str) -> None:  # noqa: ANN401 - as above
    with pytest.raises(ValidationError):
        read(field, text)


def test_birth_is_not_after_today_in_shanghai() -> None:
    """The clock says 15:59 UTC on the 3rd, and a minute later the 4th begins in Shanghai."""
    born = "11010520260104003"
    number = f'"{born}{identity_checksum(born)}"'
    midnight = datetime(2026, 1, 3, 16, tzinfo=UTC)
    with clock.use(lambda: midnight - timedelta(minutes=1)), pytest.raises(ValidationError):
        read(fields.IdentityNumber, number)
    with clock.use(lambda: midnight):
        assert read(fields.IdentityNumber, number) == number[1:-1]


def test_request_never_shows_its_values() -> None:
    body = ClaimBody.model_validate(
        {"request_no": "1", "campaign_id": "a", "person": Person(identity_number=PERSON)}
    )
    assert PERSON not in repr(body) + str(body)


def test_request_is_never_changed() -> None:
    person = Person(identity_number=PERSON)
    with pytest.raises(ValidationError):
        setattr(person, "phone", None)  # noqa: B010 - mypy would refuse the plain assignment


FIELD_TYPES = {
    name: value
    for name, value in vars(fields).items()
    if name[0].isupper() and hasattr(value, "__metadata__")
}


@pytest.mark.parametrize("name", FIELD_TYPES)
def test_field_is_described_in_both_languages_with_an_example_that_it_takes(name: str) -> None:
    adapter: TypeAdapter[object] = TypeAdapter(FIELD_TYPES[name])
    schema = adapter.json_schema()
    assert " / " in schema["description"]
    assert schema["examples"]
    for example in schema["examples"]:
        adapter.validate_python(example, strict=True)


def test_models_are_strict_and_closed() -> None:
    for model in (RequestModel, fields.AnswerModel):
        assert model.model_config["strict"]
        assert model.model_config["extra"] == "forbid"
    assert fields.QueryModel.model_config["extra"] == "forbid"
