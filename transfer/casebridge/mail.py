"""Mails about cases, over SMTP, to Customer Care and to the contacts of a case."""

import hashlib
import re
import ssl
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Literal

import aiosmtplib
import structlog

from transfer.casebridge.letters import LANGUAGES, Audience, Letters, Notice, notice_of
from transfer.casebridge.webhooks import ReceiverUnavailableError
from transfer.core.cases import CaseNumber
from transfer.core.errors import CaseMissingError, RefusedError
from transfer.ports import CaseCore, CaseEvent, Clock, Measure, Meter, NoMeter

_log = structlog.get_logger(__name__)

_TIMEOUT_SECONDS = 15
_REFUSED_FOR_GOOD = 500
_SIGN_IN_REFUSED = range(530, 540)
"""What a server answers that doesn't take our credentials: nothing is wrong with the mail."""

_REMEMBERED = 10_000

_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?"
_ADDRESS = re.compile(rf"(?!.*=\?){_ATOM}(?:\.{_ATOM})*@{_LABEL}(?:\.{_LABEL})*")
_LONGEST_ADDRESS = 254
_PUT_OFF_FOR = timedelta(days=1)
"""How long a server may say of a recipient that their mail is to come later."""

SENT = Measure("mails_sent", "Mails that the server has taken")
UNDELIVERABLE = Measure("mails_undeliverable", "Mails whose recipient the server refused")


@dataclass(frozen=True, slots=True, kw_only=True)
class MailServer:
    """Where mails are handed in; `tls` is begun at once, or by STARTTLS, or not at all."""

    host: str
    port: int
    tls: Literal["starttls", "tls", "none"] = "starttls"
    trust: ssl.SSLContext | None = None
    username: str | None = None
    password: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class MailPolicy:
    """Who writes, and to whom: to Customer Care at `care`, and to contacts if they are `written`.

    `language` is for those of whom none is known.
    """

    sender: str
    care: tuple[str, ...] = ()
    written: bool = False
    language: str = "en"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Addressee:
    address: str
    language: str


class MailSink:
    """Writes mails upon events; plays the role `transfer.ports.EventSink`.

    Each addressee gets a mail of their own, so that none learns of the others. Its Message-ID is
    made of the event's, so that one that is sent twice, after a crash, can be told to be the same.
    """

    def __init__(
        self,
        *,
        server: MailServer,
        policy: MailPolicy,
        letters: Letters,
        core: CaseCore,
        clock: Clock,
        meter: Meter | None = None,
    ) -> None:
        self._server = server
        self._policy = policy
        self._letters = letters
        self._core = core
        self._clock = clock
        self._meter = meter or NoMeter()
        self._sent: OrderedDict[str, None] = OrderedDict()
        self._put_off_since: OrderedDict[str, datetime] = OrderedDict()

    async def tell(self, *events: CaseEvent) -> None:
        """Send what the events make, in order; one mail that fails doesn't keep the others.

        Raises:
            ReceiverUnavailableError: the mail server doesn't take it now.
            RefusedError: it never will.
        """
        mails = [mail for event in events for mail in await self._mails_of(event)]
        left = [mail for mail in mails if mail["Message-ID"] not in self._sent]
        if not left:
            return
        failures: list[aiosmtplib.SMTPException] = []
        with _translated():
            async with self._connection() as connection:
                for mail in left:
                    try:
                        await self._send(connection, mail)
                    except (aiosmtplib.SMTPDataError, aiosmtplib.SMTPRecipientsRefused) as exc:
                        failures.append(exc)
            if failures:
                # One that may pass goes first: the mails of the others are given up with the event.
                raise min(failures, key=_is_for_good)

    async def close(self) -> None:
        """Keep no connection: there is none between two calls."""

    # ── Writing ──────────────────────────────────────────────────────────────────────────────

    async def _mails_of(self, event: CaseEvent) -> list[EmailMessage]:
        notice = notice_of(event)
        if notice is None:
            return []
        addressees = await self._addressees(event.case_number, notice.audience)
        mails = []
        for addressee in addressees:
            mail = self._mail(event, notice, addressee)
            if mail is not None:
                mails.append(mail)
        return mails

    async def _addressees(self, number: CaseNumber, audience: Audience) -> Sequence[_Addressee]:
        found: dict[str, _Addressee] = {}
        if Audience.CARE in audience:
            for address in self._policy.care:
                found[address.casefold()] = _Addressee(
                    address=address, language=self._policy.language
                )
        if Audience.CONTACTS in audience and self._policy.written:
            for addressee in await self._contacts(number):
                found.setdefault(addressee.address.casefold(), addressee)
        return list(found.values())

    async def _contacts(self, number: CaseNumber) -> list[_Addressee]:
        try:
            case = await self._core.case(number)
        except CaseMissingError:
            return []
        return [
            _Addressee(
                address=contact.email,
                language=contact.language
                if contact.language in LANGUAGES
                else self._policy.language,
            )
            for contact in case.contacts
            if contact.email is not None
        ]

    def _mail(self, event: CaseEvent, notice: Notice, addressee: _Addressee) -> EmailMessage | None:
        if not is_address(addressee.address):
            # The library may fail at it, or find another address in it, or none.
            self._meter.count(UNDELIVERABLE)
            _log.warning("mail.no-address", event_id=event.id, case=event.case_number)
            return None
        wording = self._letters.write(event, notice, addressee.language)
        mail = EmailMessage()
        mail["From"] = self._policy.sender
        mail["To"] = addressee.address
        mail["Subject"] = wording.subject
        mail["Date"] = format_datetime(event.at)
        mail["Message-ID"] = self._message_id(event, addressee)
        mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's absence answers it
        mail.set_content(wording.text)
        mail["Content-Language"] = addressee.language
        return mail

    def _message_id(self, event: CaseEvent, addressee: _Addressee) -> str:
        told = "\0".join((event.id, addressee.address.casefold()))
        domain = self._policy.sender.rpartition("@")[2].rstrip("> ")
        return f"<{hashlib.sha256(told.encode()).hexdigest()[:32]}@{domain}>"

    # ── Sending ──────────────────────────────────────────────────────────────────────────────

    def _connection(self) -> aiosmtplib.SMTP:
        server = self._server
        return aiosmtplib.SMTP(
            hostname=server.host,
            port=server.port,
            use_tls=server.tls == "tls",
            start_tls=server.tls == "starttls",
            tls_context=server.trust,
            username=server.username,
            password=server.password,
            timeout=_TIMEOUT_SECONDS,
        )

    async def _send(self, connection: aiosmtplib.SMTP, mail: EmailMessage) -> None:
        try:
            await connection.send_message(mail)
        except aiosmtplib.SMTPRecipientsRefused as exc:
            # One address that isn't there must not keep the others waiting for their mail.
            if not _is_for_good(exc) and not self._is_put_off_for_long(mail):
                raise
            self._meter.count(UNDELIVERABLE)
            _log.warning("mail.undeliverable", message_id=mail["Message-ID"])
        else:
            self._meter.count(SENT)
        self._sent[mail["Message-ID"]] = None
        if len(self._sent) > _REMEMBERED:
            self._sent.popitem(last=False)

    def _is_put_off_for_long(self, mail: EmailMessage) -> bool:
        """Whether a mail has been put off for a day: a box may be full for ever.

        Counted by this process, so that what an outage has delayed isn't given up at once.
        """
        now = self._clock.now()
        since = self._put_off_since.setdefault(mail["Message-ID"], now)
        if len(self._put_off_since) > _REMEMBERED:
            self._put_off_since.popitem(last=False)
        return now - since >= _PUT_OFF_FOR


def is_address(text: str) -> bool:
    """Whether mail can be sent there by any server: an address alone, in ASCII."""
    return len(text) <= _LONGEST_ADDRESS and _ADDRESS.fullmatch(text) is not None


def _is_for_good(error: aiosmtplib.SMTPException) -> bool:
    """Whether a server refuses a mail, or its recipient, and not only for now."""
    if isinstance(error, aiosmtplib.SMTPRecipientsRefused):
        return all(one.code >= _REFUSED_FOR_GOOD for one in error.recipients)
    return isinstance(error, aiosmtplib.SMTPDataError) and error.code >= _REFUSED_FOR_GOOD


@contextmanager
def _translated() -> Iterator[None]:
    """Raise what the library raises as what is to be done; its words may have addresses."""
    try:
        yield
    except (aiosmtplib.SMTPSenderRefused, aiosmtplib.SMTPDataError) as exc:
        if exc.code >= _REFUSED_FOR_GOOD and exc.code not in _SIGN_IN_REFUSED:
            raise RefusedError(f"The mail server refuses the mail (code {exc.code}).") from exc
        raise ReceiverUnavailableError("The mail server takes no mail now.") from exc
    except (aiosmtplib.SMTPException, OSError, ValueError) as exc:
        raise ReceiverUnavailableError("The mail server takes no mail now.") from exc
