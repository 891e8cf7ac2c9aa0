"""Events that go out and come in: built from settings, each way only where it is set."""

from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from transfer.casebridge.inbox import InboxReader, SignedInbox
from transfer.casebridge.interruptions import Interruptions
from transfer.casebridge.letters import Letters
from transfer.casebridge.mail import MailPolicy, MailServer, MailSink
from transfer.casebridge.outbox import OutboxDispatcher
from transfer.casebridge.reconciler import Reconciler
from transfer.casebridge.signatures import SigningKeys, parse_keys
from transfer.casebridge.webhooks import WebhookSink
from transfer.core.errors import InvalidRequestError
from transfer.ports import (
    CaseCore,
    CaseInbox,
    CaseMirror,
    Clock,
    Destination,
    DropPolicy,
    EventSink,
    Meter,
    Records,
)
from transfer.settings import Settings, SettingsError, variable
from transfer.wiring.cores import EVENT_SOURCE
from transfer.wiring.secret_files import read_secret, read_trust


class Sink(EventSink, Protocol):
    """A destination with connections to be closed."""

    async def close(self) -> None:
        """Close the connections; again does no harm."""


class Worker(Protocol):
    """Something that works until it is stopped."""

    def run(self) -> Coroutine[Any, Any, None]:
        """Work until stopped."""

    def stop(self) -> None:
        """Begin nothing new."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """All that sends and follows events in one process.

    `core` tells the case core, `others` the other destinations, over `sinks`. `inbox` is there if
    the case core sends events.
    """

    core: OutboxDispatcher
    others: Sequence[tuple[str, OutboxDispatcher]]
    workers: Sequence[tuple[str, Worker]]
    sinks: Sequence[Sink]
    inbox: CaseInbox | None

    def wake(self) -> None:
        """Look at the outbox at once."""
        self.core.wake()
        for _, dispatcher in self.others:
            dispatcher.wake()

    def loops(self) -> Sequence[tuple[str, Worker]]:
        """Return all that is to be run, by what it is called in errors."""
        return [("The dispatcher of events", self.core), *self.others, *self.workers]

    async def close(self) -> None:
        """Close all connections."""
        for sink in self.sinks:
            await sink.close()


def destinations_of(settings: Settings) -> list[Destination]:
    """Return who is told of events."""
    told = [Destination.CORE]
    if settings.events_url is not None:
        told.append(Destination.WEBHOOK)
    if settings.mail_server is not None:
        told.append(Destination.MAIL)
    return told


def traffic_of(  # noqa: PLR0913 - collaborators, all by name
    settings: Settings,
    *,
    records: Records,
    core: CaseCore,
    mirror: CaseMirror | None,
    clock: Clock,
    meter: Meter,
    owner: str,
) -> Traffic:
    """Connect what sends and follows events; `owner` is the name of this process.

    Raises:
        SettingsError: a file of keys or certificates can't be used.
    """
    drops = DropPolicy(quiet=settings.digest_quiet, longest=settings.digest_longest)

    def dispatcher(
        destination: Destination,
        sink: EventSink,
        drops: DropPolicy | None,
        *,
        together: bool = False,
    ) -> OutboxDispatcher:
        return OutboxDispatcher(
            outbox=records.outbox,
            core=sink,
            clock=clock,
            worker=owner,
            destination=destination,
            drops=drops,
            together=together,
            meter=meter,
        )

    sinks: list[Sink] = []
    others: list[tuple[str, OutboxDispatcher]] = []
    if settings.events_url is not None:
        sinks.append(_webhook(settings, settings.events_url, clock))
        # Whoever takes single events makes digests of their own.
        others.append(
            ("The dispatcher of webhooks", dispatcher(Destination.WEBHOOK, sinks[-1], None))
        )
    if settings.mail_server is not None:
        sinks.append(_mail(settings, core, clock, meter))
        others.append(("The dispatcher of mail", dispatcher(Destination.MAIL, sinks[-1], drops)))
    interruptions = Interruptions(
        records=records, clock=clock, patience=settings.interrupted_after, meter=meter
    )
    workers: list[tuple[str, Worker]] = [("The watch over interruptions", interruptions)]
    inbox = None
    if mirror is not None:
        reader = InboxReader(records=records, mirror=mirror, clock=clock, meter=meter)
        reconciler = Reconciler(
            records=records,
            mirror=mirror,
            clock=clock,
            worker=owner,
            every=settings.case_poll_interval,
            meter=meter,
        )
        workers += [("The reader of case events", reader), ("The reconciler", reconciler)]
        keys = read_keys(settings, "case_events_key_file")
        if keys is not None:
            inbox = SignedInbox(
                records=records, keys=keys, clock=clock, wake=reader.wake, meter=meter
            )
    return Traffic(
        core=dispatcher(Destination.CORE, core, drops, together=True),
        others=others,
        workers=workers,
        sinks=sinks,
        inbox=inbox,
    )


def read_keys(settings: Settings, name: str) -> SigningKeys | None:
    """Return the keys in the file that the setting `name` gives; None if it gives none.

    Raises:
        SettingsError: they can't be used; says nothing of what is in there.
    """
    path = getattr(settings, name)
    if path is None:
        return None
    try:
        return parse_keys(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, InvalidRequestError) as exc:
        description = Settings.model_fields[name].description
        raise SettingsError([f"{variable(name)}: expected {description}."]) from exc


def _webhook(settings: Settings, url: str, clock: Clock) -> WebhookSink:
    keys = read_keys(settings, "events_key_file")
    assert keys is not None  # noqa: S101 - the settings want both or none
    return WebhookSink(
        url,
        keys,
        clock,
        source=settings.public_url or EVENT_SOURCE,
        tls=read_trust(settings, "events_ca_file"),
    )


def _mail(settings: Settings, core: CaseCore, clock: Clock, meter: Meter) -> MailSink:
    assert settings.mail_server is not None  # noqa: S101 - as the caller has seen
    base = (settings.public_url or "").rstrip("/")
    return MailSink(
        server=MailServer(
            host=settings.mail_server.host,
            port=settings.mail_server.port,
            tls=settings.mail_tls,
            trust=read_trust(settings, "mail_ca_file"),
            username=settings.mail_username,
            password=read_secret(settings, "mail_password_file"),
        ),
        policy=MailPolicy(
            sender=settings.mail_from or "",
            care=settings.mail_to,
            written=settings.mail_contacts,
            language=settings.mail_language,
        ),
        letters=Letters(lambda number: f"{base}/cases/{number}"),
        core=core,
        clock=clock,
        meter=meter,
    )
