"""Bans: networks from which nobody is let in for a while, however good what they come with."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

from transfer.core.errors import InvalidRequestError

Network = IPv4Network | IPv6Network

_MAPPED = IPv6Network("::ffff:0:0/96")
_IPV4 = 2**32 - 1
_SUBSCRIBER_BITS = 64
"""Of an IPv6 address: what one subscriber has. Counting by more would count by what they choose."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ban:
    """A network from which nobody is let in; `until` None is until somebody lifts it."""

    id: str
    network: Network
    reason: str
    banned_by: str
    since: datetime
    until: datetime | None

    def holds(self, now: datetime) -> bool:
        """Whether it is in force."""
        return self.until is None or now < self.until


class BanList:
    """Bans, in a form that answers for an address without a look at each of them."""

    def __init__(self, bans: Iterable[Ban] = (), *, never: Iterable[Network] = ()) -> None:
        """Take the `bans`, and the networks that are `never` banned, whatever those say."""
        self._bans: dict[Network, Ban] = {ban.network: ban for ban in bans}
        self._lengths = {(network.version, network.prefixlen) for network in self._bans}
        self._never = tuple(never)

    def covering(self, address: str | None, now: datetime) -> Ban | None:
        """Return a ban that holds for `address` at `now`, None if none does."""
        parsed = parse_ip(address)
        if parsed is None or self.spares(address):
            return None
        for version, length in self._lengths:
            if version != parsed.version:
                continue
            ban = self._bans.get(ip_network((parsed, length), strict=False))
            if ban is not None and ban.holds(now):
                return ban
        return None

    def spares(self, address: str | None) -> bool:
        """Whether `address` is never banned."""
        parsed = parse_ip(address)
        return parsed is not None and any(parsed in network for network in self._never)


def parse_ip(text: str | None) -> IPv4Address | IPv6Address | None:
    """Return the address that `text` names, without a zone; an IPv4 one that came mapped as such.

    None if it isn't one.
    """
    try:
        parsed = ip_address((text or "").partition("%")[0])
    except ValueError:
        return None
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is not None:
        return parsed.ipv4_mapped
    return parsed


def network_of(address: str | None) -> Network | None:
    """Return by what somebody at `address` is known: it alone, or its /64 if it is IPv6."""
    parsed = parse_ip(address)
    if parsed is None:
        return None
    bits = _SUBSCRIBER_BITS if isinstance(parsed, IPv6Address) else parsed.max_prefixlen
    return ip_network((parsed, bits), strict=False)


def parse_network(text: str) -> Network:
    """Return the network that `text` names: `192.0.2.1`, `10.0.0.0/8`, `2001:db8::/32`.

    Raises:
        InvalidRequestError: it names none, or an address within one.
    """
    try:
        network = ip_network(text.strip())
    except ValueError as exc:
        raise InvalidRequestError(
            "A network is an address, or like 192.0.2.0/24, with no bits set behind its length."
        ) from exc
    if isinstance(network, IPv6Network) and network.subnet_of(_MAPPED):
        address = IPv4Address(int(network.network_address) & _IPV4)
        return IPv4Network((address, network.prefixlen - _MAPPED.prefixlen))
    return network
