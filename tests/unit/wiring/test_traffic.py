"""Events that go out and come in: only the ways that are set, and keys that can be used."""

import base64
from pathlib import Path

import pytest

from transfer.ports import Destination
from transfer.records.migrate import upgrade
from transfer.settings import SettingsError, load
from transfer.wiring.parts import database_url, open_parts
from transfer.wiring.traffic import destinations_of, read_keys

KEY = f"whsec_{base64.b64encode(b'k' * 32).decode()}"


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    file = tmp_path / "keys"
    file.write_text(f"{KEY}\n")
    return file


async def test_without_settings_the_case_core_alone_is_told(tmp_path: Path) -> None:
    settings = load(data=tmp_path)
    upgrade(database_url(settings))
    assert destinations_of(settings) == [Destination.CORE]
    async with open_parts(settings) as parts:
        assert [name for name, _ in parts.traffic.loops()] == [
            "The dispatcher of events",
            "The watch over interruptions",
        ]
        assert parts.traffic.inbox is None
        parts.traffic.wake()


async def test_every_way_is_there_that_is_set(tmp_path: Path, key_file: Path) -> None:
    token = tmp_path / "token"
    token.write_text("secret")
    settings = load(
        data=tmp_path,
        case_core="rest",
        case_core_url="https://cases.example.com",
        case_core_token_file=token,
        case_events_key_file=key_file,
        events_url="https://events.example.com/in",
        events_key_file=key_file,
        public_url="https://transfer.example.com",
        mail_server="mail.example.com:587",
        mail_from="transfer@example.com",
        mail_to="care@example.com",
    )
    upgrade(database_url(settings))
    assert destinations_of(settings) == list(Destination)
    async with open_parts(settings) as parts:
        assert [name for name, _ in parts.traffic.loops()] == [
            "The dispatcher of events",
            "The dispatcher of webhooks",
            "The dispatcher of mail",
            "The watch over interruptions",
            "The reader of case events",
            "The reconciler",
        ]
        assert parts.traffic.inbox is not None
        parts.traffic.wake()


async def test_a_core_without_events_is_still_asked_for_changes(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("secret")
    settings = load(
        data=tmp_path,
        case_core="rest",
        case_core_url="https://cases.example.com",
        case_core_token_file=token,
    )
    upgrade(database_url(settings))
    async with open_parts(settings) as parts:
        assert parts.traffic.inbox is None
        assert "The reconciler" in [name for name, _ in parts.traffic.loops()]


@pytest.mark.parametrize("content", ["", "nothing", b"\xff\xfe", f"{KEY}\n" * 3])
def test_a_key_file_that_can_not_be_used_is_a_fault_without_its_content(
    tmp_path: Path, key_file: Path, content: str | bytes
) -> None:
    key_file.write_bytes(content.encode() if isinstance(content, str) else content)
    settings = load(events_url="https://events.example.com", events_key_file=key_file)
    with pytest.raises(SettingsError, match="TRANSFER_EVENTS_KEY_FILE: expected") as failed:
        read_keys(settings, "events_key_file")
    assert "nothing" not in str(failed.value)
    key_file.unlink()
    with pytest.raises(SettingsError, match="TRANSFER_EVENTS_KEY_FILE"):
        read_keys(settings, "events_key_file")


@pytest.mark.parametrize(
    ("given", "faulty"),
    [
        ({"events_url": "https://events.example.com"}, "EVENTS_KEY_FILE"),
        ({"events_key_file": "keys"}, "EVENTS_URL"),
        ({"events_url": "http://events.example.com", "events_key_file": "keys"}, "EVENTS_URL"),
        ({"case_events_key_file": "keys"}, "CASE_EVENTS_KEY_FILE"),
        ({"digest_quiet": "1h"}, "DIGEST_LONGEST"),
        ({"case_poll_interval": "0s"}, "CASE_POLL_INTERVAL"),
        ({"mail_server": "mail:25"}, "MAIL_FROM"),
        ({"mail_from": "a@b"}, "PUBLIC_URL"),
        ({"mail_to": "a@b"}, "MAIL_SERVER"),
        ({"mail_to": "Ada <a@b>"}, "MAIL_TO"),
        ({"mail_from": "a@b@c"}, "MAIL_FROM"),
        ({"mail_from": "a\n@b"}, "MAIL_FROM"),
        ({"mail_username": "x"}, "MAIL_PASSWORD_FILE"),
        (
            {"mail_server": "mail:25", "mail_from": "a@b", "public_url": "https://x.example"},
            "MAIL_TO",
        ),
    ],
)
def test_settings_of_events_that_can_not_be_are_faults(given: dict[str, str], faulty: str) -> None:
    with pytest.raises(SettingsError) as failed:
        load(**given)
    assert any(fault.startswith(f"TRANSFER_{faulty}:") for fault in failed.value.faults)
