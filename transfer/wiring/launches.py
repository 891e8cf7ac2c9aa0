"""Launch links: whose are followed, as the settings say."""

from datetime import timedelta

from transfer.core.launches import LaunchRules
from transfer.engine.launches import Launches, LaunchIssuer
from transfer.identity.client import JsonClient
from transfer.identity.keysets import FetchedKeys, KeySetError, KnownKeys, read_keys
from transfer.ports import Clock, Method
from transfer.settings import Settings, SettingsError, variable
from transfer.wiring.parts import Parts
from transfer.wiring.regions import regions_of

_TIMEOUT = timedelta(seconds=5)

PortalKeys = KnownKeys | FetchedKeys


def portal_keys(settings: Settings, clock: Clock) -> PortalKeys | None:
    """Return the keys of the portal; None where none is set. Nothing is fetched yet.

    Raises:
        SettingsError: the file can't be used.
    """
    if settings.launch_jwks_url is not None:
        return FetchedKeys(settings.launch_jwks_url, JsonClient(timeout=_TIMEOUT), clock)
    path = settings.launch_keys_file
    if path is None:
        return None
    try:
        return KnownKeys(read_keys(path))
    except (OSError, KeySetError) as exc:
        reason = getattr(exc, "strerror", None) or exc
        expected = Settings.model_fields["launch_keys_file"].description
        fault = f"{variable('launch_keys_file')}: expected {expected} ({reason})."
        raise SettingsError([fault]) from exc


def launches(parts: Parts, keys: PortalKeys | None) -> Launches:
    """Return what follows links: the portal's by `keys`, and the service's own."""
    issuers = [parts.links.issuer]
    settings = parts.settings
    if keys is not None and settings.launch_issuer and settings.launch_audience:
        rules = LaunchRules(
            issuer=settings.launch_issuer,
            audience=settings.launch_audience,
            roles=frozenset(settings.launch_roles),
        )
        issuers.append(LaunchIssuer(rules=rules, keys=keys, method=Method.LAUNCH))
    regions = regions_of(settings)
    return Launches(parts.tools, parts.sessions, parts.attempts, issuers, regions)
