"""The case core, as settings make it."""

from pathlib import Path

import pytest

from tests.clock import MovableClock
from transfer.casebridge.embedded import EmbeddedCaseCore
from transfer.casebridge.known import KnownCases
from transfer.casebridge.mirror_desk import MirrorDesk
from transfer.casebridge.rest import RestCaseCore
from transfer.http.tls import own_certificate
from transfer.records.migrate import upgrade
from transfer.settings import Settings, SettingsError, load
from transfer.wiring.cores import foreign_core
from transfer.wiring.parts import database_url, open_parts


def settings(folder: Path, **changed: object) -> Settings:
    token = folder / "token"
    token.write_text("hush\n")
    given = {
        "data": folder,
        "case_core": "rest",
        "case_core_url": "https://cases.example.com/v1/",
        "case_core_token_file": token,
        "case_core_timeout": "3s",
        "case_core_answer_lifetime": "7s",
        **changed,
    }
    return load(**given)


async def test_without_another_core_the_embedded_one_is_asked(tmp_path: Path) -> None:
    told = load(data=tmp_path)
    assert foreign_core(told, MovableClock()) is None
    upgrade(database_url(told))
    async with open_parts(told) as parts:
        assert isinstance(parts.tools.core, EmbeddedCaseCore)
        assert parts.desk is parts.tools.core
        assert parts.mirror is None


async def test_another_core_is_asked_by_what_is_known_of_it(tmp_path: Path) -> None:
    told = settings(tmp_path)
    upgrade(database_url(told))
    async with open_parts(told) as parts:
        assert isinstance(parts.tools.core, KnownCases)
        assert parts.mirror is parts.tools.core
        assert isinstance(parts.desk, MirrorDesk)
        assert parts.tools.core._lifetime == told.case_core_answer_lifetime


async def test_every_setting_reaches_the_client(tmp_path: Path) -> None:
    made = own_certificate(tmp_path, ["localhost"], MovableClock().now())
    core = foreign_core(settings(tmp_path, case_core_ca_file=made.certificate), MovableClock())
    assert isinstance(core, RestCaseCore)
    access = core._client._access
    assert access.headers == {"Authorization": "Bearer hush"}
    assert "hush" not in repr(access)
    assert access.timeout.total_seconds() == 3
    assert access.tls is not None
    assert (core._url, core._source) == ("https://cases.example.com/v1", "urn:case-transfer")
    await core.close()


def test_the_public_url_is_what_events_name_as_their_source(tmp_path: Path) -> None:
    told = settings(tmp_path, public_url="https://transfer.example.com")
    core = foreign_core(told, MovableClock())
    assert isinstance(core, RestCaseCore)
    assert core._source == "https://transfer.example.com"


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff", b"a\x00b", b"x" * 5000])
def test_a_token_that_cannot_be_one_is_a_fault(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "other"
    file.write_bytes(content)
    with pytest.raises(SettingsError, match="TRANSFER_CASE_CORE_TOKEN_FILE: expected"):
        foreign_core(settings(tmp_path, case_core_token_file=file), MovableClock())


@pytest.mark.parametrize("name", ["case_core_token_file", "case_core_ca_file"])
def test_a_file_that_is_not_there_is_a_fault(tmp_path: Path, name: str) -> None:
    told = settings(tmp_path, **{name: tmp_path / "gone"})
    with pytest.raises(SettingsError, match=f"TRANSFER_{name.upper()}: expected"):
        foreign_core(told, MovableClock())
