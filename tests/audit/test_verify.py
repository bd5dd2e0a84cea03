"""A sound folder passes; whatever is edited, added, left out or moved is found and named."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from typer.testing import CliRunner

from functions.shared.edge import telemetry
from infra.audit.findings import MEANINGS, Kind
from infra.audit.sources import Folder
from infra.audit.verify import Verdict, verify_all
from infra.cli.main import app
from tests.audit.clumsy import CLUMSY, flip
from tests.audit.forger import Forger
from tests.audit.hidden_breaks import HIDDEN_BREAKS
from tests.audit.places import PAYMENT
from tests.audit.season import write_season
from tests.audit.skilful import SKILFUL, another_key


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of a whole season, as downloaded."""
    folder = tmp_path_factory.mktemp("season")
    telemetry.silence()
    write_season(folder)
    telemetry.write_to(None)
    return folder


@pytest.fixture
def forger(sound: Path, tmp_path: Path) -> Forger:
    """At work on a copy of them."""
    return Forger(Path(shutil.copytree(sound, tmp_path / "copy")))


def verdict_on(folder: Path) -> Verdict:
    return verify_all(Folder(folder))


def test_a_sound_folder_passes_and_it_is_said_what_was_checked(sound: Path) -> None:
    verdict = verdict_on(sound)
    assert verdict.findings == []
    assert verdict.is_sound
    counted = dict(verdict.counted)
    assert counted.pop("manifests") > 20
    assert counted.pop("files") > 100
    assert counted == {
        "journal days": 29,
        "journal lines": 88,
        "vouchers": 14,
        "redemptions": 6,
        "settlements": 7,
        "payouts": 2,
        "reports": 5,
        "fund returns": 2,
        "rows matched": 14,
        "decisions on breaks": 8,
        "open breaks listed": 10,
        "signatures": 6,
    }


@pytest.mark.parametrize("name", CLUMSY)
def test_a_clumsy_edit_is_found_and_named(forger: Forger, name: str) -> None:
    edit, kinds = CLUMSY[name]
    edit(forger)
    verdict = verdict_on(forger.folder)
    assert not verdict.is_sound
    assert {finding.kind for finding in verdict.findings} >= kinds, verdict.findings


@pytest.mark.parametrize("name", SKILFUL)
def test_a_skilful_edit_is_found_by_recomputing(forger: Forger, name: str) -> None:
    edit, kinds = SKILFUL[name]
    edit(forger)
    verdict = verdict_on(forger.folder)
    found = {finding.kind for finding in verdict.findings}
    assert Kind.FILE not in found, verdict.findings
    assert found >= kinds, verdict.findings


@pytest.mark.parametrize("name", HIDDEN_BREAKS)
def test_a_break_that_is_hidden_or_made_up_is_found(forger: Forger, name: str) -> None:
    HIDDEN_BREAKS[name](forger)
    verdict = verdict_on(forger.folder)
    found = {finding.kind for finding in verdict.findings}
    assert Kind.FILE not in found, verdict.findings
    assert Kind.BREAK in found, verdict.findings


# The command


def test_whatanother_key_signed_is_found_where_the_bureaus_is_given(forger: Forger) -> None:
    """Whoever signs with a key of their own shows another fingerprint, and cannot show this one."""
    folder = (forger.folder / PAYMENT).parent
    trusted = (folder / "signing-key.pem").read_bytes()
    sound = verify_all(Folder(forger.folder), signing_keys=[trusted])
    assert sound.is_sound
    assert len(sound.signing_keys) == 1
    key, pem = another_key()
    page = (folder / "statement.html").read_bytes().replace(b"li.na", b"li.mu")
    forger.edit_set(PAYMENT, "statement.html", lambda _: page)
    for name in ("statement.html", "pain.001.xml"):
        data = (folder / name).read_bytes()
        (folder / f"{name}.sig").write_bytes(key.sign(data, padding.PKCS1v15(), hashes.SHA256()))
    forger.edit_set(PAYMENT, "signing-key.pem", lambda _: pem)
    fingerprint = hashlib.sha256(
        key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    ).hexdigest()
    forger.describe_again(folder, signing_key=fingerprint)
    assert verdict_on(forger.folder).signing_keys == {*sound.signing_keys, fingerprint}
    found = verify_all(Folder(forger.folder), signing_keys=[trusted])
    assert {finding.kind for finding in found.findings} == {Kind.RETURN}


def test_openssl_verifies_a_statement(sound: Path) -> None:
    """As docs/audit.md says, with nothing of ours."""
    openssl = shutil.which("openssl")
    assert openssl is not None
    folder = (sound / PAYMENT).parent
    for name in ("statement.html", "pain.001.xml"):
        command = [openssl, "dgst", "-sha256", "-verify", "signing-key.pem"]
        command += ["-signature", f"{name}.sig", name]
        said = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)  # noqa: S603 - ours
        assert said.stdout == "Verified OK\n"


def test_the_command_says_what_it_checked_and_ends_with_0(sound: Path) -> None:
    result = CliRunner().invoke(app, ["audit", "verify", str(sound)])
    assert result.exit_code == 0, result.output
    assert "journal lines" in result.output
    assert "audit: OK" in result.output


def test_the_command_names_what_it_found_in_both_languages_and_ends_with_1(
    forger: Forger,
) -> None:
    flip(forger.lines_of(0))
    result = CliRunner().invoke(app, ["audit", "verify", str(forger.folder)])
    assert result.exit_code == 1
    assert "journal.jsonl" in result.output
    for words in (MEANINGS[Kind.FILE].zh, MEANINGS[Kind.FILE].en, "audit: FAILED"):
        assert words in result.output


def test_the_command_takes_the_bureaus_key_and_no_other_file(sound: Path, tmp_path: Path) -> None:
    key, other = (sound / PAYMENT).with_name("signing-key.pem"), tmp_path / "another.pem"
    other.write_bytes(another_key()[1])
    wrong = tmp_path / "wrong.pem"
    wrong.write_bytes(b"no key")
    run = CliRunner()
    said = {
        path: run.invoke(app, ["audit", "verify", str(sound), "--signing-key", str(path)])
        for path in (key, other, wrong)
    }
    assert [said[path].exit_code for path in (key, other, wrong)] == [0, 1, 2]
    assert "签名公钥 SHA-256: " in said[key].output
    assert "--signing-key: not an RSA public key in PEM" in said[wrong].output


def test_a_folder_without_a_journal_is_not_sound(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["audit", "verify", str(tmp_path)])
    assert result.exit_code == 1
    assert "no journal" in result.output


def test_a_folder_that_is_not_there_is_told() -> None:
    result = CliRunner().invoke(app, ["audit", "verify", "./nowhere"])
    assert result.exit_code == 2
    assert "no folder" in result.output
