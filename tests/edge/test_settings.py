import json

import pytest

from functions.shared.edge import settings as module
from functions.shared.edge.routes import Role
from functions.shared.edge.settings import SettingError, Settings
from tests.edge.sample import ACCOUNT, BUREAU_ROLES, ENVIRONMENT


def test_tables_have_a_prefix_by_default() -> None:
    assert Settings({}).table_prefix == "huimin-"
    assert Settings({"HUIMIN_TABLE_PREFIX": "t-"}).table_prefix == "t-"


@pytest.mark.parametrize(
    ("attribute", "name"),
    [
        ("files_bucket", "HUIMIN_FILES_BUCKET"),
        ("secret_id", "HUIMIN_SECRET_ID"),
        ("bureau_roles", "HUIMIN_BUREAU_ROLES"),
        ("work_bucket", "HUIMIN_WORK_BUCKET"),
        ("day_rows", "HUIMIN_DAY_ROWS"),
        ("day_bytes", "HUIMIN_DAY_BYTES"),
    ],
)
def test_what_is_missing_is_named_when_it_is_asked_for(attribute: str, name: str) -> None:
    settings = Settings({name: ""})
    with pytest.raises(SettingError, match=f"{name} is not set"):
        getattr(settings, attribute)


def test_given_settings_are_read() -> None:
    settings = Settings({"HUIMIN_FILES_BUCKET": "files", "HUIMIN_SECRET_ID": "secret"})
    assert (settings.files_bucket, settings.secret_id) == ("files", "secret")


@pytest.mark.parametrize("value", ["2e6", "-1", "many", "²"])
def test_a_number_that_is_none_is_refused_by_its_name(value: str) -> None:
    with pytest.raises(SettingError, match="HUIMIN_DAY_ROWS"):
        _ = Settings({"HUIMIN_DAY_ROWS": value}).day_rows


def test_one_process_does_days_of_any_size_where_no_machine_is_named() -> None:
    assert Settings({}).day_machine == ""
    assert Settings({"HUIMIN_DAY_ROWS": "2000000"}).day_rows == 2_000_000


def test_roles_are_known_by_arn_without_their_path() -> None:
    assert Settings(ENVIRONMENT).bureau_roles == {
        f"{ACCOUNT}:role/huimin-operator": Role.OPERATOR,
        f"{ACCOUNT}:role/huimin-approver": Role.APPROVER,
        f"{ACCOUNT}:role/huimin-auditor": Role.AUDITOR,
    }


@pytest.mark.parametrize(
    "value",
    [
        "{",
        "[]",
        "{}",
        json.dumps({**BUREAU_ROLES, "platform": "arn:aws:iam::123456789012:role/x"}),
        json.dumps({**BUREAU_ROLES, "auditor": "huimin-auditor"}),
        json.dumps({**BUREAU_ROLES, "auditor": None}),
        json.dumps({**BUREAU_ROLES, "approver": f"{ACCOUNT}:role/other/huimin-operator"}),
    ],
)
def test_roles_that_are_wrong_or_shared_are_refused(value: str) -> None:
    with pytest.raises(SettingError, match="HUIMIN_BUREAU_ROLES"):
        _ = Settings({"HUIMIN_BUREAU_ROLES": value}).bureau_roles


def test_environment_is_read_at_first_use_and_anew_when_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HUIMIN_FILES_BUCKET", "first")
    module.forget()
    assert module.settings().files_bucket == "first"
    monkeypatch.setenv("HUIMIN_FILES_BUCKET", "second")
    assert module.settings().files_bucket == "first"
    module.forget()
    assert module.settings().files_bucket == "second"
    module.forget()
