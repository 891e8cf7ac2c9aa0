"""Values as people type them: addresses, networks, origins, durations, moments."""

import ipaddress
import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple

_UNIT_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}
_SHORT_DURATION = re.compile(r"(?:[0-9]+(?:\.[0-9]+)?(?:ms|[smhd]))+")
_SHORT_STEP = re.compile(r"([0-9.]+)(ms|[smhd])")
_ADDRESS = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([^\s:\[\]]+)):([0-9]{1,5})")
_HIGHEST_PORT = 65535
_YEARS = range(1971, 9000)
_ISO_DURATION = re.compile(
    r"P(?:(?P<weeks>[0-9]+)W)?(?:(?P<days>[0-9]+)D)?"
    r"(?:T(?:(?P<hours>[0-9]+)H)?(?:(?P<minutes>[0-9]+)M)?(?:(?P<seconds>[0-9]+(?:\.[0-9]+)?)S)?)?"
)


_ORIGIN = re.compile(r"https?://(?:[0-9a-z.-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?")
_DEFAULT_PORT = re.compile(r"(http://.*):80|(https://.*):443")

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Address(NamedTuple):
    """Where to listen, or be reached; port 0 means any that is free."""

    host: str
    port: int

    def __str__(self) -> str:
        """Return it as people write it: `127.0.0.1:8443`, `[::1]:8443`."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_address(text: str) -> Address:
    """Return the address that `text` names.

    Raises:
        ValueError: neither HOST:PORT nor [IPv6]:PORT.
    """
    found = _ADDRESS.fullmatch(text)
    if found is None or int(found[3]) > _HIGHEST_PORT:
        raise ValueError("not an address")
    return Address(found[1] or found[2], int(found[3]))


def parse_networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """Return the networks that `texts` name: `192.0.2.1`, `10.0.0.0/8`, `2001:db8::/32`.

    Raises:
        ValueError: one is neither an address nor a network.
    """
    return tuple(ipaddress.ip_network(text) for text in texts)


def parse_origins(texts: Iterable[str]) -> tuple[str, ...]:
    """Return origins as browsers send them: `https://portal.example.com`, `http://[::1]:8080`.

    Raises:
        ValueError: one has a path, a wildcard, a user, or is `null`.
    """
    return tuple(_parse_origin(text.lower()) for text in texts)


def _parse_origin(text: str) -> str:
    if not _ORIGIN.fullmatch(text):
        raise ValueError("not an origin")
    usual = _DEFAULT_PORT.fullmatch(text)
    return (usual[1] or usual[2]) if usual else text


def parse_duration(text: str) -> timedelta:
    """Return the time span that `text` names.

    Raises:
        ValueError: neither like `120h` or `1h30m` nor like ISO 8601's `PT120H`.
    """
    try:
        if _SHORT_DURATION.fullmatch(text):
            seconds = sum(float(n) * _UNIT_SECONDS[unit] for n, unit in _SHORT_STEP.findall(text))
            return timedelta(seconds=seconds)
        if text[-1:] not in ("P", "T") and (iso := _ISO_DURATION.fullmatch(text)):
            return timedelta(**{unit: float(n) for unit, n in iso.groupdict().items() if n})
    except OverflowError as exc:
        raise ValueError("longer than there is time") from exc
    raise ValueError("not a duration")


def parse_moment(text: str) -> datetime:
    """Return a time like `2026-03-02T09:00:00Z`, or of a date its first instant, in UTC.

    Raises:
        ValueError: neither, without its offset from UTC, or in no year that anybody means.
    """
    if len(text) == len("2026-03-02"):
        parsed = datetime.combine(date.fromisoformat(text), time(), UTC)
    else:
        parsed = datetime.fromisoformat(text)
    if parsed.tzinfo is None or not _YEARS.start <= parsed.year < _YEARS.stop:
        raise ValueError("no time that is meant")
    return parsed.astimezone(UTC)
