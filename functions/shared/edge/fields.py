"""Types of fields that requests and answers share, each with its words for the API document.

A request is strict: no text for a number, no unknown field, no change after it was read. What a
schema can say is in the schema, so that callers and fuzzers see it; what it cannot, as a check
character, is a validator that says what to mend.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Annotated, Any, Final

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
    ValidationInfo,
    WithJsonSchema,
)

from functions.shared.domain.business_time import business_date, parse_rfc3339, to_rfc3339
from functions.shared.domain.identity import (
    Fault,
    IdentifierError,
    normalise_account,
    normalise_identity_number,
    normalise_phone,
    validate_credit_code,
)
from functions.shared.domain.ids import (
    BREAK_ID_PATTERN,
    REDEMPTION_ID_PATTERN,
    REQUEST_NO_PATTERN,
    SLUG_PATTERN,
    VOUCHER_ID_PATTERN,
)
from functions.shared.edge import clock
from functions.shared.edge.caller import principal_arn
from functions.shared.edge.cursors import LONGEST_CURSOR
from functions.shared.edge.validation import refusal

MAX_ORDER_FEN: Final = 10**10
MAX_APPROPRIATION_FEN: Final = 10**13
MAX_PAGE: Final = 100
DEFAULT_PAGE: Final = 20
_DATE: Final = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"

PATH_PATTERNS: Final[Mapping[str, str]] = {
    "campaign_id": SLUG_PATTERN,
    "platform_id": SLUG_PATTERN,
    "merchant_id": SLUG_PATTERN,
    "change_id": SLUG_PATTERN,
    "grant_id": SLUG_PATTERN,
    "voucher_id": VOUCHER_ID_PATTERN,
    "redemption_id": REDEMPTION_ID_PATTERN,
    "business_on": f"^{_DATE}$",
    "break_id": BREAK_ID_PATTERN,
    "run": r"^[1-9][0-9]{0,3}$",
    "number": r"^[1-9][0-9]{0,3}$",
}
"""What an id in a path looks like; anything else is an id that does not exist."""


class RequestModel(BaseModel):
    """A body: strict, nothing unknown, never changed, and its values in no `repr`."""

    # Built when an App registers it: a function does not pay for models that it only imports.
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, defer_build=True)

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        # Whatever ends up in a message or a log line must not hold a person's number.
        return ()


class QueryModel(BaseModel):
    """A query: its values arrive as texts, so its fields do their own reading."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class AnswerModel(BaseModel):
    """An answer's body, made by a handler; pydantic builds its schema for the first one."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, defer_build=True)


_FAULTS: Final[Mapping[Fault, tuple[str, str]]] = {
    Fault.LENGTH: ("has too few or too many characters", "长度不正确"),
    Fault.SHAPE: ("holds a character that cannot stand there", "含有不应出现的字符"),
    Fault.DIVISION: ("begins with digits that name no province", "前两位不是有效的省级代码"),
    Fault.BIRTH_DATE: ("holds a date of birth that cannot be", "其中的出生日期不成立"),
    Fault.CHECKSUM: (
        "has a check character that does not fit; look for a typing error",
        "校验位不符，请检查是否输入有误",
    ),
}


def _told(error: IdentifierError) -> Exception:
    return refusal(*_FAULTS[error.fault])


def _identity_number(text: str) -> str:
    try:
        return normalise_identity_number(text, on=business_date(clock.now()))
    except IdentifierError as error:
        raise _told(error) from None


def _phone(text: str) -> str:
    try:
        return normalise_phone(text)
    except IdentifierError:
        raise refusal(
            "must be a mobile phone number of mainland China, 11 digits, with +86 or without",
            "必须是中国大陆 11 位手机号，可带 +86",
        ) from None


def _account(text: str) -> str:
    try:
        return normalise_account(text)
    except IdentifierError as error:
        raise _told(error) from None


def _credit_code(text: str) -> str:
    try:
        return validate_credit_code(text)
    except IdentifierError as error:
        raise _told(error) from None


def _role_arn(text: str) -> str:
    arn = principal_arn(text)
    if arn is None or ":role/" not in arn:
        raise refusal(
            "must be the ARN of an IAM role, as arn:aws-cn:iam::123456789012:role/name",
            "必须是 IAM 角色的 ARN，例如 arn:aws-cn:iam::123456789012:role/name",
        )
    return arn


def _instant(value: object) -> datetime:
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value
    if isinstance(value, str):
        try:
            return parse_rfc3339(value)
        except ValueError:
            pass
    raise refusal(
        "must be a time with its offset, as 2026-01-31T10:00:00+08:00",
        "必须是带时区偏移的时间，例如 2026-01-31T10:00:00+08:00",
    )


def _business_date(value: object) -> date:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    if isinstance(value, str) and re.fullmatch(_DATE, value):
        try:
            return date.fromisoformat(value)
        except ValueError:
            pass
    raise refusal("must be a date that exists, as 2026-01-31", "必须是存在的日期，例如 2026-01-31")


_SMALL_NUMBER: Final = r"[0-9]{1,3}"


def small_number(least: int, most: int) -> BeforeValidator:
    """Reads a number of a query, at most three digits; in a body a number must be a number."""

    def read(value: object, info: ValidationInfo) -> object:
        if isinstance(value, str) and info.mode != "json":
            if not re.fullmatch(_SMALL_NUMBER, value):
                raise refusal(f"must be {least} to {most}", f"必须是 {least} 至 {most}")
            return int(value)
        return value

    return BeforeValidator(read)


def _words(en: str, zh: str, *examples: object) -> Any:  # noqa: ANN401 - pydantic's own FieldInfo
    return Field(description=f"{en} / {zh}", examples=list(examples))


# Amounts, counts and shares

Fen = Annotated[
    int,
    Field(ge=0, le=MAX_ORDER_FEN),
    _words("Amount in fen (CNY 0.01)", "金额，单位为分", 8_000),
]
PositiveFen = Annotated[
    int,
    Field(ge=1, le=MAX_ORDER_FEN),
    _words("Amount in fen (CNY 0.01), at least 1", "金额，单位为分，至少 1", 12_000),
]
AppropriationFen = Annotated[
    int,
    Field(ge=1, le=MAX_APPROPRIATION_FEN),
    _words("Appropriated amount in fen", "拨款金额，单位为分", 300_000_000),
]
BasisPoints = Annotated[
    int, Field(ge=0, le=10_000), _words("Share in 1/10,000", "比例，单位为万分之一", 2_000)
]
ClaimRate = Annotated[
    int, Field(ge=1, le=100_000), _words("Claims a second", "每秒领券请求数", 1_000)
]
Units = Annotated[int, Field(ge=0, le=100_000_000), _words("Number of vouchers", "券的数量", 1_000)]

# Ids and numbers

Slug = Annotated[
    str,
    Field(pattern=SLUG_PATTERN),
    _words("Id chosen by the bureau", "由主管部门确定的编号", "shijingshan-2026"),
]
RequestNo = Annotated[
    str,
    Field(pattern=REQUEST_NO_PATTERN),
    _words(
        "Your own number; the same number with the same content is answered as the first time",
        "贵方自己的编号；相同编号且内容相同时返回首次的结果",
        "20260103-000017",
    ),
]
VoucherId = Annotated[
    str,
    Field(pattern=VOUCHER_ID_PATTERN),
    _words("Id of a voucher", "券编号", "v_" + "a2b3c4d5" * 4),
]
RedemptionId = Annotated[
    str,
    Field(pattern=REDEMPTION_ID_PATTERN),
    _words("Id of a redemption", "核销编号", "r_" + "a2b3c4d5" * 4),
]
RoleArn = Annotated[
    str,
    Field(min_length=20, max_length=2_048),
    AfterValidator(_role_arn),
    _words(
        "ARN of an IAM role; its path is left out",
        "IAM 角色的 ARN，保存时去掉路径",
        "arn:aws-cn:iam::123456789012:role/huimin-platform-unionpay",
    ),
]
CreditCode = Annotated[
    str,
    Field(min_length=18, max_length=64),
    AfterValidator(_credit_code),
    _words("Unified social credit code (GB 32100)", "统一社会信用代码", "91350100M000100Y43"),
]

# Persons: read, hashed, and nowhere kept

IdentityNumber = Annotated[
    str,
    Field(min_length=18, max_length=64),
    AfterValidator(_identity_number),
    _words("Identity number (GB 11643), never stored", "身份证号，不予保存", "11010519491231002X"),
]
Phone = Annotated[
    str,
    Field(min_length=11, max_length=64),
    AfterValidator(_phone),
    _words("Mobile phone number, never stored", "手机号，不予保存", "13800138000"),
]
Account = Annotated[
    str,
    Field(min_length=1, max_length=128),
    AfterValidator(_account),
    _words("The person's account at your platform", "消费者在贵平台的账号", "user-7f3a"),
]

# Texts and times

ShortText = Annotated[
    str,
    Field(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]*$"),
    _words("Text on one line", "单行文本", "2026 新春餐饮消费券"),
]
Note = Annotated[
    str,
    Field(min_length=1, max_length=500, pattern=r"^[^\x00-\x09\x0b-\x1f\x7f]*$"),
    _words("Reason or remark, may have lines", "原因或说明，可换行", "系统巡检"),
]
Instant = Annotated[
    datetime,
    PlainValidator(_instant),
    PlainSerializer(to_rfc3339, return_type=str),
    WithJsonSchema(
        {
            "type": "string",
            "format": "date-time",
            "description": "Time with its offset (RFC 3339) / 带时区偏移的时间",
            "examples": ["2026-01-03T10:00:00+08:00"],
        }
    ),
]
BusinessDate = Annotated[
    date,
    PlainValidator(_business_date),
    PlainSerializer(date.isoformat, return_type=str),
    WithJsonSchema(
        {
            "type": "string",
            "format": "date",
            "description": "Date in Asia/Shanghai / 北京时间的日期",
            "examples": ["2026-01-03"],
        }
    ),
]
DivisionCode = Annotated[
    str,
    Field(pattern=r"^[1-9][0-9]{1,5}$"),
    _words("Division code (GB/T 2260) or its beginning", "行政区划代码或其前几位", "110107"),
]

# Pages

PageLimit = Annotated[
    int,
    small_number(1, MAX_PAGE),
    Field(ge=1, le=MAX_PAGE),
    _words("Most entries of a page", "每页最多条数", DEFAULT_PAGE),
]
Cursor = Annotated[
    str,
    Field(min_length=1, max_length=LONGEST_CURSOR, pattern=r"^[A-Za-z0-9_-]+$"),
    _words("`next_cursor` of the page before", "上一页返回的 next_cursor", "b3BhcXVl"),
]
