"""What an operator may set: by `TRANSFER_*` variables or a TOML file. Nobody else reads either.

A variable wins over the file, the command line over both. Every field's description says what is
expected of it: faults quote it, and never a value.
"""

import os
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import (
    SecretStr,
    ValidationError,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

from transfer.core.errors import InvalidRequestError
from transfer.settings.cores import CASE_CORE_NEEDS, CaseCoreSettings, case_core_faults
from transfer.settings.events import EVENT_NEEDS, EventSettings, event_faults
from transfer.settings.follow_ups import FollowUpSettings
from transfer.settings.general import GeneralSettings
from transfer.settings.http import HttpSettings
from transfer.settings.identity import IDENTITY_NEEDS, IdentitySettings, identity_faults
from transfer.settings.keys import KeySettings, key_faults
from transfer.settings.regions import REGION_NEEDS, RegionSettings
from transfer.settings.retention import RetentionSettings
from transfer.settings.roundup import ROUNDUP_NEEDS, RoundupSettings, roundup_faults
from transfer.settings.sftp import SftpSettings
from transfer.settings.storage import StorageSettings
from transfer.settings.upkeep import UpkeepSettings, upkeep_faults
from transfer.settings.uploads import UploadSettings

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


class Settings(
    GeneralSettings,
    HttpSettings,
    SftpSettings,
    StorageSettings,
    UploadSettings,
    IdentitySettings,
    CaseCoreSettings,
    EventSettings,
    FollowUpSettings,
    KeySettings,
    RegionSettings,
    RetentionSettings,
    RoundupSettings,
    UpkeepSettings,
    BaseSettings,
):
    """All settings, checked. Read them with `load`."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True, frozen=True)

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
        faults += [*_contradictions(settings), *key_faults(settings, settings.s3_endpoint_url)]
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
        **IDENTITY_NEEDS,
        **CASE_CORE_NEEDS,
        **EVENT_NEEDS,
        **REGION_NEEDS,
        **ROUNDUP_NEEDS,
    }
    return [
        f"{variable(needed)}: missing, as {variable(name)} is set. "
        f"Expected: {Settings.model_fields[needed].description}."
        for name, needed in needs.items()
        if variable(name) in named and variable(needed) not in named
    ]


def _contradictions(settings: Settings) -> list[str]:
    """Find settings that are each right, and wrong together."""
    wrong = [*identity_faults(settings, settings.public_url)]
    wrong += case_core_faults(settings)
    wrong += event_faults(settings, settings.case_core)
    wrong += upkeep_faults(settings.upload_max_age, settings.upload_lifetime)
    wrong += roundup_faults(settings, settings.case_core)
    return [_fault(name, "") for name in wrong]


def _fault(name: str, origin: str) -> str:
    return f"{variable(name)}: expected {Settings.model_fields[name].description}{origin}."
