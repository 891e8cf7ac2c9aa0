"""The certificate that the service makes itself."""

import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path
from ssl import SSLError, TLSVersion

import pytest
from cryptography import x509

from transfer.http.tls import LIFETIME, own_certificate, server_context

NOW = datetime(2026, 3, 2, tzinfo=UTC)


def names_in(path: Path) -> set[str]:
    made = x509.load_pem_x509_certificate(path.read_bytes())
    names = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return {str(name.value) for name in names}


def test_a_certificate_names_this_machine_and_what_was_asked_for(tmp_path: Path) -> None:
    made = own_certificate(tmp_path / "new", ["files.example.com", "192.0.2.7", "hôte"], NOW)
    assert names_in(made.certificate) == {
        "localhost",
        "127.0.0.1",
        "::1",
        "files.example.com",
        "192.0.2.7",
    }
    assert len(made.fingerprint) == 95


def test_nobody_else_can_read_the_key(tmp_path: Path) -> None:
    made = own_certificate(tmp_path, [], NOW)
    assert stat.S_IMODE(made.key.stat().st_mode) == 0o600


def test_a_certificate_is_kept_while_it_is_good(tmp_path: Path) -> None:
    first = own_certificate(tmp_path, ["a.example"], NOW)
    assert own_certificate(tmp_path, ["a.example"], NOW + LIFETIME / 2) == first
    assert own_certificate(tmp_path, [], NOW) == first


def test_a_certificate_is_replaced_when_it_is_not(tmp_path: Path) -> None:
    first = own_certificate(tmp_path, [], NOW)
    other_name = own_certificate(tmp_path, ["b.example"], NOW)
    renewed = own_certificate(tmp_path, ["b.example"], NOW + LIFETIME - timedelta(days=29))
    renewed.key.write_bytes(b"damaged")
    repaired = own_certificate(tmp_path, ["b.example"], NOW + LIFETIME)
    fingerprints = {one.fingerprint for one in (first, other_name, renewed, repaired)}
    assert len(fingerprints) == 4


def test_old_tls_is_not_spoken(tmp_path: Path) -> None:
    made = own_certificate(tmp_path, [], NOW)
    context = server_context(made.certificate, made.key)
    assert context.minimum_version is TLSVersion.TLSv1_2


def test_a_key_that_is_none_is_told(tmp_path: Path) -> None:
    made = own_certificate(tmp_path, [], NOW)
    made.key.write_text("nonsense")
    with pytest.raises((OSError, SSLError)):
        server_context(made.certificate, made.key)
