"""Structured fields, read strictly: what isn't of the type that is asked for, isn't there.

Source: RFC 9651.
"""

from collections.abc import Mapping
from typing import cast

import http_sf
from multidict import CIMultiDictProxy

Headers = CIMultiDictProxy[str]
Member = object
"""A bare value of a dictionary: bytes, int, bool, str or one of the parser's own types."""


def integer(headers: Headers, name: str) -> int | None:
    """Return an Item that is a non-negative Integer, None if there is no such one."""
    value = _item(headers, name)
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    return None


def boolean(headers: Headers, name: str) -> bool | None:
    """Return an Item that is a Boolean, None if there is no such one."""
    value = _item(headers, name)
    return value if isinstance(value, bool) else None


def dictionary(headers: Headers, name: str) -> dict[str, Member] | None:
    """Return the bare values of a Dictionary, empty if it isn't there, None if it is ill-formed."""
    try:
        parsed = http_sf.parse(_joined(headers, name), tltype="dictionary")
    except http_sf.StructuredFieldError:
        return None
    members = cast("dict[str, tuple[Member, object]]", parsed)
    return {key: value for key, (value, _) in members.items()}


def serialise(value: bool | int | bytes | Mapping[str, int | bytes]) -> str:
    """Return an Item or a Dictionary as a field's value."""
    if isinstance(value, Mapping):
        return http_sf.ser({key: (member, {}) for key, member in value.items()})
    return http_sf.ser((value, {}))


def _item(headers: Headers, name: str) -> Member:
    try:
        parsed = http_sf.parse(_joined(headers, name), tltype="item")
    except http_sf.StructuredFieldError:
        return None
    value, _ = cast("tuple[Member, object]", parsed)
    return value


def _joined(headers: Headers, name: str) -> bytes:
    return ", ".join(headers.getall(name, [])).encode("utf-8", "surrogateescape")
