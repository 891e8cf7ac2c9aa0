"""What an operator may set of who gets in: tokens, sessions, links and an identity provider."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, Field

from transfer.core.access import CUSTOMER_ROLES
from transfer.core.identity import is_trusted_url
from transfer.settings.types import Names, Roles, Span, TrustedUrl, Url

IDENTITY_NEEDS = {
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
"""Which of these settings mean nothing without another."""


class IdentitySettings(BaseModel):
    """How people and programs sign in, and for how long."""

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


def identity_faults(settings: IdentitySettings, public_url: str | None) -> list[str]:
    """Return the settings that are each right, and wrong together."""
    usual = max(settings.token_lifetime, settings.admin_token_lifetime)
    wrong = ["max_token_lifetime"] if usual > settings.max_token_lifetime else []
    if settings.oidc_issuer is not None:
        if not settings.oidc_analyst_groups and not settings.oidc_admin_groups:
            wrong += ["oidc_analyst_groups", "oidc_admin_groups"]
        if "openid" not in settings.oidc_scopes:
            wrong.append("oidc_scopes")
        if public_url is not None and not is_trusted_url(public_url):
            wrong.append("public_url")  # the cookie of a session goes by TLS alone
    sources = (settings.launch_keys_file, settings.launch_jwks_url)
    if settings.launch_issuer is not None and sources.count(None) != 1:
        wrong += ["launch_keys_file", "launch_jwks_url"]
    return wrong
