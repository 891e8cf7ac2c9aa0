"""Which addresses a ban covers, and by what somebody's address is known."""

from datetime import UTC, datetime, timedelta
from ipaddress import ip_network

import pytest

from transfer.core.bans import Ban, BanList, network_of, parse_network
from transfer.core.errors import InvalidRequestError

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


def ban(network: str, until: datetime | None = None) -> Ban:
    return Ban(
        id=network,
        network=ip_network(network),
        reason="guessing",
        banned_by="service",
        since=NOW,
        until=until,
    )


BANS = BanList(
    [ban("192.0.2.7"), ban("198.51.100.0/24"), ban("2001:db8:1:2::/64")],
    never=[ip_network("198.51.100.9")],
)


@pytest.mark.parametrize(
    ("address", "is_covered"),
    [
        ("192.0.2.7", True),
        ("::ffff:192.0.2.7", True),
        ("192.0.2.8", False),
        ("198.51.100.1", True),
        ("198.51.100.9", False),
        ("2001:db8:1:2:3:4:5:6", True),
        ("2001:db8:1:3::1", False),
        ("fe80::1%eth0", False),
        ("somewhere", False),
        ("", False),
        (None, False),
    ],
)
def test_a_ban_covers_its_network_and_nothing_else(address: str | None, is_covered: bool) -> None:
    assert (BANS.covering(address, NOW) is not None) == is_covered


def test_a_ban_ends_to_the_second() -> None:
    bans = BanList([ban("192.0.2.7", NOW + timedelta(hours=1))])
    end = NOW + timedelta(hours=1)
    assert bans.covering("192.0.2.7", end - timedelta(seconds=1)) is not None
    assert bans.covering("192.0.2.7", end) is None


def test_a_ban_that_is_over_hides_no_wider_one() -> None:
    bans = BanList([ban("192.0.2.7", NOW), ban("192.0.2.0/24")])
    assert bans.covering("192.0.2.7", NOW) == ban("192.0.2.0/24")


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7/32"),
        ("::ffff:192.0.2.7", "192.0.2.7/32"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
    ],
)
def test_somebody_is_known_by_what_they_can_not_choose(address: str, network: str) -> None:
    assert network_of(address) == ip_network(network)


def test_what_is_no_address_is_of_no_network() -> None:
    assert network_of("a unix socket") is None
    assert network_of(None) is None


@pytest.mark.parametrize(
    ("text", "network"),
    [
        ("192.0.2.7", "192.0.2.7/32"),
        (" 10.0.0.0/8 ", "10.0.0.0/8"),
        ("2001:db8::/32", "2001:db8::/32"),
        ("::ffff:192.0.2.0/120", "192.0.2.0/24"),
    ],
)
def test_a_network_is_read_as_people_write_it(text: str, network: str) -> None:
    assert parse_network(text) == ip_network(network)


@pytest.mark.parametrize("text", ["", "192.0.2.300", "192.0.2.7/24", "example.com", "10.0.0.0/33"])
def test_what_is_no_network_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequestError, match="A network is"):
        parse_network(text)
