"""When an SFTP account is over, and from where it may be used."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from transfer.core.accounts import (
    LIFETIME,
    MOST_NETWORKS,
    AccountEnd,
    AccountId,
    SftpAccount,
    parse_label,
    parse_networks,
)
from transfer.core.cases import CaseNumber
from transfer.core.errors import InvalidRequestError

ISSUED = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
TICK = timedelta(microseconds=1)

ACCOUNT = SftpAccount(
    id=AccountId("a1"),
    case_number=CaseNumber("0003256109"),
    username="c0003256109-x7",
    password_hash=b"\x00" * 32,
    sealed_password=b"sealed",
    issued_by="ada",
    issued_at=ISSUED,
    expires_at=ISSUED + LIFETIME,
)


def test_an_account_lives_a_hundred_and_twenty_hours() -> None:
    assert timedelta(hours=120) == LIFETIME


def test_an_account_is_good_until_the_very_end_and_over_at_it() -> None:
    assert ACCOUNT.ended(ISSUED) is None
    assert ACCOUNT.ended(ISSUED + LIFETIME - TICK) is None
    assert ACCOUNT.ended(ISSUED + LIFETIME) is AccountEnd.EXPIRED


@pytest.mark.parametrize("end", AccountEnd)
def test_an_account_that_was_ended_stays_so_for_the_reason_given(end: AccountEnd) -> None:
    ended = replace(ACCOUNT, ended_at=ISSUED, end=end)
    assert ended.ended(ISSUED) is end
    assert ended.ended(ISSUED + 2 * LIFETIME) is end


@pytest.mark.parametrize(
    ("networks", "address", "admitted"),
    [
        ((), "192.0.2.7", True),
        ((), None, True),
        (("192.0.2.7",), "192.0.2.7", True),
        (("192.0.2.7",), "192.0.2.8", False),
        (("192.0.2.7",), None, False),
        (("192.0.2.7",), "", False),
        (("192.0.2.7",), "a.sock", False),
        (("198.51.100.0/24", "192.0.2.0/24"), "192.0.2.255", True),
        (("198.51.100.0/24",), "198.51.101.0", False),
        (("192.0.2.0/24",), "::ffff:192.0.2.7", True),
        (("192.0.2.0/24",), "2001:db8::7", False),
        (("2001:db8::/32",), "2001:db8:1::7", True),
        (("fe80::/10",), "fe80::1%eth0", True),
        (("::/0",), "192.0.2.7", False),
    ],
)
def test_who_comes_from_elsewhere_is_not_admitted(
    networks: tuple[str, ...], address: str | None, admitted: bool
) -> None:
    account = replace(ACCOUNT, networks=parse_networks(networks))
    assert account.admits(address) is admitted


def test_networks_are_read_each_once() -> None:
    networks = parse_networks([" 10.0.0.0/8", "192.0.2.7", "10.0.0.0/255.0.0.0"])
    assert [str(one) for one in networks] == ["10.0.0.0/8", "192.0.2.7/32"]


@pytest.mark.parametrize("text", ["", "somewhere", "10.0.0.1/8", "192.0.2.7/33", "192.0.2", "::g"])
def test_what_is_no_network_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequestError, match="no bits behind"):
        parse_networks(["192.0.2.7", text])


def test_an_account_has_some_networks_and_not_any_number_of_them() -> None:
    texts = [f"192.0.2.{number}" for number in range(MOST_NETWORKS)]
    assert len(parse_networks(texts)) == MOST_NETWORKS
    with pytest.raises(InvalidRequestError, match="at most"):
        parse_networks([*texts, "198.51.100.1"])


def test_a_label_is_a_line_of_text() -> None:
    assert parse_label("  Night shift, Süd ") == "Night shift, Süd"
    assert parse_label("") == ""
    for text in ("a\nb", "a\x1b[31m", "\ud800", "\u202e", "x" * 101):
        with pytest.raises(InvalidRequestError):
            parse_label(text)
