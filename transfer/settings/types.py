"""The types of settings: what may be written, and what it is read as."""

import json
import re
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, ByteSize, Field, PlainSerializer, SecretStr
from pydantic_settings import NoDecode

from transfer.core.access import Role
from transfer.core.identity import is_trusted_url
from transfer.core.parts import MIB
from transfer.values import (
    Address,
    Network,
    parse_address,
    parse_duration,
    parse_networks,
    parse_origins,
)

_URL = re.compile(r"https?://[^\s/?#@]+(/[^\s?#]*)?")
_DATABASE = re.compile(r"(sqlite:///|postgres(ql)?(\+psycopg)?://)\S+")
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")


def _from_text(parse: Callable[[str], object]) -> BeforeValidator:
    """Parse text; a bare number is text as well, and what is parsed already passes."""

    def read(value: object) -> object:
        return parse(str(value)) if isinstance(value, str | int | float) else value

    return BeforeValidator(read)


def _from_list(parse: Callable[[Iterable[str]], object]) -> BeforeValidator:
    """Parse a list: of TOML, or as text with commas; what is parsed already is text again."""

    def read(value: object) -> object:
        listed = value if isinstance(value, list | tuple) else str(value).split(",")
        return parse(text for one in listed if (text := str(one).strip()))

    return BeforeValidator(read)


def _matching(pattern: re.Pattern[str]) -> AfterValidator:
    def check(text: str) -> str:
        if not pattern.fullmatch(text):
            raise ValueError("of another form")
        return text

    return AfterValidator(check)


def _database_url(url: SecretStr) -> SecretStr:
    if not _DATABASE.fullmatch(url.get_secret_value()):
        raise ValueError("of another form")
    return url


def _longer_than_nothing(span: timedelta) -> timedelta:
    if span <= timedelta(0):
        raise ValueError("not longer than nothing")
    return span


def _trusted_url(url: str) -> str:
    if not _URL.fullmatch(url) or not is_trusted_url(url):
        raise ValueError("of another form")
    return url


def _parse_names(value: object) -> object:
    """Parse names: a list of TOML, one of JSON, or text with commas. Groups of LDAP have commas."""
    if isinstance(value, str):
        value = json.loads(value) if value.lstrip().startswith("[") else value.split(",")
    if not isinstance(value, list | tuple) or not all(isinstance(one, str) for one in value):
        raise ValueError("not a list of names")
    return tuple(name for one in value if (name := one.strip()))


def _whole_mebibytes(size: int) -> int:
    if size % MIB:
        raise ValueError("not a multiple of 1 MiB")
    return size


AddressSetting = Annotated[
    Address, NoDecode, _from_text(parse_address), PlainSerializer(str, when_used="json")
]
Span = Annotated[timedelta, _from_text(parse_duration), AfterValidator(_longer_than_nothing)]
SpanOrNothing = Annotated[timedelta, _from_text(parse_duration), Field(ge=timedelta())]
Url = Annotated[str, _matching(_URL)]
Networks = Annotated[tuple[Network, ...], NoDecode, _from_list(parse_networks)]
Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_parse_names)]
Origins = Annotated[tuple[str, ...], NoDecode, _from_list(parse_origins)]
Roles = Annotated[tuple[Role, ...], NoDecode, _from_list(lambda names: tuple(map(Role, names)))]
TrustedUrl = Annotated[str, AfterValidator(_trusted_url)]
Bucket = Annotated[str, _matching(_BUCKET)]
DatabaseUrl = Annotated[SecretStr, AfterValidator(_database_url)]
PartBytes = Annotated[ByteSize, AfterValidator(_whole_mebibytes)]
