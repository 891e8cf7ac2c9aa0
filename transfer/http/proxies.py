"""Whose request it is when proxies stand in front: told by headers, believed only of named peers.

A header is a list to which each proxy adds what it has seen, at its end. Only the end can be
believed, as far back as each entry's writer is a proxy of ours.
"""

import ipaddress
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from aiohttp import hdrs, web
from multidict import MultiMapping

from transfer.values import Network

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_SCHEMES = frozenset({"http", "https"})
_HOST = re.compile(r"(?:[0-9A-Za-z_.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")
_NODE = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([0-9.]+))(?::[0-9]{1,5})?|([0-9A-Fa-f:.]+)")
_PAIR = r'\s*([A-Za-z]+)=([^\s",;=]+|"(?:[^"\\]|\\.)*")\s*'
_ELEMENT = re.compile(rf"{_PAIR}(?:;{_PAIR})*")
_PAIRS = re.compile(_PAIR)
_ELEMENTS = re.compile(r'(?:[^",]|"(?:[^"\\]|\\.)*")+')
_MOST_HOPS = 20
_IPV6_SITE_BITS = 64


class ForwardedBy(StrEnum):
    """The headers by which the proxies tell. Only one kind is read: the other may be a client's."""

    X_FORWARDED = "x-forwarded"
    FORWARDED = "forwarded"


@dataclass(frozen=True, slots=True)
class Client:
    """Who sends a request, and how it was addressed; `by_proxy` if a trusted one handed it on."""

    address: str | None
    scheme: str
    host: str
    by_proxy: bool = False

    @property
    def is_secure(self) -> bool:
        """Whether the client itself speaks TLS."""
        return self.scheme == "https"

    @property
    def origin(self) -> str:
        """The origin that a browser sees."""
        return f"{self.scheme}://{self.host}".lower()


@dataclass(frozen=True, slots=True)
class _Hop:
    """What one proxy tells of its peer."""

    address: _Address | None
    scheme: str | None = None
    host: str | None = None


@dataclass(frozen=True, slots=True)
class Proxies:
    """The proxies that are trusted, and the kind of header by which they tell."""

    networks: tuple[Network, ...] = ()
    by: ForwardedBy = ForwardedBy.X_FORWARDED

    def trusts(self, address: str | None) -> bool:
        """Whether a trusted proxy is at `address`."""
        return bool(self.networks) and self._trusts(_parsed(address))

    def client_of(self, request: web.BaseRequest) -> Client:
        """Return whose request it is: the right-most hop that is none of the trusted proxies."""
        direct = Client(request.remote, request.scheme, request.headers.get(hdrs.HOST, ""))
        if not self.trusts(request.remote):
            return direct
        hop = self._outermost(_hops(request.headers, self.by))
        return Client(
            address=request.remote if hop is None else str(hop.address),
            scheme=(hop and hop.scheme) or direct.scheme,
            host=(hop and hop.host) or direct.host,
            by_proxy=True,
        )

    def _outermost(self, hops: Sequence[_Hop]) -> _Hop | None:
        """Return the furthest hop whose writer is trusted, unless it can't be read."""
        found = None
        for hop in reversed(hops):
            if hop.address is None:
                break
            found = hop
            if not self._trusts(hop.address):
                break
        return found

    def _trusts(self, address: _Address | None) -> bool:
        return address is not None and any(address in network for network in self.networks)


NO_PROXIES = Proxies()
"""Clients come by themselves."""


def site_of(address: str | None) -> str:
    """Return what counts as one place: an address; of IPv6 the network that a site is given."""
    parsed = _parsed(address)
    if isinstance(parsed, ipaddress.IPv6Address):
        return str(ipaddress.IPv6Network((int(parsed), _IPV6_SITE_BITS), strict=False))
    return str(parsed or address or "")


@lru_cache(maxsize=1024)
def _parsed(text: str | None) -> _Address | None:
    """Return an address; one of IPv4 that came over IPv6, as what it is."""
    try:
        address = ipaddress.ip_address(text or "")
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def _hops(headers: MultiMapping[str], by: ForwardedBy) -> list[_Hop]:
    if by is ForwardedBy.FORWARDED:
        return _forwarded_hops(headers)
    nodes, schemes, hosts = (
        _listed(headers, f"X-Forwarded-{what}") for what in ("For", "Proto", "Host")
    )
    return [
        _Hop(_node(node), _scheme(_beside(schemes, distance)), _host(_beside(hosts, distance)))
        for distance, node in zip(range(len(nodes), 0, -1), nodes, strict=True)
    ]


def _listed(headers: MultiMapping[str], name: str) -> list[str]:
    parts = ",".join(headers.getall(name, [])).split(",")
    return [part.strip() for part in parts if part.strip()][-_MOST_HOPS:]


def _beside(values: Sequence[str], distance: int) -> str:
    """Return the value at `distance` from the end; proxies that overwrite leave but one."""
    return values[-min(distance, len(values))] if values else ""


def _forwarded_hops(headers: MultiMapping[str]) -> list[_Hop]:
    """Read Forwarded (RFC 7239); an element that is malformed ends what can be believed."""
    hops = []
    for element in _ELEMENTS.findall(",".join(headers.getall("Forwarded", [])))[-_MOST_HOPS:]:
        pairs = dict(_pairs(element)) if _ELEMENT.fullmatch(element) else {}
        scheme, host = _scheme(pairs.get("proto", "")), _host(pairs.get("host", ""))
        hops.append(_Hop(_node(pairs.get("for", "")), scheme, host))
    return hops


def _pairs(element: str) -> Iterator[tuple[str, str]]:
    for name, value in _PAIRS.findall(element):
        quoted = value.startswith('"')
        yield name.lower(), re.sub(r"\\(.)", r"\1", value[1:-1]) if quoted else value


def _node(text: str) -> _Address | None:
    found = _NODE.fullmatch(text)
    return _parsed(found[1] or found[2] or found[3]) if found else None


def _scheme(text: str) -> str | None:
    return text.lower() if text.lower() in _SCHEMES else None


def _host(text: str) -> str | None:
    return text if _HOST.fullmatch(text) else None
