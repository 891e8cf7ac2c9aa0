"""Sign-in of staff: built from settings, where an identity provider is set."""

from datetime import timedelta

from transfer.core.identity import StaffGroups
from transfer.engine.oidc import OidcPolicy, StaffSignIn
from transfer.http.oidc import CALLBACK_PATH
from transfer.identity.client import JsonClient
from transfer.identity.provider import OidcProvider, ProviderAccess
from transfer.ports import Clock
from transfer.settings import Settings
from transfer.wiring.parts import Parts
from transfer.wiring.secret_files import read_secret, read_trust

_TIMEOUT = timedelta(seconds=10)


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
        client_secret=read_secret(settings, "oidc_client_secret_file"),
    )
    client = JsonClient(tls=read_trust(settings, "oidc_ca_file"), timeout=_TIMEOUT)
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
