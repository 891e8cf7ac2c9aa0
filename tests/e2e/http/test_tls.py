"""TLS as clients meet it: what is spoken, and a certificate that is replaced meanwhile."""

import asyncio
import shutil
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import sha256
from pathlib import Path

import pytest

from tests.clock import MovableClock
from tests.e2e.http.http_room import HttpRoom, http_room
from tests.e2e.http.wire import Wire
from transfer.http.certificates import CertificateFiles
from transfer.http.tls import own_certificate

HEALTH = "GET /healthz HTTP/1.1\nHost: x\n\n"


@pytest.fixture
def files(tmp_path: Path) -> CertificateFiles:
    clock = MovableClock()
    made = own_certificate(tmp_path / "in-use", [], clock.now())
    return CertificateFiles(made.certificate, made.key, clock)


@asynccontextmanager
async def secured(room: HttpRoom, **limits: ssl.TLSVersion | str) -> AsyncIterator[Wire]:
    """Connect with whatever a client may be limited to."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if "ciphers" in limits:
        context.set_ciphers(str(limits.pop("ciphers")))
    for name, value in limits.items():
        setattr(context, name, value)
    async with asyncio.timeout(10):
        reader, writer = await asyncio.open_connection(room.host, room.port, ssl=context)
    try:
        yield Wire(reader, writer)
    finally:
        writer.transport.abort()


def fingerprint(one: Wire) -> str:
    found = one.writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    return sha256(found).hexdigest()


def spoken(one: Wire) -> tuple[str, str]:
    session = one.writer.get_extra_info("ssl_object")
    return session.version(), session.cipher()[0]


async def test_the_newest_version_is_spoken_and_1_2_with_modern_suites(
    tmp_path: Path, files: CertificateFiles
) -> None:
    async with http_room(tmp_path, tls=files.context) as room:
        async with secured(room) as modern:
            assert spoken(modern)[0] == "TLSv1.3"
        async with secured(room, maximum_version=ssl.TLSVersion.TLSv1_2) as older:
            version, suite = spoken(older)
            assert version == "TLSv1.2"
            assert suite.startswith("ECDHE-ECDSA-")


@pytest.mark.parametrize(
    "ciphers",
    ["AES128-GCM-SHA256", "ECDHE+AES+SHA256:ECDHE+AES+SHA1", "DHE+AESGCM"],
    ids=["no forward secrecy", "CBC", "finite fields"],
)
async def test_weak_suites_are_not_spoken(
    tmp_path: Path, files: CertificateFiles, ciphers: str
) -> None:
    async with http_room(tmp_path, tls=files.context) as room:
        limits: dict[str, ssl.TLSVersion | str] = {
            "maximum_version": ssl.TLSVersion.TLSv1_2,
            "ciphers": f"{ciphers}:@SECLEVEL=0",
        }
        with pytest.raises((ssl.SSLError, ConnectionError)):  # the alert may be lost on the way
            async with secured(room, **limits):
                pass


async def test_new_handshakes_use_a_new_certificate_and_old_connections_live_on(
    tmp_path: Path, files: CertificateFiles
) -> None:
    async with http_room(tmp_path, tls=files.context) as room, secured(room) as old:
        new = own_certificate(tmp_path / "new", [], room.engine.clock.now())
        shutil.copy(new.certificate, tmp_path / "in-use")
        shutil.copy(new.key, tmp_path / "in-use")
        files.reload()
        async with secured(room) as young:
            assert fingerprint(young) == new.fingerprint.replace(":", "").lower()
            assert fingerprint(old) != fingerprint(young)
            for one in (old, young):
                await one.say(HEALTH)
                assert (await one.hear())[0] == 200
        (tmp_path / "in-use" / "tls-key.pem").write_text("broken")
        files.reload()
        async with secured(room) as still:
            assert fingerprint(still) == new.fingerprint.replace(":", "").lower()
