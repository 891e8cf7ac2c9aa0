"""Values as people type them."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transfer.values import (
    Address,
    parse_address,
    parse_duration,
    parse_moment,
    parse_networks,
    parse_origins,
)


@given(
    st.sampled_from(["127.0.0.1", "transfer.example.com", "::1", "2001:db8::7"]),
    st.integers(0, 65535),
)
def test_an_address_is_read_as_it_is_written(host: str, port: int) -> None:
    address = Address(host, port)
    assert parse_address(str(address)) == address


@pytest.mark.parametrize(
    "text", ["", "8443", ":8443", "host", "host:", "host:65536", "host:-1", "::1:22", "a b:1"]
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not an address"):
        parse_address(text)


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("120h", timedelta(hours=120)),
        ("5s", timedelta(seconds=5)),
        ("1h30m", timedelta(minutes=90)),
        ("1.5h", timedelta(minutes=90)),
        ("250ms", timedelta(milliseconds=250)),
        ("P30D", timedelta(days=30)),
        ("P1DT2H3M4.5S", timedelta(days=1, hours=2, minutes=3, seconds=4.5)),
        ("P2W", timedelta(weeks=2)),
    ],
)
def test_a_duration_has_units(text: str, span: timedelta) -> None:
    assert parse_duration(text) == span


@pytest.mark.parametrize(
    "text", ["", "5", "h", "5 h", "5y", "P", "PT", "P1DT", "-5s", "1e3s", "9" * 30 + "h"]
)
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"not a duration|longer"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-03-02", datetime(2026, 3, 2, tzinfo=UTC)),
        ("2026-03-02T09:00:00Z", datetime(2026, 3, 2, 9, tzinfo=UTC)),
        ("2026-03-02T09:00:00.123456+02:00", datetime(2026, 3, 2, 7, 0, 0, 123456, tzinfo=UTC)),
    ],
)
def test_a_moment_is_a_date_or_rfc_3339(text: str, moment: datetime) -> None:
    parsed = parse_moment(text)
    assert parsed == moment
    assert parsed.tzinfo is UTC


@pytest.mark.parametrize(
    "text",
    ["", "now", "2026-13-01", "2026-03-02T09:00:00", "0001-01-01", "9999-12-31T23:00:00-09:00"],
)
def test_what_is_no_moment_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the caller says what a moment is
        parse_moment(text)


def test_networks_are_addresses_or_prefixes() -> None:
    texts = ["192.0.2.1", "10.0.0.0/8", "2001:db8::/32"]
    assert [str(one) for one in parse_networks(texts)] == [
        "192.0.2.1/32",
        "10.0.0.0/8",
        "2001:db8::/32",
    ]
    for wrong in ("10.0.0.1/8", "proxy.example", "*", ""):
        with pytest.raises(ValueError, match=r"IPv4 or IPv6|host bits set"):
            parse_networks([wrong])


@pytest.mark.parametrize(
    ("text", "origin"),
    [
        ("https://portal.example.com", "https://portal.example.com"),
        ("https://Portal.Example.com:443", "https://portal.example.com"),
        ("http://localhost:80", "http://localhost"),
        ("http://localhost:443", "http://localhost:443"),
        ("http://[::1]:8080", "http://[::1]:8080"),
    ],
)
def test_an_origin_is_what_a_browser_sends(text: str, origin: str) -> None:
    assert parse_origins([text]) == (origin,)


@pytest.mark.parametrize(
    "text",
    ["*", "null", "portal.example.com", "https://a.example/", "https://*.example", "ftp://a", ""],
)
def test_what_is_no_origin_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not an origin"):
        parse_origins([text])
