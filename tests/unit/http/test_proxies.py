"""Whose request it is: believed of trusted proxies only, and only as far back as they vouch."""

import ipaddress
from collections.abc import Mapping
from unittest.mock import Mock

import pytest
from aiohttp.test_utils import make_mocked_request
from multidict import CIMultiDict

from transfer.http.proxies import NO_PROXIES, ForwardedBy, Proxies, site_of
from transfer.values import parse_networks

INNER = Proxies(parse_networks(["127.0.0.1", "10.0.0.0/8", "2001:db8:1::/48"]))
STANDARD = Proxies(INNER.networks, ForwardedBy.FORWARDED)
PEER = "127.0.0.1"


def seen(
    proxies: Proxies, headers: Mapping[str, str] | CIMultiDict[str], peer: str = PEER
) -> tuple[str | None, str, str]:
    """Return address, scheme and host of a plain request from `peer`."""
    transport = Mock()
    transport.get_extra_info.side_effect = lambda name, default=None: (
        (peer, 40000) if name == "peername" else default
    )
    all_headers = CIMultiDict(headers)
    all_headers.setdefault("Host", "inner:8080")
    request = make_mocked_request("GET", "/", headers=all_headers, transport=transport)
    client = proxies.client_of(request)
    return client.address, client.scheme, client.host


def address(proxies: Proxies, name: str, value: str, peer: str = PEER) -> str | None:
    return seen(proxies, {name: value}, peer)[0]


FOR = "X-Forwarded-For"


@pytest.mark.parametrize(
    ("told", "found"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("198.51.100.1, 203.0.113.9", "203.0.113.9"),  # the first is the client's own word
        ("198.51.100.1,203.0.113.9 , 10.1.2.3", "203.0.113.9"),
        ("10.9.9.9, 10.1.2.3", "10.9.9.9"),  # all are ours: the furthest
        ("2001:db8:9::7", "2001:db8:9::7"),
        ("[2001:db8:9::7]:443", "2001:db8:9::7"),
        ("203.0.113.9:51000", "203.0.113.9"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("", PEER),
        ("unknown", PEER),
        ("203.0.113.9, nonsense", PEER),  # what can't be read vouches for nothing before it
        ("203.0.113.9, unknown, 10.1.2.3", "10.1.2.3"),
        ("127.0.0.1.evil.example", PEER),
        (", ".join(["203.0.113.9"] * 1000), "203.0.113.9"),
    ],
)
def test_the_right_most_hop_that_is_not_trusted_is_the_client(told: str, found: str) -> None:
    assert address(INNER, FOR, told) == found


def test_lines_of_one_header_count_as_one_list() -> None:
    lines = CIMultiDict([(FOR, "198.51.100.1"), (FOR, "203.0.113.9")])
    assert seen(INNER, lines)[0] == "203.0.113.9"


@pytest.mark.parametrize("peer", ["192.0.2.1", "11.0.0.1", "2001:db8:2::1", "fe80::1%eth0", ""])
@pytest.mark.parametrize("proxies", [INNER, STANDARD, NO_PROXIES])
def test_who_is_not_trusted_is_not_believed(proxies: Proxies, peer: str) -> None:
    headers = {
        FOR: "203.0.113.9",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "evil.example",
        "Forwarded": "for=203.0.113.9;proto=https;host=evil.example",
    }
    found, scheme, host = seen(proxies, headers, peer)
    assert (found or "", scheme, host) == (peer, "http", "inner:8080")


def test_without_proxies_nobody_is_trusted() -> None:
    assert address(NO_PROXIES, FOR, "203.0.113.9") == PEER
    assert not NO_PROXIES.trusts(PEER)


def test_a_proxy_that_comes_over_mapped_ipv4_is_known() -> None:
    assert INNER.trusts("::ffff:10.0.0.1")
    assert not INNER.trusts("::ffff:192.0.2.1")
    assert not INNER.trusts(None)


def test_only_the_kind_of_header_that_the_proxies_send_is_read() -> None:
    both = {FOR: "203.0.113.1", "Forwarded": "for=203.0.113.2"}
    assert seen(INNER, both)[0] == "203.0.113.1"
    assert seen(STANDARD, both)[0] == "203.0.113.2"
    assert address(INNER, "Forwarded", "for=203.0.113.2") == PEER
    assert address(STANDARD, FOR, "203.0.113.1") == PEER


@pytest.mark.parametrize(
    ("proto", "host", "found"),
    [
        ("https", "files.example.com", ("https", "files.example.com")),
        ("HTTPS", "files.example.com:8443", ("https", "files.example.com:8443")),
        ("http, https", "evil.example, files.example.com", ("https", "files.example.com")),
        ("gopher", "a/../b", ("http", "inner:8080")),
        ("", "[2001:db8::1]:443", ("http", "[2001:db8::1]:443")),
        ("https", "evil.example\\@x", ("https", "inner:8080")),
    ],
)
def test_scheme_and_host_are_those_that_the_proxy_saw(
    proto: str, host: str, found: tuple[str, str]
) -> None:
    headers = {FOR: "203.0.113.9", "X-Forwarded-Proto": proto, "X-Forwarded-Host": host}
    assert seen(INNER, headers)[1:] == found


def test_behind_two_proxies_the_scheme_is_what_the_outer_one_saw() -> None:
    headers = {FOR: "203.0.113.9, 10.1.2.3", "X-Forwarded-Proto": "https, http"}
    assert seen(INNER, headers)[:2] == ("203.0.113.9", "https")


@pytest.mark.parametrize(
    ("told", "found"),
    [
        ("for=203.0.113.9;proto=https;host=a.example", ("203.0.113.9", "https", "a.example")),
        ("For=203.0.113.9; Proto=HTTPS", ("203.0.113.9", "https", "inner:8080")),
        ('for="[2001:db8:9::7]:4711"', ("2001:db8:9::7", "http", "inner:8080")),
        ("for=198.51.100.1, for=203.0.113.9", ("203.0.113.9", "http", "inner:8080")),
        ('for="203.0.113.9, for=198.51.100.1"', (PEER, "http", "inner:8080")),
        ("for=_hidden", (PEER, "http", "inner:8080")),
        ("for=203.0.113.9, garbage", (PEER, "http", "inner:8080")),
        ("for=203.0.113.9, proto=https", (PEER, "http", "inner:8080")),
        ('for="203.0.113\\.9";by=10.0.0.1', ("203.0.113.9", "http", "inner:8080")),
    ],
)
def test_the_standard_header_is_read_the_same_way(told: str, found: tuple[str, str, str]) -> None:
    assert seen(STANDARD, {"Forwarded": told}) == found


def test_a_client_s_origin_is_what_its_browser_sees() -> None:
    headers = {FOR: "203.0.113.9", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "A.Example"}
    request = make_mocked_request("GET", "/", headers=headers)
    direct = INNER.client_of(request)
    assert (direct.origin, direct.is_secure, direct.by_proxy) == ("http://", False, False)


def test_a_site_of_ipv6_is_one_place() -> None:
    assert site_of("2001:db8:5:6:aaaa::1") == site_of("2001:db8:5:6:bbbb::2")
    assert site_of("2001:db8:5:7::1") != site_of("2001:db8:5:6::1")
    assert site_of("::ffff:192.0.2.1") == site_of("192.0.2.1") == "192.0.2.1"
    assert site_of("::1") == str(ipaddress.IPv6Network("::/64"))
    assert site_of(None) == ""
