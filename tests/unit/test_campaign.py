"""A campaign's document as a value, and every fault that its shape cannot show."""

from __future__ import annotations

import copy
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from functions.shared.domain.campaign import (
    Distribution,
    EarningRule,
    LimitScope,
    Rollover,
    Validity,
    ValidityKind,
    validity_of,
)
from functions.shared.domain.campaign_checks import Finding, check_campaign
from functions.shared.domain.campaign_reader import campaign_from_document
from functions.shared.domain.errors import Code, HuiminError
from functions.shared.domain.identity import IdentityKind
from functions.shared.domain.orders import ThresholdBase, VoucherKind
from functions.shared.domain.refund_policies import PartPolicy, WholeExpiredPolicy, WholeValidPolicy
from tests.support.campaigns import (
    DISCOUNT,
    REDUCTION,
    RESERVES_FEN,
    ROUND_1,
    ROUND_2,
    TICKET,
    campaign,
    campaign_document,
)

Change = Callable[[dict[str, Any]], object]


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def validity(**sections: Any) -> tuple[datetime, datetime]:  # noqa: ANN401 - any JSON value
    """Of a reduction issued on the 5th at 23:30, in the small campaign's first round."""
    document = campaign_document()
    document["voucher_types"][0]["validity"] = sections
    made = campaign_from_document(document)
    issued_at = at("2026-01-05T23:30:00+08:00")
    return validity_of(made.voucher_types[0], made.rounds[0], issued_at)


@pytest.mark.parametrize(
    ("sections", "valid_from", "valid_until"),
    [
        ({"kind": "DAYS", "days": 1}, "05T23:30:00", "06T00:00:00"),
        ({"kind": "DAYS", "days": 1, "starts": "NEXT_DAY"}, "06T00:00:00", "07T00:00:00"),
        ({"kind": "DAYS", "days": 3, "starts": "NEXT_DAY"}, "06T00:00:00", "09T00:00:00"),
        ({"kind": "DAYS", "days": 3, "starts": "AT_ONCE"}, "05T23:30:00", "08T00:00:00"),
        ({"kind": "ROUND", "starts": "NEXT_DAY"}, "06T00:00:00", "12T10:00:00"),
    ],
)
def test_a_voucher_of_the_next_day_begins_at_midnight(
    sections: dict[str, Any], valid_from: str, valid_until: str
) -> None:
    begins, ends = at(f"2026-01-{valid_from}+08:00"), at(f"2026-01-{valid_until}+08:00")
    assert validity(**sections) == (begins, ends)


@pytest.mark.parametrize(
    ("opens", "begins"), [("05T00:00:00", "06T00:00:00"), ("07T09:00:00", "07T09:00:00")]
)
def test_a_window_that_begins_later_is_waited_for_from_the_next_day_on_too(
    opens: str, begins: str
) -> None:
    window = {"valid_from": f"2026-01-{opens}+08:00", "valid_until": "2026-01-20T00:00:00+08:00"}
    found = validity(kind="WINDOW", starts="NEXT_DAY", **window)
    assert found == (at(f"2026-01-{begins}+08:00"), at("2026-01-20T00:00:00+08:00"))


def test_what_a_type_says_besides_is_read_from_its_document() -> None:
    document = campaign_document()
    document["scope"] |= {"merchants": ["noodles"], "districts": ["110107", "31"]}
    document["voucher_types"][0] |= {
        "distribution": "DIRECT",
        "stacking": {"with_merchant_discount": False, "with_platform_discount": True},
        "order_share_caps": [{"share_bp": 2_000, "industries": ["dining"], "platforms": ["jd"]}],
    }
    hours = [{"from": "09:30", "until": "14:05"}, {"from": "22:00", "until": "24:00"}]
    document["voucher_types"][0]["validity"] |= {"times": {"weekdays": [6, 7], "hours": hours}}
    made = campaign_from_document(document)
    first, second, *_ = made.voucher_types
    assert made.scope == (("dining",), ("noodles",), ("110107", "31"))
    assert first.distribution is Distribution.DIRECT
    assert first.stacking == (False, True)
    assert first.order_share_caps == ((2_000, ("dining",), ("jd",)),)
    assert first.validity.times.weekdays == (6, 7)
    assert first.validity.times.hours == ((570, 845), (1_320, 1_440))
    assert first.earned_by is None
    assert second.distribution is Distribution.FIRST_COME
    assert second.stacking == (True, True)
    assert second.order_share_caps == ()
    assert second.validity.times.is_always


def test_what_earns_a_voucher_is_read_from_its_document() -> None:
    document = campaign_document()
    document["voucher_types"][1] |= {"distribution": "EARNED", "earned_by": EARNED_BY}
    _, second, *_ = campaign_from_document(document).voucher_types
    assert second.distribution is Distribution.EARNED
    assert second.earned_by == EarningRule(10_000, ThresholdBase.AFTER_DISCOUNTS)


def test_the_first_cap_that_fits_industry_and_platform_counts() -> None:
    document = campaign_document()
    document["voucher_types"][0] |= {
        "order_share_cap_bp": 9_000,
        "order_share_caps": [
            {"share_bp": 1, "industries": ["dining"], "platforms": ["jd"]},
            {"share_bp": 2, "industries": ["dining"]},
            {"share_bp": 3, "platforms": ["jd"]},
        ],
    }
    voucher_type = campaign_from_document(document).voucher_types[0]
    found = {
        (industry, platform): voucher_type.benefit_at(industry, platform).order_share_cap_bp
        for industry in ("dining", "retail")
        for platform in ("jd", "unionpay")
    }
    assert found == {
        ("dining", "jd"): 1,
        ("dining", "unionpay"): 2,
        ("retail", "jd"): 3,
        ("retail", "unionpay"): 9_000,
    }


# A document as a value


def test_a_document_becomes_the_value_that_the_rules_read() -> None:
    made = campaign()
    assert made.name.zh == "新春消费券"
    assert made.identities == (IdentityKind.IDENTITY_NUMBER,)
    assert made.eligibility.located_in == ("11",)
    assert made.scope.industries == ("dining",)
    assert [t.benefit.kind for t in made.voucher_types] == list(VoucherKind)
    assert made.voucher_types[1].benefit.threshold_base is ThresholdBase.AFTER_DISCOUNTS
    assert made.rounds[0].opens_at == at("2026-01-05T02:00:00+00:00")
    assert made.rounds[0].opens_at.utcoffset() == at("2026-01-05T02:00:00+00:00").utcoffset()
    assert [(limit.scope, limit.max_count) for limit in made.limits] == [
        (LimitScope.VOUCHER_TYPE_PER_ROUND, 1),
        (LimitScope.CAMPAIGN, 4),
        (LimitScope.MERCHANT_PER_DAY, 2),
    ]
    assert made.refunds.whole_valid is WholeValidPolicy.RESTORE
    assert made.refunds.whole_expired is WholeExpiredPolicy.LAPSE
    assert made.refunds.part is PartPolicy.PRO_RATA
    assert (made.refund_window_days, made.hold_s) == (6, 900)
    assert made.rollover is Rollover.NEXT_ROUND


def test_a_type_reserves_the_public_share_of_the_most_it_can_cost() -> None:
    reserves = {t.voucher_type_id: t.unit_reserve_fen for t in campaign().voucher_types}
    assert reserves == RESERVES_FEN


def test_types_and_rounds_are_found_by_id_or_not_at_all() -> None:
    made = campaign()
    assert made.voucher_type(DISCOUNT) is made.voucher_types[1]
    assert made.voucher_type("discount") is None
    assert made.round(ROUND_2) is made.rounds[1]
    assert made.round("r9") is None
    assert made.platform_ids == ("meituan", "unionpay")


def test_a_round_is_followed_by_the_next_and_the_last_by_none() -> None:
    made = campaign()
    assert made.round_after(ROUND_1) is made.rounds[1]
    assert made.round_after(ROUND_2) is None


@pytest.mark.parametrize(
    ("section", "change"),
    [
        ("/voucher_types/0", {"face_fen": 0}),
        ("/voucher_types/0", {"cap_fen": 100}),
        ("/voucher_types/1", {"percent_off_bp": None}),
        ("/voucher_types/2", {"funding": {"fiscal_bp": 1, "platform_bp": 1, "merchant_bp": 1}}),
        ("/voucher_types/1", {"validity": {"kind": "DAYS"}}),
        ("/voucher_types/1", {"validity": {"kind": "ROUND", "days": 1}}),
        ("/voucher_types/2", {"validity": {"kind": "WINDOW"}}),
        ("/voucher_types/2",
         {"validity": {"kind": "WINDOW", "valid_from": "2026-01-07T00:00:00+08:00"}}),
        ("/voucher_types/0",
         {"validity": {"kind": "ROUND", "valid_until": "2026-01-07T00:00:00+08:00"}}),
    ],
)  # fmt: skip
def test_a_type_that_contradicts_itself_is_pointed_at(
    section: str, change: dict[str, object]
) -> None:
    document = campaign_document()
    document["voucher_types"][int(section[-1])] |= change
    with pytest.raises(HuiminError) as refused:
        campaign_from_document(document)
    assert refused.value.code is Code.CAMPAIGN_INVALID
    errors = refused.value.context["errors"]
    assert isinstance(errors, list)
    [fault] = errors
    assert fault["pointer"] == section
    assert fault["en"]
    assert fault["zh"]


# How long vouchers are good for


@pytest.mark.parametrize(
    ("issued_at", "valid_until"),
    [
        ("2026-01-05T10:00:00+08:00", "2026-01-08T00:00:00+08:00"),
        ("2026-01-05T23:59:59.999+08:00", "2026-01-08T00:00:00+08:00"),
        ("2026-01-06T00:00:00+08:00", "2026-01-09T00:00:00+08:00"),
    ],
)
def test_days_count_from_the_day_of_the_claim_as_the_first(
    issued_at: str, valid_until: str
) -> None:
    made = campaign()
    validity = validity_of(made.voucher_types[1], made.rounds[0], at(issued_at))
    assert validity == (at(issued_at), at(valid_until))


def test_a_voucher_of_one_day_ends_with_that_day() -> None:
    document = campaign_document()
    document["voucher_types"][1]["validity"]["days"] = 1
    made = campaign_from_document(document)
    issued_at = at("2026-01-05T23:59:59.999+08:00")
    ends_at = validity_of(made.voucher_types[1], made.rounds[0], issued_at)[1]
    assert ends_at == at("2026-01-06T00:00:00+08:00")


def test_a_voucher_of_a_round_ends_with_it() -> None:
    made = campaign()
    issued_at = at("2026-01-12T09:59:59+08:00")
    validity = validity_of(made.voucher_types[0], made.rounds[0], issued_at)
    assert validity == (issued_at, at("2026-01-12T10:00:00+08:00"))


@pytest.mark.parametrize(
    ("issued_at", "valid_from"),
    [
        ("2026-01-05T10:00:00+08:00", "2026-01-07T00:00:00+08:00"),
        ("2026-01-07T00:00:00+08:00", "2026-01-07T00:00:00+08:00"),
        ("2026-01-09T10:00:00+08:00", "2026-01-09T10:00:00+08:00"),
    ],
)
def test_a_window_begins_when_it_does_but_never_before_the_claim(
    issued_at: str, valid_from: str
) -> None:
    made = campaign()
    validity = validity_of(made.voucher_types[2], made.rounds[0], at(issued_at))
    assert validity == (at(valid_from), at("2026-01-20T00:00:00+08:00"))


def test_refunds_end_some_days_after_the_last_voucher_that_could_be_issued() -> None:
    made = campaign()
    # The last round closes on the 19th; three days from then end before the 22nd.
    assert made.vouchers_end_at == at("2026-01-22T00:00:00+08:00")
    assert made.refunds_end_at == at("2026-01-28T00:00:00+08:00")
    assert campaign(refunds=made_refunds(window_days=0)).refunds_end_at == made.vouchers_end_at


def made_refunds(**changes: object) -> dict[str, Any]:
    refunds: dict[str, Any] = campaign_document()["refunds"]
    return refunds | changes


def test_a_validity_holds_what_its_kind_needs_and_no_more() -> None:
    begin, end = at("2026-01-05T10:00:00+08:00"), at("2026-01-06T10:00:00+08:00")
    Validity(ValidityKind.DAYS, days=1)
    Validity(ValidityKind.WINDOW, valid_from=begin, valid_until=end)
    for kind, given in (
        (ValidityKind.DAYS, {}),
        (ValidityKind.DAYS, {"days": 1, "valid_from": begin, "valid_until": end}),
        (ValidityKind.ROUND, {"days": 1}),
        (ValidityKind.WINDOW, {"days": 1, "valid_from": begin, "valid_until": end}),
        (ValidityKind.WINDOW, {"valid_until": end}),
    ):
        with pytest.raises(ValueError, match=r"^validity\."):
            Validity(kind, **given)


# Faults, one by one


def changed(*changes: Change) -> dict[str, Any]:
    document = copy.deepcopy(campaign_document())
    for change in changes:
        change(document)
    return document


def findings(*changes: Change) -> list[Finding]:
    return check_campaign(campaign_from_document(changed(*changes)))


def set_at(*path: str | int, to: object) -> Change:
    def change(document: dict[str, Any]) -> None:
        place: Any = document
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = to

    return change


def repeat(*path: str | int, entry: int = 0) -> Change:
    def change(document: dict[str, Any]) -> None:
        place: Any = document
        for step in path:
            place = place[step]
        place.append(copy.deepcopy(place[entry]))

    return change


def test_the_small_campaign_has_no_fault() -> None:
    assert findings() == []


def pack(*voucher_type_ids: str) -> Change:
    """Adds a pack of those."""
    section = {"pack_id": "p", "name": {"zh": "包", "en": "P"}}
    return set_at("packs", to=[section | {"voucher_type_ids": list(voucher_type_ids)}])


WINDOW = ("voucher_types", 2, "validity")
NEXT_DAY = {"starts": "NEXT_DAY"}
EARNED_BY = {"threshold_fen": 10_000, "threshold_base": "AFTER_DISCOUNTS"}
TUESDAYS = {"kind": "DAYS", "times": {"weekdays": [2]}}
FAULTS: list[tuple[str, tuple[Change, ...], list[str]]] = [
    ("a folder's name", (set_at("campaign_id", to="invariants"),), ["/campaign_id"]),
    ("a type twice", (repeat("voucher_types"),), ["/voucher_types/3"]),
    ("a type three times", (repeat("voucher_types"), repeat("voucher_types")),
     ["/voucher_types/3", "/voucher_types/4"]),
    ("a round's id twice", (set_at("rounds", 1, "round_id", to="r1"),), ["/rounds/1"]),
    ("a limit twice", (repeat("limits", entry=1),), ["/limits/3"]),
    ("an identity twice", (repeat("person", "identities"),), ["/person/identities/1"]),
    ("a pool twice", (repeat("rounds", 1, "stock", entry=2),), ["/rounds/1/stock/4"]),
    ("a round that closes as it opens",
     (set_at("rounds", 1, "closes_at", to="2026-01-12T10:00:00+08:00"),), ["/rounds/1/closes_at"]),
    ("a round that closes before it opens",
     (set_at("rounds", 0, "closes_at", to="2026-01-05T09:00:00+08:00"),), ["/rounds/0/closes_at"]),
    ("rounds that overlap by a second",
     (set_at("rounds", 1, "opens_at", to="2026-01-12T09:59:59+08:00"),), ["/rounds/1/opens_at"]),
    ("stock of an unknown type",
     (set_at("rounds", 0, "stock", 1, "voucher_type_id", to="10-5"),),
     ["/rounds/0/stock/1/voucher_type_id"]),
    ("no identity", (set_at("person", "identities", to=[]),
                     set_at("person", "eligibility", "real_name", to=False)),
     ["/person/identities"]),
    ("real names without the identity number", (set_at("person", "identities", to=["PHONE"]),),
     ["/person/eligibility/real_name"]),
    ("a window that ends as it begins",
     (set_at(*WINDOW, "valid_from", to="2026-01-20T00:00:00+08:00"),),
     ["/voucher_types/2/validity/valid_until"]),
    ("a window that ends before a round which gives its vouchers",
     (set_at(*WINDOW, "valid_until", to="2026-01-19T09:59:59+08:00"),),
     ["/voucher_types/2/validity/valid_until"]),
    ("a round that never ends",
     (set_at("rounds", 1, "closes_at", to="9999-12-31T00:00:00+08:00"),
      set_at(*WINDOW, "valid_until", to="9999-12-31T23:59:59+08:00")),
     ["/rounds/1/closes_at", "/voucher_types/2/validity/valid_until"]),
    ("a round that opens a second before 2000",
     (set_at("rounds", 0, "opens_at", to="1999-12-31T23:59:59Z"),), ["/rounds/0/opens_at"]),
    ("a window to the first instant of 2200",
     (set_at(*WINDOW, "valid_until", to="2200-01-01T00:00:00Z"),),
     ["/voucher_types/2/validity/valid_until"]),
    ("a voucher of the next day that ends with its round",
     (set_at("voucher_types", 0, "validity", to=NEXT_DAY | {"kind": "ROUND"}),),
     ["/voucher_types/0/validity"]),
    ("a voucher of one day for a weekday that whoever claims last never sees",
     (set_at("voucher_types", 0, "validity", to=TUESDAYS | {"days": 1}),),
     ["/voucher_types/0/validity"]),
    ("a round that never ends, with vouchers of the next day",
     (set_at("rounds", 1, "closes_at", to="9999-12-31T00:00:00+08:00"),
      set_at(*WINDOW, "valid_until", to="9999-12-31T23:59:59+08:00"),
      set_at("voucher_types", 0, "validity", to=NEXT_DAY | {"kind": "DAYS", "days": 3})),
     ["/rounds/1/closes_at", "/voucher_types/2/validity/valid_until"]),
    ("a pack of an unknown type", (pack(REDUCTION, "10-5"),), ["/packs/0/voucher_type_ids/1"]),
    ("a pack with a type that is granted",
     (pack(REDUCTION, DISCOUNT), set_at("voucher_types", 1, "distribution", to="DIRECT")),
     ["/packs/0/voucher_type_ids/1"]),
    ("a pack with a type that is earned",
     (pack(REDUCTION, DISCOUNT), set_at("voucher_types", 1, "distribution", to="EARNED"),
      set_at("voucher_types", 1, "earned_by", to=EARNED_BY)),
     ["/packs/0/voucher_type_ids/1"]),
    ("a type that no order earns", (set_at("voucher_types", 1, "distribution", to="EARNED"),),
     ["/voucher_types/1/earned_by"]),
    ("an order that earns what is claimed",
     (set_at("voucher_types", 1, "earned_by", to=EARNED_BY),), ["/voucher_types/1/earned_by"]),
    ("a pack of more than a person may have of a type", (pack(REDUCTION, REDUCTION),),
     ["/packs/0"]),
    ("a pack of more than a person may have in all",
     (pack(REDUCTION, DISCOUNT), set_at("limits", 1, "max_count", to=1)), ["/packs/0"]),
    ("a window from the first year",
     (set_at(*WINDOW, "valid_from", to="0001-01-02T00:00:00+08:00"),),
     ["/voucher_types/2/validity/valid_from"]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "pointers"), [f[1:] for f in FAULTS], ids=[f[0] for f in FAULTS]
)
def test_a_fault_is_pointed_at_and_told_in_both_languages(
    changes: tuple[Change, ...], pointers: list[str]
) -> None:
    found = findings(*changes)
    assert [finding.pointer for finding in found] == pointers
    for finding in found:
        assert finding.en.isascii()
        assert any("一" <= character <= "龥" for character in finding.zh)


@pytest.mark.parametrize(
    "changes",
    [
        (set_at("rounds", 1, "opens_at", to="2026-01-12T10:00:01+08:00"),),  # a gap is no fault
        (set_at("person", "identities", to=["PHONE", "IDENTITY_NUMBER"]),),
        (set_at(*WINDOW, "valid_until", to="2026-01-19T10:00:00+08:00"),),  # to the last claim
        # A window that ends before a round in which nobody can get its vouchers.
        (set_at(*WINDOW, "valid_until", to="2026-01-12T10:00:00+08:00"),
         set_at("rounds", 1, "stock", 3, "voucher_type_id", to=REDUCTION),
         set_at("rounds", 1, "stock", 3, "platform_id", to="jd")),
        (set_at("rounds", 0, "opens_at", to="2000-01-01T00:00:00Z"),),
        (pack(REDUCTION, DISCOUNT),),
        # Whoever claims last, on a Monday morning, has the Tuesday.
        (set_at("voucher_types", 0, "validity", to=TUESDAYS | {"days": 2}),),
        (set_at("voucher_types", 0, "validity", to=NEXT_DAY | {"kind": "DAYS", "days": 1}),),
        (set_at("rounds", 1, "closes_at", to="2199-12-31T23:59:59Z"),
         set_at(*WINDOW, "valid_until", to="2199-12-31T23:59:59Z")),
    ],
)  # fmt: skip
def test_what_is_unusual_is_no_fault(changes: tuple[Change, ...]) -> None:
    assert findings(*changes) == []


# 2 × (3 + 3) × 2,000 + 2 × 3 × 1,800 + 2 × 3,000
PLANNED_FEN = 40_800


@pytest.mark.parametrize(("appropriated_fen", "faults"), [(PLANNED_FEN, 0), (PLANNED_FEN - 1, 1)])
def test_the_stock_may_cost_the_appropriation_and_not_a_fen_more(
    appropriated_fen: int, faults: int
) -> None:
    found = findings(set_at("appropriated_fen", to=appropriated_fen))
    assert [finding.pointer for finding in found] == ["/appropriated_fen"] * faults
    for finding in found:
        assert str(PLANNED_FEN) in finding.en
        assert str(PLANNED_FEN) in finding.zh


def test_every_fault_is_found_at_once() -> None:
    found = findings(
        set_at("appropriated_fen", to=1), set_at("rounds", 1, "round_id", to="r1"), repeat("limits")
    )
    assert {f.pointer for f in found} == {"/appropriated_fen", "/rounds/1", "/limits/3"}


def test_a_ticket_of_another_kind_of_validity_is_not_asked_for_a_window() -> None:
    document = changed(set_at(*WINDOW[:2], "validity", to={"kind": "ROUND"}))
    assert campaign_from_document(document).voucher_type(TICKET)
    assert check_campaign(campaign_from_document(document)) == []
