"""What every table must look like wherever it is made."""

from __future__ import annotations

from functions.shared.store.schemas import IndexSchema, KeySchema, TableSchema, table_schema
from functions.shared.store.tables import MODELS, BreakItem, LedgerItem, VoucherItem

KEYS = {
    "campaigns": KeySchema("campaign_id", "S"),
    "pools": KeySchema("campaign_id", "S", "pool_key", "S"),
    "stock": KeySchema("shard_id", "S"),
    "homes": KeySchema("pool_id", "S"),
    "changes": KeySchema("campaign_id", "S", "change_id", "S"),
    "grants": KeySchema("campaign_id", "S", "grant_id", "S"),
    "grant_rows": KeySchema("part_key", "S", "voucher_id", "S"),
    "grant_parts": KeySchema("part_key", "S"),
    "people": KeySchema("person_key", "S"),
    "vouchers": KeySchema("voucher_id", "S"),
    "refusals": KeySchema("voucher_id", "S"),
    "ledger": KeySchema("redemption_id", "S", "entry_key", "S"),
    "earnings": KeySchema("voucher_id", "S", "entry_key", "S"),
    "settlements": KeySchema("campaign_id", "S", "statement_key", "S"),
    "breaks": KeySchema("day_key", "S", "break_id", "S"),
    "bills": KeySchema("platform_id", "S", "bill_key", "S"),
    "merchants": KeySchema("merchant_id", "S", "effective_on", "S"),
    "platforms": KeySchema("platform_id", "S"),
    "callers": KeySchema("role_arn", "S"),
}


def test_every_table_has_its_keys() -> None:
    """A changed key is a new table: it must not happen by a slip."""
    assert {schema.suffix: schema.key for schema in map(table_schema, MODELS)} == KEYS


def test_three_tables_have_an_index_and_no_table_another() -> None:
    by_issue_day = IndexSchema(
        "by_issue_day",
        KeySchema("issue_bucket", "S", "valid_until", "S"),
        "INCLUDE",
        ("state", "person_ref", "voucher_type_id", "platform_id", "round_id", "reserve_fen"),
    )
    by_day = IndexSchema("by_day", KeySchema("day_bucket", "S", "recorded_key", "S"), "ALL")
    assert table_schema(VoucherItem) == TableSchema("vouchers", KEYS["vouchers"], (by_issue_day,))
    assert table_schema(LedgerItem) == TableSchema("ledger", KEYS["ledger"], (by_day,))
    unresolved = IndexSchema(
        "unresolved", KeySchema("platform_id", "S", "unresolved_key", "S"), "ALL"
    )
    assert table_schema(BreakItem) == TableSchema("breaks", KEYS["breaks"], (unresolved,))
    assert sum(len(table_schema(model).indexes) for model in MODELS) == 3


def test_no_identity_has_a_place_in_any_table() -> None:
    """Persons are refs everywhere: no model declares an attribute for what a ref was made from."""
    names = {name for model in MODELS for name in model.get_attributes()}
    assert not names & {"identity_number", "phone", "account", "person", "name_of_person"}
