"""What a provider's discovery document says, as far as it is usable."""

from collections.abc import Mapping
from typing import Any

from transfer.core.identity import ProviderDescription, is_trusted_url


class UnusableDescriptionError(ValueError):
    """A discovery document that can't be used; the message names the member at fault."""


def parse_description(document: Mapping[str, Any], issuer: str) -> ProviderDescription:
    """Return the provider of `issuer` as its discovery document describes it.

    Raises:
        UnusableDescriptionError: another issuer's, or without something that is needed.

    Source: OpenID Connect Discovery 1.0, 3 and 4.3.
    """
    if document.get("issuer") != issuer:
        raise UnusableDescriptionError("issuer")
    methods = document.get("token_endpoint_auth_methods_supported")
    return ProviderDescription(
        issuer=issuer,
        authorization_endpoint=_endpoint(document, "authorization_endpoint"),
        token_endpoint=_endpoint(document, "token_endpoint"),
        jwks_uri=_endpoint(document, "jwks_uri"),
        userinfo_endpoint=(
            _endpoint(document, "userinfo_endpoint") if "userinfo_endpoint" in document else None
        ),
        token_endpoint_auth_methods=(
            tuple(map(str, methods)) if isinstance(methods, list) else ("client_secret_basic",)
        ),
        tells_issuer=document.get("authorization_response_iss_parameter_supported") is True,
    )


def _endpoint(document: Mapping[str, Any], name: str) -> str:
    url = document.get(name)
    if not isinstance(url, str) or not is_trusted_url(url):
        raise UnusableDescriptionError(name)
    return url
