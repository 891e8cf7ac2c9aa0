"""What an operator may set: by `TRANSFER_*` variables or a TOML file. Nobody else reads either.

A variable wins over the file, the command line over both. Every field's description says what is
expected of it: faults quote it, and never a value.
"""

import os
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ByteSize,
    Field,
    PlainSerializer,
    SecretStr,
    ValidationError,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from transfer.core.accounts import LIFETIME as LONGEST_ACCOUNT
from transfer.core.errors import InvalidRequestError
from transfer.core.parts import MAX_PART_BYTES, MIB, MIN_PART_BYTES
from transfer.core.retention import PERIOD
from transfer.values import Address, parse_address, parse_duration

PREFIX = "TRANSFER_"
_CONFIG = "TRANSFER_CONFIG"

_KUBERNETES = re.compile(r"(_|^)(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT(_\d+_(TCP|UDP)(_\w+)?)?)$")
"""What Kubernetes puts into the environment for a Service whose name begins with ours."""

_URL = re.compile(r"https?://[^\s/?#@]+(/[^\s?#]*)?")
_DATABASE = re.compile(r"(sqlite:///|postgres(ql)?(\+psycopg)?://)\S+")
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")


class SettingsError(InvalidRequestError):
    """Some settings can't be used; `faults` has all of them."""

    code = "settings"

    def __init__(self, faults: Iterable[str]) -> None:
        """Keep `faults`, a sentence each."""
        self.faults = tuple(faults)
        super().__init__("\n".join(("These settings can't be used:", *self.faults)))


def _from_text(parse: Callable[[str], object]) -> BeforeValidator:
    """Parse text; a bare number is text as well, and what is parsed already passes."""

    def read(value: object) -> object:
        return parse(str(value)) if isinstance(value, str | int | float) else value

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


def _whole_mebibytes(size: int) -> int:
    if size % MIB:
        raise ValueError("not a multiple of 1 MiB")
    return size


_Address = Annotated[
    Address, NoDecode, _from_text(parse_address), PlainSerializer(str, when_used="json")
]
_Span = Annotated[timedelta, _from_text(parse_duration), AfterValidator(_longer_than_nothing)]
_Url = Annotated[str, _matching(_URL)]


class Settings(BaseSettings):
    """All settings, checked. Read them with `load`."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True, frozen=True)

    data: Path = Field(Path("data"), description="the service's folder on this machine")
    workers: int = Field(1, ge=1, le=64, description="a number of processes from 1 to 64")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="debug, info, warning or error"
    )
    log_format: Literal["auto", "console", "json"] = Field(
        "auto", description="json, console, or auto: console on a terminal, json elsewhere"
    )

    http_listen: _Address = Field(
        Address("127.0.0.1", 8443), description="HOST:PORT to listen on for HTTP"
    )
    sftp_listen: _Address = Field(
        Address("127.0.0.1", 2222), description="HOST:PORT to listen on for SFTP"
    )
    plain_http: bool = Field(default=False, description="true behind a proxy that speaks TLS")
    public_url: _Url | None = Field(
        None, description="the URL that people use, like https://transfer.example.com"
    )
    trust_forwarded_for: bool = Field(
        default=False, description="true behind a proxy that tells whose request it is"
    )
    http_idle_timeout: _Span = Field(timedelta(seconds=60), description="a duration, like 60s")
    http_min_bytes_per_second: ByteSize = Field(
        ByteSize(1024), description="what a sender must reach, like 1KiB; 0 for any"
    )
    public_sftp: _Address | None = Field(
        None, description="HOST:PORT by which people reach the SFTP server"
    )
    tls_cert_file: Path | None = Field(None, description="a PEM file with the chain, leaf first")
    tls_key_file: Path | None = Field(None, description="a PEM file with the certificate's key")
    sftp_host_keys: Path | None = Field(
        None, description="a folder with the SFTP server's host keys, the same on every node"
    )

    database_url: Annotated[SecretStr, AfterValidator(_database_url)] | None = Field(
        None, description="sqlite:////FILE or postgresql+psycopg://USER:PASSWORD@HOST/NAME"
    )
    s3_endpoint_url: _Url | None = Field(
        None, description="the S3 store's URL; without one the embedded store is used"
    )
    s3_region: str = Field("us-east-1", min_length=1, description="the name of an S3 region")
    s3_bucket: Annotated[str, _matching(_BUCKET)] = Field(
        "case-transfer", description="a bucket's name: 3 to 63 of a-z, 0-9, dot and hyphen"
    )
    s3_access_key: str | None = Field(None, description="the id of an S3 access key")
    s3_secret_key: SecretStr | None = Field(None, description="the secret of that access key")
    s3_ca_file: Path | None = Field(
        None, description="a PEM file with the certificates to trust for S3"
    )
    sealing_key_file: Path | None = Field(
        None, description="a file of 32 random bytes, the same on every node"
    )

    memory_budget_bytes: ByteSize = Field(
        ByteSize(192 * MIB), ge=32 * MIB, description="memory for parts, 32MiB or more a process"
    )
    part_bytes: Annotated[ByteSize, AfterValidator(_whole_mebibytes)] = Field(
        ByteSize(16 * MIB),
        ge=MIN_PART_BYTES,
        le=MAX_PART_BYTES,
        description="the size of a part to begin with, whole MiB from 5MiB to 5GiB",
    )
    equal_parts: bool = Field(default=False, description="true for a store that wants equal parts")
    parallel_parts: int = Field(
        2, ge=1, le=16, description="how many parts of an upload are sent at once, 1 to 16"
    )
    max_file_bytes: ByteSize | None = Field(None, ge=1, description="the largest file's size")

    account_lifetime: Annotated[_Span, Field(le=LONGEST_ACCOUNT)] = Field(
        LONGEST_ACCOUNT, description="a duration of at most 120h"
    )
    retention_period: _Span = Field(PERIOD, description="a duration, like 30d")
    upload_lifetime: _Span = Field(timedelta(days=7), description="a duration, like 7d")
    token_lifetime: _Span = Field(timedelta(days=30), description="a duration, like 30d")
    upload_lease: Annotated[_Span, Field(ge=timedelta(seconds=3))] = Field(
        timedelta(seconds=30), description="a duration of 3s or more"
    )
    takeover_grace: _Span = Field(timedelta(seconds=5), description="a duration, like 5s")
    flush_interval: _Span = Field(timedelta(seconds=30), description="a duration, like 30s")
    idle_flush: _Span = Field(timedelta(seconds=2), description="a duration, like 2s")
    watch_interval: _Span = Field(timedelta(seconds=1), description="a duration, like 1s")
    takeover_interval: _Span = Field(
        timedelta(milliseconds=250), description="a duration, like 250ms"
    )

    @property
    def shown_database_url(self) -> str:
        """The database's URL without its password."""
        url = self.database_url.get_secret_value() if self.database_url else "sqlite in the folder"
        return re.sub(r"(://[^:/@]*):[^@]*@", r"\1:***@", url)

    @property
    def is_embedded(self) -> bool:
        """Whether the objects are kept by a store that the service runs itself."""
        return self.s3_endpoint_url is None

    def shown(self) -> dict[str, Any]:
        """Return every setting as it may be shown, by its name in the environment."""
        values = self.model_dump(mode="json")
        values["database_url"] = self.shown_database_url
        return {variable(name): value for name, value in values.items()}

    def to_given(self) -> dict[str, Any]:
        """Return what makes `load` give the same settings in another process; with the secrets."""
        values = self.model_dump(mode="json", exclude_unset=True)
        for name, value in self:
            if name in values and isinstance(value, SecretStr):
                values[name] = value.get_secret_value()
        return values


def variable(name: str) -> str:
    """Return the variable that sets the field `name`."""
    return PREFIX + name.upper()


def load(**given: object) -> Settings:
    """Return the settings; `given` are those of the command line, None where it gives none.

    Raises:
        SettingsError: with all faults at once.
    """
    given = {name: value for name, value in given.items() if value is not None}
    variables = {name for name in os.environ if name.startswith(PREFIX) and os.environ[name]}
    file = _read_file(os.environ.get(_CONFIG))
    from_file = {name: file.values[name] for name in file.values if variable(name) not in variables}
    known = {name: value for name, value in from_file.items() if name in Settings.model_fields}
    named = variables | {variable(name) for name in (*known, *given)}
    faults = [*file.faults, *_unknown(variables), *_incomplete(named)]
    try:
        settings = Settings(**{**known, **given})
    except ValidationError as exc:
        origins = {**dict.fromkeys(known, f" (in {file.path})"), **dict.fromkeys(given, " (given)")}
        wrong = dict.fromkeys(str(error["loc"][0]) for error in exc.errors())
        faults += [_fault(name, origins.get(name, "")) for name in wrong]
    if faults:
        raise SettingsError(faults)
    return settings


@dataclass(frozen=True, slots=True)
class _File:
    path: str
    values: Mapping[str, Any]
    faults: tuple[str, ...] = ()


def _read_file(path: str | None) -> _File:
    if not path:
        return _File("", {})
    try:
        values = tomllib.loads(Path(path).read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as exc:
        reason = getattr(exc, "strerror", None) or "not UTF-8"
        return _File(path, {}, (f"{_CONFIG}: the file can't be read ({reason}).",))
    except tomllib.TOMLDecodeError as exc:
        return _File(path, {}, (f"{_CONFIG}: the file is not TOML ({exc}).",))
    unknown = [name for name in values if name not in Settings.model_fields]
    return _File(path, values, tuple(f"{name}: no such setting (in {path})." for name in unknown))


def _unknown(variables: set[str]) -> list[str]:
    known = {variable(name) for name in Settings.model_fields} | {_CONFIG}
    return [
        f"{name}: no such setting."
        for name in sorted(variables - known)
        if not _KUBERNETES.search(name.removeprefix(PREFIX))
    ]


def _incomplete(named: set[str]) -> list[str]:
    """Find settings that mean nothing without another."""
    needs = {
        "tls_cert_file": "tls_key_file",
        "tls_key_file": "tls_cert_file",
        "s3_access_key": "s3_secret_key",
        "s3_secret_key": "s3_access_key",
        "s3_ca_file": "s3_endpoint_url",
        "s3_bucket": "s3_endpoint_url",
    }
    return [
        f"{variable(needed)}: missing, as {variable(name)} is set. "
        f"Expected: {Settings.model_fields[needed].description}."
        for name, needed in needs.items()
        if variable(name) in named and variable(needed) not in named
    ]


def _fault(name: str, origin: str) -> str:
    return f"{variable(name)}: expected {Settings.model_fields[name].description}{origin}."
