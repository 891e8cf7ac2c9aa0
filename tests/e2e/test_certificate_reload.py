"""A certificate that is renewed while the service runs: by SIGHUP, and by itself."""

import shutil
import signal
import socket
import ssl
from collections.abc import Callable
from hashlib import sha256
from http.client import HTTPResponse
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.service import Service
from transfer.clock import SystemClock
from transfer.http.tls import Certificate, own_certificate

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

_clock = SystemClock()


@pytest.fixture
def in_use(tmp_path: Path) -> Certificate:
    return own_certificate(tmp_path / "in-use", [], _clock.now())


@pytest.fixture
def service(start_service: Callable[..., Service], in_use: Certificate) -> Service:
    """Return a service of two processes with an operator's certificate."""
    return start_service(
        "--workers", "2", tls_cert_file=str(in_use.certificate), tls_key_file=str(in_use.key)
    )


def connect(service: Service) -> ssl.SSLSocket:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    place = urlsplit(service.url)
    plain = socket.create_connection((place.hostname, place.port), timeout=20)
    return context.wrap_socket(plain)


def served(one: ssl.SSLSocket) -> int:
    one.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
    answer = HTTPResponse(one)
    answer.begin()
    answer.read()
    return answer.status


def shown(service: Service) -> str:
    """Return the fingerprint of what a new connection is shown."""
    with connect(service) as one:
        return fingerprint(one)


def fingerprint(one: ssl.SSLSocket) -> str:
    return sha256(one.getpeercert(binary_form=True) or b"").hexdigest()


def plain(certificate: Certificate) -> str:
    return certificate.fingerprint.replace(":", "").lower()


def wait_for(condition: Callable[[], bool], service: Service) -> None:
    deadline = _clock.monotonic() + 60
    while not condition():
        assert _clock.monotonic() < deadline, service.log


def test_every_process_takes_a_new_certificate_and_keeps_its_connections(
    service: Service, in_use: Certificate, tmp_path: Path
) -> None:
    with connect(service) as old:
        assert fingerprint(old) == plain(in_use)
        new = own_certificate(tmp_path / "new", [], _clock.now())
        shutil.copy(new.certificate, in_use.certificate)
        shutil.copy(new.key, in_use.key)
        service.signal(signal.SIGHUP)
        wait_for(lambda: service.log.count("tls.certificate-in-use") >= 2, service)
        assert {shown(service) for _ in range(10)} == {plain(new)}
        assert served(old) == 200

        in_use.key.write_text("broken")  # noticed without a signal
        wait_for(lambda: service.log.count("tls.certificate-unusable") >= 2, service)
        assert {shown(service) for _ in range(10)} == {plain(new)}
        assert served(old) == 200
    assert service.stop() == 0
