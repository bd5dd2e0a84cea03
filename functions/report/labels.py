"""What people read in place of the codes that machines read."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from functions.shared.domain.campaign import Campaign
from functions.shared.domain.registry import SizeClass
from functions.shared.files.facts import Words

ALL: Final = "ALL"
"""The row of the whole campaign. Codes of industries are lower case, so it is none of them."""


class Scope(StrEnum):
    """Over which days a row counts."""

    DAILY = "DAILY"
    CUMULATIVE = "CUMULATIVE"


SCOPES: Final[Mapping[str, Words]] = MappingProxyType(
    {
        Scope.DAILY: Words("当日", "Day"),
        Scope.CUMULATIVE: Words("累计", "Cumulative"),
    }
)
SIZE_CLASSES: Final[Mapping[str, Words]] = MappingProxyType(
    {
        SizeClass.LARGE: Words("大型", "Large"),
        SizeClass.MEDIUM: Words("中型", "Medium"),
        SizeClass.SMALL: Words("小型", "Small"),
        SizeClass.MICRO: Words("微型", "Micro"),
        SizeClass.SELF_EMPLOYED: Words("个体工商户", "Self-employed"),
    }
)
INDUSTRIES: Final[Mapping[str, Words]] = MappingProxyType(
    {
        ALL: Words("合计", "All"),
        "accommodation": Words("住宿", "Accommodation"),
        "automobile": Words("汽车", "Automobiles"),
        "bicycle": Words("自行车", "Bicycles"),
        "catering": Words("餐饮", "Catering"),
        "cinema": Words("电影", "Cinema"),
        "culture": Words("文化", "Culture"),
        "dining": Words("餐饮", "Dining"),
        "electronics": Words("电子产品", "Electronics"),
        "fitness": Words("健身", "Fitness"),
        "home-appliances": Words("家电", "Home appliances"),
        "retail": Words("零售", "Retail"),
        "sports": Words("体育", "Sports"),
        "supermarket": Words("商超", "Supermarkets"),
        "tourism": Words("旅游", "Tourism"),
    }
)
"""Common codes. Any other code that a campaign chooses is shown as it is."""

REASONS: Final[Mapping[str, Words]] = MappingProxyType(
    {"LATE_REFUND": Words("后续退款", "Late refund")}
)


class Labels:
    """The wording of one campaign's codes; `Labels(None)` leaves every code as it is."""

    def __init__(self, campaign: Campaign | None) -> None:
        self._is_plain = campaign is None
        types = campaign.voucher_types if campaign else ()
        self._types = {t.voucher_type_id: Words(t.name.zh, t.name.en) for t in types}

    def scope(self, code: str) -> str:
        """当日 or 累计."""
        return self._shown(code, SCOPES)

    def industry(self, code: str) -> str:
        """An industry, or all of them."""
        return self._shown(code, INDUSTRIES)

    def industry_zh(self, code: str) -> str:
        """An industry in Chinese alone, where there is no room for both languages."""
        words = INDUSTRIES.get(code)
        return words.zh if words else code

    def size_class(self, code: str) -> str:
        """A size class of merchants."""
        return self._shown(code, SIZE_CLASSES)

    def reason(self, code: str) -> str:
        """Why a day was restated."""
        return self._shown(code, REASONS)

    def voucher_type(self, code: str) -> str:
        """A voucher type by its name."""
        return self._shown(code, self._types)

    def _shown(self, code: str, names: Mapping[str, Words]) -> str:
        words = names.get(code)
        if self._is_plain or words is None:
            return code
        return f"{words.zh} {words.en}"
