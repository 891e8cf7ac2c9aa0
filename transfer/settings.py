"""What an operator may set: by `TRANSFER_*` variables or a TOML file. Nobody else reads either.

A variable wins over the file, the command line over both. Every field's description says what is
expected of it: faults quote it, and never a value.
"""

import os
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    ByteSize,
    Field,
    SecretStr,
    ValidationError,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

from transfer.core.access import CUSTOMER_ROLES
from transfer.core.accounts import LIFETIME as LONGEST_ACCOUNT
from transfer.core.accounts import MOST_OF_A_CASE as MOST_ACCOUNTS
from transfer.core.errors import InvalidRequestError
from transfer.core.identity import is_trusted_url
from transfer.core.parts import GIB, MAX_PART_BYTES, MIB, MIN_PART_BYTES
from transfer.core.retention import PERIOD
from transfer.setting_types import (
    AddressSetting,
    Bucket,
    DatabaseUrl,
    Names,
    Networks,
    Origins,
    PartBytes,
    Roles,
    Span,
    SpanOrNothing,
    TrustedUrl,
    Url,
)
from transfer.values import (
    Address,
)

PREFIX = "TRANSFER_"
_CONFIG = "TRANSFER_CONFIG"

_KUBERNETES = re.compile(r"(_|^)(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT(_\d+_(TCP|UDP)(_\w+)?)?)$")
"""What Kubernetes puts into the environment for a Service whose name begins with ours."""


class SettingsError(InvalidRequestError):
    """Some settings can't be used; `faults` has all of them."""

    code = "settings"

    def __init__(self, faults: Iterable[str]) -> None:
        """Keep `faults`, a sentence each."""
        self.faults = tuple(faults)
        super().__init__("\n".join(("These settings can't be used:", *self.faults)))


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

    http_listen: AddressSetting = Field(
        Address("127.0.0.1", 8443), description="HOST:PORT to listen on for HTTP"
    )
    sftp_listen: AddressSetting = Field(
        Address("127.0.0.1", 2222), description="HOST:PORT to listen on for SFTP"
    )
    plain_http: bool = Field(default=False, description="true behind a proxy that speaks TLS")
    public_url: Url | None = Field(
        None, description="the URL that people use, like https://transfer.example.com"
    )
    trusted_proxies: Networks = Field(
        (), description="addresses or networks of proxies, like 10.0.0.5, 192.0.2.0/24"
    )
    forwarded_by: Literal["x-forwarded", "forwarded"] = Field(
        "x-forwarded", description="x-forwarded or forwarded: what those proxies send"
    )
    cors_origins: Origins = Field(
        (), description="origins of other sites' pages, like https://portal.example.com"
    )
    hsts_max_age: SpanOrNothing = Field(
        timedelta(days=365), description="a duration, like 365d; 0s not to say so"
    )
    max_connections: int = Field(4096, ge=1, description="a number of HTTP connections, 1 or more")
    max_connections_per_client: int = Field(
        512, ge=1, description="a number of HTTP connections from one address, 1 or more"
    )
    max_requests_per_client: int = Field(
        256, ge=1, description="a number of requests at once from one client, 1 or more"
    )
    max_requests_per_case: int = Field(
        512, ge=1, description="a number of customers' requests at once for a case, 1 or more"
    )
    http_idle_timeout: Span = Field(timedelta(seconds=60), description="a duration, like 60s")
    http_min_bytes_per_second: ByteSize = Field(
        ByteSize(1024), description="what a sender must reach, like 1KiB; 0 for any"
    )
    sftp_max_connections: int = Field(
        1024, ge=1, description="a number of SFTP connections, 1 or more"
    )
    sftp_max_connections_per_client: int = Field(
        512, ge=1, description="a number of SFTP connections from one address, 1 or more"
    )
    sftp_max_unsigned: int = Field(
        1024, ge=2, description="a number of SFTP connections that haven't signed in, 2 or more"
    )
    sftp_login_timeout: Span = Field(timedelta(seconds=120), description="a duration, like 120s")
    sftp_idle_timeout: SpanOrNothing = Field(
        timedelta(hours=1), description="a duration, like 1h; 0s for ever"
    )
    sftp_keepalive: Span = Field(timedelta(seconds=30), description="a duration, like 30s")
    sftp_banner_file: Path | None = Field(
        None, description="a UTF-8 text file, shown before signing in; an empty one for nothing"
    )
    sftp_ban_after: int = Field(
        20, ge=0, description="a number of sign-ins that failed during a wait; 0 for never"
    )
    sftp_ban_lifetime: Span = Field(timedelta(hours=1), description="a duration, like 1h")
    sftp_banned_networks: Networks = Field(
        (), description="addresses or networks that never get in, like 192.0.2.0/24"
    )
    sftp_trusted_networks: Networks = Field(
        (), description="addresses or networks that are never banned, nor counted, like 10.0.0.0/8"
    )
    public_sftp: AddressSetting | None = Field(
        None, description="HOST:PORT by which people reach the SFTP server"
    )
    tls_cert_file: Path | None = Field(None, description="a PEM file with the chain, leaf first")
    tls_key_file: Path | None = Field(None, description="a PEM file with the certificate's key")
    sftp_host_keys: Path | None = Field(
        None, description="a folder with the SFTP server's host keys, the same on every node"
    )

    sftp_spool_bytes: ByteSize = Field(
        ByteSize(2 * GIB), description="disk for files sent out of order, like 2GiB a process"
    )

    database_url: DatabaseUrl | None = Field(
        None, description="sqlite:////FILE or postgresql+psycopg://USER:PASSWORD@HOST/NAME"
    )
    s3_endpoint_url: Url | None = Field(
        None, description="the S3 store's URL; without one the embedded store is used"
    )
    s3_region: str = Field("us-east-1", min_length=1, description="the name of an S3 region")
    s3_bucket: Bucket = Field(
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
    part_bytes: PartBytes = Field(
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
    max_case_bytes: ByteSize | None = Field(
        None, ge=1, description="what customers may send to a case, like 500GiB"
    )

    warning_file: Path | None = Field(
        None, description="a UTF-8 text file, the same on every node, that customers acknowledge"
    )

    allow_redirect_downloads: bool = Field(
        default=False, description="true where clients can reach the S3 store's URL themselves"
    )
    redirect_lifetime: Annotated[Span, Field(ge=timedelta(seconds=1), le=timedelta(hours=1))] = (
        Field(timedelta(seconds=60), description="a duration from 1s to 1h, like 60s")
    )

    account_lifetime: Annotated[Span, Field(le=LONGEST_ACCOUNT)] = Field(
        LONGEST_ACCOUNT, description="a duration of at most 120h"
    )
    max_accounts_per_case: int = Field(
        MOST_ACCOUNTS, ge=1, le=1000, description="a number of SFTP accounts at once, 1 to 1000"
    )
    contacts_issue_accounts: bool = Field(
        default=False, description="true if designated contacts may issue SFTP accounts"
    )
    retention_period: Span = Field(PERIOD, description="a duration, like 30d")
    upload_lifetime: Span = Field(timedelta(days=7), description="a duration, like 7d")
    token_lifetime: Span = Field(timedelta(days=30), description="a duration, like 30d")
    admin_token_lifetime: Span = Field(timedelta(hours=12), description="a duration, like 12h")
    max_token_lifetime: Span = Field(
        timedelta(days=90),
        description="a duration of at least token_lifetime and admin_token_lifetime",
    )
    oidc_issuer: TrustedUrl | None = Field(
        None, description="the identity provider's issuer, an https URL exactly as it names itself"
    )
    oidc_client_id: str | None = Field(
        None, min_length=1, description="the id by which the identity provider knows this service"
    )
    oidc_client_secret_file: Path | None = Field(
        None, description="a file with the secret that the identity provider has issued"
    )
    oidc_ca_file: Path | None = Field(
        None, description="a PEM file with the certificates to trust for the identity provider"
    )
    oidc_scopes: Names = Field(
        ("openid", "profile"), description="scopes to ask for, openid among them"
    )
    oidc_groups_claim: str = Field(
        "groups", min_length=1, description="the name of the claim with a person's groups"
    )
    oidc_name_claim: str = Field(
        "preferred_username", min_length=1, description="the name of the claim with their name"
    )
    oidc_analyst_groups: Names = Field(
        (), description="names of groups, with commas between or as a JSON list"
    )
    oidc_admin_groups: Names = Field(
        (), description="names of groups, with commas between or as a JSON list"
    )
    session_idle: Span = Field(timedelta(minutes=60), description="a duration, like 60m")
    session_lifetime: Span = Field(timedelta(hours=12), description="a duration, like 12h")
    portal_url: Url | None = Field(
        None, description="the URL at which customers find their cases, like https://example.com"
    )
    launch_issuer: str | None = Field(
        None, min_length=1, description="what the portal calls itself in its links (iss)"
    )
    launch_audience: str | None = Field(
        None, min_length=1, description="what the portal calls this service in its links (aud)"
    )
    launch_keys_file: Path | None = Field(
        None, description="a file with the portal's public keys, PEM or JWKS: P-256 or Ed25519"
    )
    launch_jwks_url: TrustedUrl | None = Field(
        None, description="the https URL of the portal's public keys, instead of launch_keys_file"
    )
    launch_roles: Roles = Field(
        tuple(sorted(CUSTOMER_ROLES)), description="roles that the portal may give, with commas"
    )
    link_lifetime: Annotated[Span, Field(le=timedelta(hours=24))] = Field(
        timedelta(hours=1), description="a duration of at most 24h"
    )
    upload_lease: Annotated[Span, Field(ge=timedelta(seconds=3))] = Field(
        timedelta(seconds=30), description="a duration of 3s or more"
    )
    takeover_grace: Span = Field(timedelta(seconds=5), description="a duration, like 5s")
    flush_interval: Span = Field(timedelta(seconds=30), description="a duration, like 30s")
    idle_flush: Span = Field(timedelta(seconds=2), description="a duration, like 2s")
    watch_interval: Span = Field(timedelta(seconds=1), description="a duration, like 1s")
    takeover_interval: Span = Field(
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
    else:
        faults += _contradictions(settings)
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
        "launch_issuer": "launch_audience",
        "launch_audience": "launch_issuer",
        "launch_keys_file": "launch_issuer",
        "launch_jwks_url": "launch_issuer",
        "oidc_issuer": "oidc_client_id",
        "oidc_client_id": "public_url",  # where the provider sends people back to
        "oidc_client_secret_file": "oidc_issuer",
        "oidc_ca_file": "oidc_issuer",
        "oidc_analyst_groups": "oidc_issuer",
        "oidc_admin_groups": "oidc_issuer",
    }
    return [
        f"{variable(needed)}: missing, as {variable(name)} is set. "
        f"Expected: {Settings.model_fields[needed].description}."
        for name, needed in needs.items()
        if variable(name) in named and variable(needed) not in named
    ]


def _contradictions(settings: Settings) -> list[str]:
    """Find settings that are each right, and wrong together."""
    usual = max(settings.token_lifetime, settings.admin_token_lifetime)
    wrong = ["max_token_lifetime"] if usual > settings.max_token_lifetime else []
    if settings.oidc_issuer is not None:
        if not settings.oidc_analyst_groups and not settings.oidc_admin_groups:
            wrong += ["oidc_analyst_groups", "oidc_admin_groups"]
        if "openid" not in settings.oidc_scopes:
            wrong.append("oidc_scopes")
        if settings.public_url is not None and not is_trusted_url(settings.public_url):
            wrong.append("public_url")  # the cookie of a session goes by TLS alone
    sources = (settings.launch_keys_file, settings.launch_jwks_url)
    if settings.launch_issuer is not None and sources.count(None) != 1:
        wrong += ["launch_keys_file", "launch_jwks_url"]
    return [_fault(name, "") for name in wrong]


def _fault(name: str, origin: str) -> str:
    return f"{variable(name)}: expected {Settings.model_fields[name].description}{origin}."
