"""What pydantic found, as places in the request and words that say what to mend.

No value is ever repeated, only names that a schema could hold: a caller that puts an identity
number where a name belongs must not read it back, nor find it in a log.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from functions.shared.domain.errors import Code, HuiminError
from functions.shared.edge.languages import Words

ModelT = TypeVar("ModelT", bound=BaseModel)

MAX_ERRORS: Final = 20
"""The most faults that one refusal names."""

TOLD_TYPE: Final = "huimin"
_TELLABLE_NAME: Final = r"[A-Za-z][A-Za-z0-9_-]{0,63}"
_MANY_DIGITS: Final = r"[0-9]{6}"
# Source: AWS SigV4 puts these into the query of a presigned request.
_SIGNATURE_PARAMETER: Final = "x-amz-"

_WORDS: Final[Mapping[str, Words]] = {
    "missing": Words("is required; add it", "必填，请补上"),
    "extra_forbidden": Words(
        "is not known here; remove it or mend its spelling", "不是已知字段，请删除或改正拼写"
    ),
    "int_type": Words(
        "must be a whole number, written without quotes, point or exponent",
        "必须是整数，不带引号、小数点或指数",
    ),
    "int_parsing": Words("must be a whole number", "必须是整数"),
    "int_from_float": Words("must be a whole number", "必须是整数"),
    "string_type": Words("must be a text in double quotes", "必须是带双引号的文本"),
    "bool_type": Words("must be true or false, without quotes", "必须是 true 或 false，不带引号"),
    "bool_parsing": Words("must be true or false", "必须是 true 或 false"),
    "model_type": Words("must be an object in {{ }}", "必须是 {{ }} 对象"),
    "model_attributes_type": Words("must be an object in {{ }}", "必须是 {{ }} 对象"),
    "dict_type": Words("must be an object in {{ }}", "必须是 {{ }} 对象"),
    "list_type": Words("must be an array in [ ]", "必须是 [ ] 数组"),
    "tuple_type": Words("must be an array in [ ]", "必须是 [ ] 数组"),
    "date_type": Words("must be a date as 2026-01-31", "必须是形如 2026-01-31 的日期"),
    "date_parsing": Words(
        "must be a date that exists, as 2026-01-31", "必须是存在的日期，形如 2026-01-31"
    ),
    "date_from_datetime_parsing": Words(
        "must be a date that exists, as 2026-01-31", "必须是存在的日期，形如 2026-01-31"
    ),
    "greater_than": Words("must be more than {gt}", "必须大于 {gt}"),
    "greater_than_equal": Words("must be {ge} or more", "必须不小于 {ge}"),
    "less_than": Words("must be less than {lt}", "必须小于 {lt}"),
    "less_than_equal": Words("must be {le} or less", "必须不大于 {le}"),
    "multiple_of": Words("must be a multiple of {multiple_of}", "必须是 {multiple_of} 的倍数"),
    "string_too_short": Words(
        "must have {min_length} or more characters", "至少 {min_length} 个字符"
    ),
    "string_too_long": Words(
        "must have {max_length} or fewer characters", "最多 {max_length} 个字符"
    ),
    "string_pattern_mismatch": Words("must match {pattern}", "必须符合 {pattern}"),
    "too_short": Words("must have {min_length} or more entries", "至少 {min_length} 项"),
    "too_long": Words("must have {max_length} or fewer entries", "最多 {max_length} 项"),
    "literal_error": Words("must be {expected}", "必须是 {expected}"),
    "enum": Words("must be {expected}", "必须是 {expected}"),
    "union_tag_invalid": Words(
        "{discriminator} must be one of {expected_tags}",
        "{discriminator} 必须是以下之一：{expected_tags}",
    ),
    "union_tag_not_found": Words("needs {discriminator}; add it", "缺少 {discriminator}，请补上"),
}
_OTHERWISE: Final = Words(
    "has a value that is not permitted here; see the API document", "取值不被允许，请参阅接口文档"
)


def refusal(en: str, zh: str) -> PydanticCustomError:
    """What a validator of a field raises to refuse a value in words of its own."""
    # Handed over as context, as pydantic would read braces in a message as names to fill in.
    return PydanticCustomError(TOLD_TYPE, "{en}", {"en": en, "zh": zh})


def validated_body(model: type[ModelT], raw: bytes | str, document: Mapping[str, Any]) -> ModelT:
    """The body as `model` has it.

    Args:
        model: the operation's.
        raw: the text, which pydantic reads as JSON: there a date is a text, and a strict integer
            still takes neither `true` nor `1.0`.
        document: the same text as `strict_json` has read it, to name places by.

    Raises:
        HuiminError: INVALID_FIELDS.

    """
    try:
        return model.model_validate_json(raw)
    except ValidationError as error:
        faults = [_body_fault(fault, document) for fault in _faults(error)]
    raise HuiminError(Code.INVALID_FIELDS, errors=faults)


def validated_query(model: type[ModelT] | None, parameters: Mapping[str, Sequence[str]]) -> Any:  # noqa: ANN401 - the model's instance, or None without a model
    """The query as `model` has it; None without a model.

    Raises:
        HuiminError: INVALID_FIELDS, also for unknown and for repeated parameters.

    """
    sent = {
        name: values
        for name, values in parameters.items()
        if not name.lower().startswith(_SIGNATURE_PARAMETER)
    }
    faults = [
        _parameter_fault(name, "must stand once only", "只能出现一次")
        for name, values in sent.items()
        if len(values) != 1
    ]
    if model is None:
        unknown = _WORDS["extra_forbidden"]
        faults += [_parameter_fault(name, unknown.en, unknown.zh) for name in sent]
    if faults:
        raise HuiminError(Code.INVALID_FIELDS, errors=faults[:MAX_ERRORS])
    if model is None:
        return None
    try:
        return model.model_validate_strings({name: values[0] for name, values in sent.items()})
    except ValidationError as error:
        found = _faults(error)
    raise HuiminError(Code.INVALID_FIELDS, errors=[_query_fault(fault) for fault in found])


def _faults(error: ValidationError) -> list[ErrorDetails]:
    return error.errors(include_url=False, include_input=False)[:MAX_ERRORS]


def _body_fault(fault: ErrorDetails, document: Mapping[str, Any]) -> dict[str, str]:
    words = _words(fault)
    return {"pointer": _pointer(fault, document), "en": words.en, "zh": words.zh}


def _query_fault(fault: ErrorDetails) -> dict[str, str]:
    words = _words(fault)
    return _parameter_fault(str(fault["loc"][0]) if fault["loc"] else "", words.en, words.zh)


def _parameter_fault(name: str, en: str, zh: str) -> dict[str, str]:
    return {"parameter": name if _is_tellable(name) else "", "en": en, "zh": zh}


def _words(fault: ErrorDetails) -> Words:
    context = fault.get("ctx", {})
    if fault["type"] == TOLD_TYPE:
        return Words(context["en"], context["zh"])
    words = _WORDS.get(fault["type"], _OTHERWISE)
    facts = {name: str(value) for name, value in context.items()}
    chinese = {name: value.replace(" or ", "、") for name, value in facts.items()}
    try:
        return Words(words.en.format_map(facts), words.zh.format_map(chinese))
    except KeyError:
        # A later pydantic may name its facts otherwise; bad input is still never a 500.
        return _OTHERWISE


def _pointer(fault: ErrorDetails, document: Mapping[str, Any]) -> str:
    """The JSON Pointer (RFC 6901) of a fault, as far as its names may be told."""
    steps: list[str] = []
    for step in _steps(fault, document):
        if not _is_tellable(step):
            break
        steps.append(step.replace("~", "~0").replace("/", "~1"))
    return "".join(f"/{step}" for step in steps)


def _steps(fault: ErrorDetails, document: Mapping[str, Any]) -> Iterator[str]:
    """The steps of a location that exist in the body; pydantic adds tags of unions between."""
    here: Any = document
    for number, step in enumerate(fault["loc"], start=1):
        is_member = isinstance(here, Mapping) and step in here
        is_entry = isinstance(here, list) and isinstance(step, int) and step < len(here)
        if is_member or is_entry:
            here = here[step]
            yield str(step)
        elif fault["type"] == "missing" and number == len(fault["loc"]):
            yield str(step)


def _is_tellable(name: str) -> bool:
    is_name = name.isdecimal() or re.fullmatch(_TELLABLE_NAME, name)
    return bool(is_name) and not re.search(_MANY_DIGITS, name)
