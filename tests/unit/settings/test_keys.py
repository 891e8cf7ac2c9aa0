"""The settings of encryption."""

import os
from pathlib import Path

import pytest

from transfer.settings import Settings, SettingsError, load


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):  # noqa: TID251 - what the caller has set must not matter here
        if name.startswith("TRANSFER_"):
            monkeypatch.delenv(name)


def test_nothing_is_encrypted_unless_the_operator_says_so() -> None:
    settings = load()
    assert (settings.encrypt_cases, settings.master_keys) == (False, ())


@pytest.mark.parametrize(
    "given",
    [
        "file:/keys/new, command:/usr/local/bin/kms",
        ["file:/keys/new", "command:/usr/local/bin/kms"],
    ],
)
def test_master_keys_are_listed_the_newest_first(given: object) -> None:
    settings = load(master_keys=given, encrypt_cases=True)
    assert settings.master_key_sources == [
        ("file", Path("/keys/new")),
        ("command", Path("/usr/local/bin/kms")),
    ]
    assert Settings(**settings.to_given()) == settings


@pytest.mark.parametrize("given", ["/keys/new", "file:", "kms:x", "file:/a,file:/a", "file:/a,b"])
def test_other_sources_of_master_keys_are_refused(given: str) -> None:
    with pytest.raises(SettingsError, match="TRANSFER_MASTER_KEYS: expected"):
        load(master_keys=given)


def test_encryption_needs_a_master_key() -> None:
    with pytest.raises(SettingsError, match="TRANSFER_MASTER_KEYS: missing"):
        load(encrypt_cases=True)


def test_master_keys_without_encryption_read_what_was_encrypted_before() -> None:
    assert not load(master_keys="file:/keys/new").encrypt_cases


@pytest.mark.parametrize(
    ("url", "is_good"),
    [
        ("https://s3.example.com", True),
        ("http://127.0.0.1:8333", True),
        ("http://s3.example.com", False),
        ("http://10.0.0.7:9000", False),
    ],
)
@pytest.mark.parametrize("encrypts", [True, False])
def test_keys_travel_by_tls_or_not_at_all(url: str, is_good: bool, encrypts: bool) -> None:
    given = {
        "s3_endpoint_url": url,
        "master_keys": "file:/keys/new",
        "encrypt_cases": encrypts,
    }
    if is_good:
        assert load(**given).encrypt_cases == encrypts
        return
    with pytest.raises(SettingsError, match="TRANSFER_S3_ENDPOINT_URL: expected an https URL"):
        load(**given)


def test_without_keys_the_store_is_reached_as_the_operator_likes() -> None:
    assert load(s3_endpoint_url="http://10.0.0.7:9000").master_keys == ()
