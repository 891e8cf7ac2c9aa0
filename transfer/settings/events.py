"""What an operator may set of events: who is told, by webhook and mail, and how they come in."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, Field

from transfer.settings.types import AddressSetting, Names, Span, TrustedUrl

EVENT_NEEDS = {
    "events_url": "events_key_file",
    "events_key_file": "events_url",
    "events_ca_file": "events_url",
    "mail_server": "mail_from",
    "mail_from": "public_url",  # mails say where
    "mail_to": "mail_server",
    "mail_contacts": "mail_server",
    "mail_ca_file": "mail_server",
    "mail_username": "mail_password_file",
    "mail_password_file": "mail_username",
}
"""Which of these settings mean nothing without another."""

_KEYS = "a file with one or two keys, whsec_… and Base64, a line each"


def _mail_address(text: str) -> str:
    local, at, domain = text.partition("@")
    if not (local and at and domain and text.isascii() and text.isprintable()):
        raise ValueError("not an address")
    if any(character in text for character in ' ,;<>()"\\') or "@" in domain:
        raise ValueError("not an address alone")
    return text


def _mail_addresses(texts: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(_mail_address(text) for text in texts)


class EventSettings(BaseModel):
    """Events that go out and come in."""

    case_events_key_file: Path | None = Field(
        None, description=f"{_KEYS}, by which the case core signs its events"
    )
    case_poll_interval: Annotated[Span, Field(ge=timedelta(seconds=1), le=timedelta(hours=1))] = (
        Field(timedelta(minutes=1), description="a duration from 1s to 1h, like 1m")
    )
    digest_quiet: Annotated[Span, Field(le=timedelta(hours=1))] = Field(
        timedelta(seconds=5), description="a duration of at most 1h, like 5s"
    )
    digest_longest: Annotated[Span, Field(le=timedelta(hours=24))] = Field(
        timedelta(minutes=15), description="a duration of at most 24h, not below digest_quiet"
    )
    interrupted_after: Span = Field(timedelta(minutes=15), description="a duration, like 15m")
    events_url: TrustedUrl | None = Field(
        None, description="the https URL to which events are sent as signed CloudEvents"
    )
    events_key_file: Path | None = Field(
        None, description=f"{_KEYS}, by which events are signed that are sent"
    )
    events_ca_file: Path | None = Field(
        None, description="a PEM file with the certificates to trust for events_url"
    )
    mail_server: AddressSetting | None = Field(
        None, description="HOST:PORT of the mail server, like mail.example.com:587"
    )
    mail_tls: Literal["starttls", "tls", "none"] = Field(
        "starttls", description="starttls, tls or none: how it is spoken to"
    )
    mail_username: str | None = Field(None, min_length=1, description="a name to sign in there")
    mail_password_file: Path | None = Field(
        None, description="a file with the password that goes with mail_username"
    )
    mail_ca_file: Path | None = Field(
        None, description="a PEM file with the certificates to trust for the mail server"
    )
    mail_from: Annotated[str, AfterValidator(_mail_address)] | None = Field(
        None, description="the address that mails are from, like transfer@example.com"
    )
    mail_to: Annotated[Names, AfterValidator(_mail_addresses)] = Field(
        (), description="Customer Care's addresses, with commas, like care@example.com"
    )
    mail_contacts: bool = Field(
        default=False, description="true to write to cases' contacts, where the case core has them"
    )
    mail_language: Literal["en", "de"] = Field(
        "en", description="en or de: where no other language is known"
    )


def event_faults(settings: EventSettings, case_core: str) -> list[str]:
    """Return the names of those that are wrong together, or with the case core."""
    wrong = []
    if settings.case_events_key_file is not None and case_core == "embedded":
        wrong.append("case_events_key_file")  # nobody sends any
    if settings.digest_longest < settings.digest_quiet:
        wrong.append("digest_longest")
    if settings.mail_server is not None and not (settings.mail_to or settings.mail_contacts):
        wrong.append("mail_to")
    return wrong
