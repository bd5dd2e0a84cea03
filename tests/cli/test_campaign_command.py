"""`huimin campaign`: faults named by place, rules in plain language, orders explained."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from typer.testing import CliRunner, Result

from infra.cli.main import app
from infra.docs import CAMPAIGN_SCHEMA, render_campaign_schema
from tests.support.campaigns import DISCOUNT, REDUCTION, TICKET, campaign_document, earning_document

DOCUMENTS = sorted(
    path for path in CAMPAIGN_SCHEMA.parent.glob("*.json") if path != CAMPAIGN_SCHEMA
)
every_document = pytest.mark.parametrize("path", DOCUMENTS, ids=[path.stem for path in DOCUMENTS])


def run(*words: str) -> Result:
    return CliRunner().invoke(app, ["campaign", *words])


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """A document with something of everything, as a file."""
    document = campaign_document()
    document["voucher_types"][0]["stacking"] = {"with_platform_discount": False}
    document["voucher_types"][0]["validity"] = {
        "kind": "DAYS",
        "days": 7,
        "starts": "NEXT_DAY",
        "times": {"weekdays": [6, 7], "hours": [{"from": "10:30", "until": "24:00"}]},
    }
    document["voucher_types"][2]["order_share_caps"] = [{"share_bp": 2_000, "platforms": ["jd"]}]
    document["voucher_types"][2]["distribution"] = "DIRECT"
    document["scope"] |= {"merchants": ["noodles"], "districts": ["110107"]}
    pack = {"zh": "券包", "en": "A pack"}
    document["packs"] = [
        {"pack_id": "both", "name": pack, "voucher_type_ids": [REDUCTION, DISCOUNT]}
    ]
    return write(tmp_path, document)


def write(folder: Path, document: object) -> Path:
    path = folder / "campaign.json"
    path.write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")
    return path


# The schema, for editors


def test_the_committed_schema_is_what_the_code_says() -> None:
    """Written by `python -m infra.docs`; it must never be behind the code."""
    assert CAMPAIGN_SCHEMA.read_text(encoding="utf-8") == render_campaign_schema()


@every_document
def test_every_document_fits_the_schema_and_passes(path: Path) -> None:
    schema = json.loads(CAMPAIGN_SCHEMA.read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    document = json.loads(path.read_text(encoding="utf-8"))
    assert document["$schema"] == f"./{CAMPAIGN_SCHEMA.name}"
    assert list(Draft202012Validator(schema).iter_errors(document)) == []
    assert run("check", str(path)).exit_code == 0
    assert run("explain", str(path), "--order", "320", "--merchant-discount", "30").exit_code == 0


# check


def test_the_rules_are_told_in_plain_language_in_both_languages(written: Path) -> None:
    result = run("check", str(written))
    assert result.exit_code == 0, result.output
    for words in (
        "10,000.00 yuan appropriated; all planned vouchers can cost",
        "拨款 10,000.00 元",
        "Only persons located in 11",
        "At most 4 vouchers in all",
        "Only 1 merchants that are named",
        "仅限位于 110107 的商户",
        "20.00 yuan off",
        "优惠前订单金额满 50.00 元可用",
        "20.00% off, at most 30.00 yuan",
        "Paid by public money 60.00%, platform 25.00%, merchant 15.00%",
        "Usable from the day after the claim for 7 days",
        "Only Sat, Sun, 10:30–24:00 (Beijing time)",
        "仅限 周六、周日、10:30–24:00（北京时间）",
        "Not beside a discount of the platform's",
        "jd：不超过订单的 20.00%",
        "Granted by the bureau to persons on a list; nobody can claim it",
        "All of 50-20, fifth-off, or none",
        "r1: 2026-01-05 10:00:00 to 2026-01-12 10:00:00",
        "50-20 · unionpay：3 张",
        "What a round leaves over, and what lapses, becomes the next round's stock",
        "A part of the order: the voucher's share of it goes back; the voucher stays used",
        "A hold lasts 900 seconds",
    ):
        assert words in result.output, words


@pytest.mark.parametrize(
    ("lang", "there", "absent"), [("zh", "退款", "Refunds"), ("en", "Refunds", "退款")]
)
def test_one_language_is_enough(written: Path, lang: str, there: str, absent: str) -> None:
    result = run("check", str(written), "--lang", lang)
    assert there in result.output
    assert absent not in result.output
    assert run("check", str(written), "--lang", "fr").exit_code == 2


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"hold_s": 1}, ["/hold_s", "60"]),
        ({"anything": 1}, ["/anything", "remove it", "请"]),
        ({"appropriated_fen": 100}, ["/appropriated_fen", "more than the 100 appropriated"]),
        (
            {"limits": [{"scope": "CAMPAIGN", "max_count": 1}] * 2},
            ["/limits/1", "CAMPAIGN 重复出现"],
        ),
    ],
)
def test_every_fault_is_named_with_its_place_in_both_languages(
    tmp_path: Path, changes: dict[str, Any], words: list[str]
) -> None:
    result = run("check", str(write(tmp_path, campaign_document(**changes))))
    assert result.exit_code == 1
    assert all(word in result.output for word in words), result.output


@pytest.mark.parametrize(
    ("data", "words"),
    [(b"{", "JSON"), (b'{"a":1,"a":2}', "a"), ("{}".encode("utf-16"), "UTF-8"), (b"[]", "{ }")],
)
def test_what_is_no_document_at_all_is_told_so(tmp_path: Path, data: bytes, words: str) -> None:
    path = tmp_path / "campaign.json"
    path.write_bytes(data)
    result = run("check", str(path))
    assert result.exit_code == 1
    assert words in result.output


# explain


def explained(path: Path, *words: str) -> str:
    result = run("explain", str(path), "--lang", "en", *words)
    assert result.exit_code == 0, result.output
    return result.output


def test_an_order_is_explained_to_the_fen(written: Path) -> None:
    told = explained(written, "--order", "99.99", "--type", DISCOUNT, "--merchant-discount", "10")
    for words in (
        "order 99.99",
        "the merchant takes 10.00 off",
        "AFTER_DISCOUNTS counts 89.99; the threshold is 10.00",
        "20.00% of it is 17.99; at most 30.00",
        "the voucher takes 17.99 off",
        "public money 10.79, platform 4.50, merchant 2.70",
        "the consumer pays 72.00",
    ):
        assert words in told, words


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--order", "49.99", "--type", REDUCTION), "BELOW_THRESHOLD"),
        (
            ("--order", "60", "--platform-discount", "1", "--type", REDUCTION),
            "STACKING_NOT_ALLOWED",
        ),
        (("--order", "60", "--industry", "retail", "--type", REDUCTION), "retail is not in scope"),
        (("--order", "60", "--type", TICKET, "--platform", "jd"), "at most 20.00% of the order"),
        (
            ("--order", "60", "--type", REDUCTION, "--claimed-at", "2026-01-05T10:30"),
            "valid from 2026-01-06 00:00:00 to 2026-01-13 00:00:00",
        ),
        (
            ("--order", "60", "--type", REDUCTION, "--claimed-at", "2026-02-05T10:30"),
            "no round is open then",
        ),
    ],
)
def test_why_not_and_from_when_are_told(written: Path, words: tuple[str, ...], told: str) -> None:
    assert told in explained(written, *words)


def test_times_are_marked_as_met_or_not(written: Path) -> None:
    base = ("--order", "60", "--type", REDUCTION, "--claimed-at", "2026-01-05T10:30", "--at")
    assert "✗ within its weekdays" in explained(written, *base, "2026-01-09T12:00")
    assert "✓ within its weekdays" in explained(written, *base, "2026-01-10T12:00")


def test_refunds_are_explained_one_after_another(written: Path) -> None:
    told = explained(
        written, "--order", "80", "--type", REDUCTION, *("--refund", "20") * 4, "--refund", "0.01"
    )
    assert (
        told.count("refund of 20.00: 15.00 to the consumer, 5.00 of the voucher's goes back") == 4
    )
    assert "REFUND_EXCEEDS_REDEMPTION" in told


def test_what_an_order_earns_is_told_and_explained(tmp_path: Path) -> None:
    file = write(tmp_path, earning_document())
    rules = run("check", str(file), "--lang", "both").output
    assert "Earned, once an order" in rules
    assert "消费送券" in rules
    told = explained(file, "--order", "70", "--type", TICKET, "--merchant-discount", "10")
    assert "✓ the order earns 50-20 from 60.00; AFTER_MERCHANT counts 60.00" in told
    less = explained(file, "--order", "70", "--type", TICKET, "--merchant-discount", "10.01")
    assert "✗ the order earns 50-20 from 60.00; AFTER_MERCHANT counts 59.99" in less


def test_all_types_are_explained_where_none_is_named(written: Path) -> None:
    told = explained(written, "--order", "80")
    assert all(f"({name})" in told for name in (REDUCTION, DISCOUNT, TICKET))


@pytest.mark.parametrize(
    "words",
    [
        ("--order", "eighty"),
        ("--order", "80.001"),
        ("--order", "80", "--type", "none"),
        ("--order", "80", "--at", "noon"),
        ("--order", "80", "--refund", "-1"),
    ],
)
def test_rubbish_is_refused_with_what_to_write(written: Path, words: tuple[str, ...]) -> None:
    assert run("explain", str(written), *words).exit_code == 2


def test_an_order_that_cannot_be_is_told_so(written: Path) -> None:
    result = run("explain", str(written), "--order", "80", "--merchant-discount", "81")
    assert result.exit_code == 1
    assert "ORDER_AMOUNTS_INVALID" in result.output
