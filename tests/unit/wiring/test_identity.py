"""Sign-in of staff, as settings make it."""

from pathlib import Path

import pytest

from tests.clock import MovableClock
from transfer.http.tls import own_certificate
from transfer.records.migrate import upgrade
from transfer.settings import Settings, SettingsError, load
from transfer.wiring.identity import identity_provider, staff_sign_in
from transfer.wiring.parts import database_url, open_parts


def settings(folder: Path, **changed: object) -> Settings:
    given = {
        "data": folder,
        "public_url": "https://transfer.example.com/transfer/",
        "oidc_issuer": "https://id.example.com",
        "oidc_client_id": "case-transfer",
        "oidc_analyst_groups": "care",
        "oidc_admin_groups": '["CN=ops,OU=it"]',
        "oidc_groups_claim": "roles",
        "oidc_name_claim": "email",
        "oidc_scopes": "openid",
        **changed,
    }
    return load(**{name: value for name, value in given.items() if value is not None})


def file(folder: Path, content: bytes) -> Path:
    path = folder / "file"
    path.write_bytes(content)
    return path


def test_without_an_issuer_there_is_no_provider(tmp_path: Path) -> None:
    assert identity_provider(load(data=tmp_path), MovableClock()) is None


async def test_every_setting_reaches_the_sign_in(tmp_path: Path) -> None:
    secret = file(tmp_path, b"hush\n")
    told = settings(tmp_path, oidc_client_secret_file=secret)
    provider = identity_provider(told, MovableClock())
    assert provider is not None
    assert (
        provider._access.issuer,
        provider._access.client_id,
        provider._access.client_secret,
    ) == (
        "https://id.example.com",
        "case-transfer",
        "hush",
    )
    upgrade(database_url(told))
    async with open_parts(told) as parts:
        policy = staff_sign_in(parts, provider)._policy
    assert policy.redirect_uri == "https://transfer.example.com/transfer/sign-in/callback"
    assert (policy.client_id, policy.scopes) == ("case-transfer", ("openid",))
    assert (policy.groups.claim, policy.name_claim) == ("roles", "email")
    assert policy.groups.analysts == frozenset({"care"})
    assert policy.groups.admins == frozenset({"CN=ops,OU=it"})


@pytest.mark.parametrize("content", [None, b"", b" \n", b"\xff", b"a\nb", b"x" * 4097])
def test_a_secret_that_can_not_be_used_is_a_fault(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "nowhere" if content is None else file(tmp_path, content)
    with pytest.raises(SettingsError) as caught:
        identity_provider(settings(tmp_path, oidc_client_secret_file=path), MovableClock())
    assert caught.value.faults[0].startswith("TRANSFER_OIDC_CLIENT_SECRET_FILE: expected a file")


@pytest.mark.parametrize("content", [None, b"no certificate"])
def test_certificates_that_can_not_be_used_are_a_fault(
    tmp_path: Path, content: bytes | None
) -> None:
    path = tmp_path / "nowhere" if content is None else file(tmp_path, content)
    with pytest.raises(SettingsError) as caught:
        identity_provider(settings(tmp_path, oidc_ca_file=path), MovableClock())
    assert caught.value.faults[0].startswith("TRANSFER_OIDC_CA_FILE: expected a PEM file")


def test_certificates_that_can_be_used_are_the_ones_that_are_trusted(tmp_path: Path) -> None:
    own = own_certificate(tmp_path, ["id.example.com"], MovableClock().now())
    provider = identity_provider(settings(tmp_path, oidc_ca_file=own.certificate), MovableClock())
    assert provider is not None
    assert provider._client._tls is not None
