"""Secrets and certificates in files that the settings name. Blocking, and small."""

from pathlib import Path
from ssl import SSLContext, SSLError, create_default_context

from transfer.settings import Settings, SettingsError, variable

_MOST_SECRET_CHARACTERS = 4096


def read_secret(settings: Settings, name: str) -> str | None:
    """Return the secret in the file that the setting `name` gives; None if it gives none.

    Raises:
        SettingsError: it can't be used; says nothing of what is in there.
    """
    path: Path | None = getattr(settings, name)
    if path is None:
        return None
    try:
        secret = path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as exc:
        raise _unusable(name) from exc
    if not secret.isprintable() or not 0 < len(secret) <= _MOST_SECRET_CHARACTERS:
        raise _unusable(name)
    return secret


def read_trust(settings: Settings, name: str) -> SSLContext | None:
    """Return what trusts the certificates in the file that the setting `name` gives, if any.

    Raises:
        SettingsError: it can't be used.
    """
    path: Path | None = getattr(settings, name)
    if path is None:
        return None
    try:
        return create_default_context(cafile=str(path))
    except (OSError, SSLError) as exc:
        raise _unusable(name) from exc


def _unusable(name: str) -> SettingsError:
    description = Settings.model_fields[name].description
    return SettingsError([f"{variable(name)}: expected {description}."])
