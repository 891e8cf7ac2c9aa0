"""What the settings make of the HTTP door."""

from datetime import timedelta
from pathlib import Path

import pytest

from transfer.settings import Settings
from transfer.wiring.doors import _hsts

CERTIFICATE = {"tls_cert_file": Path("a.pem"), "tls_key_file": Path("b.pem")}


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (CERTIFICATE, timedelta(days=365)),
        ({"plain_http": True}, timedelta(days=365)),
        ({}, None),  # a certificate of its own: a trial, on localhost maybe
        ({**CERTIFICATE, "hsts_max_age": timedelta(hours=1)}, timedelta(hours=1)),
        ({**CERTIFICATE, "hsts_max_age": timedelta()}, None),
    ],
)
def test_browsers_are_held_to_tls_where_it_is_meant_to_stay(
    given: dict[str, object], told: timedelta | None
) -> None:
    assert _hsts(Settings(**given)) == told  # type: ignore[arg-type]  # checked by pydantic
