"""A Roundup tracker as the case core: built from settings."""

from aiohttp import encode_basic_auth, hdrs

from transfer.casebridge.core_client import CoreAccess, CoreClient
from transfer.casebridge.roundup import RoundupCaseCore
from transfer.casebridge.roundup_tickets import TicketMapping
from transfer.core.cases import parse_priority
from transfer.ports import Clock
from transfer.settings import Settings
from transfer.settings.roundup import parse_standing
from transfer.wiring.secret_files import read_secret, read_trust


def ticket_mapping(settings: Settings) -> TicketMapping:
    """Return what the tracker's words mean, as the settings say."""
    return TicketMapping(
        kind=settings.roundup_class,
        fields=settings.roundup_fields,
        statuses={name: parse_standing(told) for name, told in settings.roundup_statuses.items()},
        priorities={
            name: parse_priority(told) for name, told in settings.roundup_priorities.items()
        },
    )


def roundup_core(settings: Settings, clock: Clock) -> RoundupCaseCore:
    """Return the way to the tracker. Nothing is asked yet.

    Raises:
        SettingsError: the file of our password there, or of certificates, can't be used.
    """
    user = settings.roundup_user or ""
    password = read_secret(settings, "roundup_password_file") or ""
    access = CoreAccess(
        headers={hdrs.AUTHORIZATION: encode_basic_auth(user, password, encoding="utf-8")},
        tls=read_trust(settings, "case_core_ca_file"),
        timeout=settings.case_core_timeout,
    )
    client = CoreClient(access, clock)
    url = settings.case_core_url or ""
    return RoundupCaseCore(url, client, ticket_mapping(settings), clock, user=user)
