"""Sign-in of staff: built from settings, where an identity provider is set."""

from datetime import timedelta
from pathlib import Path
from ssl import SSLContext, SSLError, create_default_context

from transfer.core.identity import StaffGroups
from transfer.engine.oidc import OidcPolicy, StaffSignIn
from transfer.http.oidc import CALLBACK_PATH
from transfer.identity.client import JsonClient
from transfer.identity.provider import OidcProvider, ProviderAccess
from transfer.ports import Clock
from transfer.settings import Settings, SettingsError, variable
from transfer.wiring.parts import Parts

_TIMEOUT = timedelta(seconds=10)
_MOST_SECRET_CHARACTERS = 4096


def identity_provider(settings: Settings, clock: Clock) -> OidcProvider | None:
    """Return the identity provider that is set; None if there is none. It isn't asked yet.

    Raises:
        SettingsError: the files of its secret or its certificates can't be used.
    """
    if settings.oidc_issuer is None or settings.oidc_client_id is None:
        return None
    access = ProviderAccess(
        issuer=settings.oidc_issuer,
        client_id=settings.oidc_client_id,
        client_secret=_secret(settings.oidc_client_secret_file),
    )
    client = JsonClient(tls=_trust(settings.oidc_ca_file), timeout=_TIMEOUT)
    return OidcProvider(access, client, clock)


def staff_sign_in(parts: Parts, provider: OidcProvider) -> StaffSignIn:
    """Return the sign-in of staff at `provider`."""
    settings = parts.settings
    public_url = (settings.public_url or "").rstrip("/")
    policy = OidcPolicy(
        client_id=settings.oidc_client_id or "",
        redirect_uri=f"{public_url}{CALLBACK_PATH}",
        groups=StaffGroups(
            claim=settings.oidc_groups_claim,
            analysts=frozenset(settings.oidc_analyst_groups),
            admins=frozenset(settings.oidc_admin_groups),
        ),
        name_claim=settings.oidc_name_claim,
        scopes=settings.oidc_scopes,
    )
    return StaffSignIn(
        parts.tools,
        provider,
        attempts=parts.attempts,
        sessions=parts.sessions,
        policy=policy,
    )


def _secret(path: Path | None) -> str | None:
    if path is None:
        return None
    try:
        secret = path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as exc:
        raise _unusable("oidc_client_secret_file") from exc
    if not secret.isprintable() or not 0 < len(secret) <= _MOST_SECRET_CHARACTERS:
        raise _unusable("oidc_client_secret_file")
    return secret


def _trust(path: Path | None) -> SSLContext | None:
    if path is None:
        return None
    try:
        return create_default_context(cafile=str(path))
    except (OSError, SSLError) as exc:
        raise _unusable("oidc_ca_file") from exc


def _unusable(name: str) -> SettingsError:
    description = Settings.model_fields[name].description
    return SettingsError([f"{variable(name)}: expected {description}."])
