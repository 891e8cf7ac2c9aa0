"""TLS for the embedded default: a certificate that the service makes itself, and the context."""

import ipaddress
import os
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

OLDEST = ssl.TLSVersion.TLSv1_2
SUITES_OF_TLS_1_2 = (
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-CHACHA20-POLY1305",
    "ECDHE-RSA-CHACHA20-POLY1305",
)
"""Forward secret and authenticated, all of them; those of TLS 1.3 always are.

Curves are OpenSSL's own choice: x25519 first, then those of NIST. Python can't name more than one.
"""

LIFETIME = timedelta(days=825)
"""As long as browsers take a certificate that was trusted by hand."""

_RENEWED_BEFORE = timedelta(days=30)
_CLOCK_SKEW = timedelta(hours=1)
_LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class Certificate:
    """Where a certificate and its key are, and the certificate's SHA-256, to compare by eye."""

    certificate: Path
    key: Path
    fingerprint: str


def own_certificate(folder: Path, names: Sequence[str], now: datetime) -> Certificate:
    """Return the certificate that is kept in `folder`, making it if it isn't there or is unfit.

    It is made for `names`, hosts or addresses, besides this machine's own. A certificate that is
    about to expire, or that lacks a name, is replaced.
    """
    wanted = list(dict.fromkeys([*_LOCAL_NAMES, *names]))
    paths = folder / "tls-certificate.pem", folder / "tls-key.pem"
    kept = _kept(*paths)
    if kept is None or not _fits(kept, wanted, now):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        key = ec.generate_private_key(ec.SECP256R1())
        kept = _sign(key, wanted, now)
        _write_key(paths[1], key)
        paths[0].write_bytes(kept.public_bytes(serialization.Encoding.PEM))
    return Certificate(*paths, kept.fingerprint(hashes.SHA256()).hex(":").upper())


def server_context(certificate: Path, key: Path) -> ssl.SSLContext:
    """Return a server's TLS context: `OLDEST` and above, `SUITES_OF_TLS_1_2`, HTTP/1.1.

    Raises:
        OSError: a file can't be read, or isn't what it should be (ssl.SSLError).
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = OLDEST
    context.set_ciphers(":".join(SUITES_OF_TLS_1_2))
    context.options |= (
        ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION | ssl.OP_CIPHER_SERVER_PREFERENCE
    )
    context.load_cert_chain(certificate, key, password=_no_password)
    context.set_alpn_protocols(["http/1.1"])
    return context


def _no_password() -> str:
    """Have a key that is locked refused, instead of asking for its password on the terminal."""
    return ""


def _kept(certificate: Path, key: Path) -> x509.Certificate | None:
    """Return the certificate that is there, if its key is there as well."""
    try:
        kept = x509.load_pem_x509_certificate(certificate.read_bytes())
        private = serialization.load_pem_private_key(key.read_bytes(), password=None)
    except (OSError, ValueError):
        return None
    return kept if private.public_key() == kept.public_key() else None


def _fits(kept: x509.Certificate, wanted: Sequence[str], now: datetime) -> bool:
    if not kept.not_valid_before_utc <= now <= kept.not_valid_after_utc - _RENEWED_BEFORE:
        return False
    named = kept.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return all(name in named for name in _general_names(wanted))


def _sign(key: ec.EllipticCurvePrivateKey, names: Sequence[str], now: datetime) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Case Transfer")])
    public = key.public_key()
    own_id = x509.SubjectKeyIdentifier.from_public_key(public)
    usage = x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _CLOCK_SKEW)
        .not_valid_after(now + LIFETIME)
        .add_extension(x509.SubjectAlternativeName(_general_names(names)), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(own_id, critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(own_id), critical=False
        )
        .sign(key, hashes.SHA256())
    )


def _general_names(names: Sequence[str]) -> list[x509.GeneralName]:
    found: list[x509.GeneralName] = []
    for name in filter(str.isascii, names):  # an alternative name is an address or an A-label
        try:
            found.append(x509.IPAddress(ipaddress.ip_address(name)))
        except ValueError:
            found.append(x509.DNSName(name))
    return found


def _write_key(path: Path, key: ec.EllipticCurvePrivateKey) -> None:
    """Write the key so that nobody else could read it at any moment."""
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(pem)
