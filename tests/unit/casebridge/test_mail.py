"""Mails about cases, to a real SMTP server."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import Message
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, Envelope
from aiosmtpd.smtp import Session as SmtpSession

from tests.clock import START, MovableClock
from transfer.casebridge.letters import Letters
from transfer.casebridge.mail import MailPolicy, MailServer, MailSink, is_address
from transfer.casebridge.webhooks import ReceiverUnavailableError
from transfer.core.cases import Case, CaseId, CaseNumber, Status
from transfer.core.contacts import Contact, ContactKind
from transfer.core.errors import CaseMissingError, RefusedError
from transfer.ports import CaseChanges, CaseEvent

NUMBER = CaseNumber("0003256109")
NAME = "secret plans.doc"
POLICY = MailPolicy(sender="transfer@example.com", care=("care@example.com",), written=True)


@dataclass
class Postmaster:
    """What an SMTP server does with mails: takes them, or answers as told."""

    taken: list[tuple[list[str], Message]] = field(default_factory=list)
    answers: dict[str, str] = field(default_factory=dict)
    unknown: set[str] = field(default_factory=set)
    port: int = 0

    async def handle_MAIL(  # noqa: N802 - the library's name
        self, _server: SMTP, _session: SmtpSession, envelope: Envelope, address: str, _: list[str]
    ) -> str:
        envelope.mail_from = address
        return self.answers.get("MAIL", "250 OK")

    async def handle_RCPT(  # noqa: N802 - the library's name
        self, _server: SMTP, _session: SmtpSession, envelope: Envelope, address: str, _: list[str]
    ) -> str:
        if address in self.unknown:
            return self.answers.get("RCPT", "550 no such user")
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802 - the library's name
        self, _server: SMTP, _session: SmtpSession, envelope: Envelope
    ) -> str:
        answer = self.answers.get("DATA", "250 OK")
        if answer.startswith("2"):
            content = envelope.content
            assert isinstance(content, bytes)
            self.taken.append((list(envelope.rcpt_tos), message_from_bytes(content)))
        return answer

    @property
    def to(self) -> list[str]:
        return [address for addresses, _ in self.taken for address in addresses]


@dataclass
class CoreWithContacts:
    """A case core that knows one case and its people."""

    contacts: tuple[Contact, ...] = ()

    async def case(self, number: CaseNumber, *, fresh: bool = False) -> Case:  # noqa: ARG002 - the port's
        if number != NUMBER:
            raise CaseMissingError("No such case.")
        return Case(
            number=number,
            id=CaseId("c1"),
            subject="It crashes",
            account="Acme",
            status=Status.OPEN,
            substatus="New",
            opened_at=START,
            contacts=self.contacts,
        )

    async def changes(self, since: str | None = None, *, limit: int = 100) -> CaseChanges:
        raise NotImplementedError

    async def tell(self, *events: CaseEvent) -> None:
        raise NotImplementedError


@pytest.fixture
async def postmaster() -> AsyncIterator[Postmaster]:
    postmaster = Postmaster()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(postmaster, loop=loop, hostname="mail.example.com"), "127.0.0.1", 0
    )
    async with server:
        postmaster.port = server.sockets[0].getsockname()[1]
        yield postmaster


def sink_to(
    postmaster: Postmaster,
    policy: MailPolicy = POLICY,
    core: CoreWithContacts | None = None,
    clock: MovableClock | None = None,
    **server: Any,  # noqa: ANN401 - what a MailServer takes
) -> MailSink:
    return MailSink(
        server=MailServer(host="127.0.0.1", port=postmaster.port, **{"tls": "none", **server}),
        policy=policy,
        letters=Letters(lambda number: f"https://transfer.example.com/cases/{number}"),
        core=core or CoreWithContacts(),
        clock=clock or MovableClock(),
    )


def an_event(kind: str, name: str = "e1", number: CaseNumber = NUMBER, **data: object) -> CaseEvent:
    return CaseEvent(id=name, type=kind, case_number=number, at=START, data=data)


def a_drop(name: str = "drop-1") -> CaseEvent:
    files = [{"path": NAME, "sha256": "ab"}]
    return an_event(
        "files.received",
        name,
        direction="from_customer",
        count=3,
        size=2_254_857_830,
        files=files,
    )


def a_contact(person: str, email: str | None, language: str | None = None) -> Contact:
    return Contact(
        account="Acme",
        person=person,
        kind=ContactKind.DESIGNATED,
        email=email,
        language=language,
    )


def text_of(mail: Message) -> str:
    payload = mail.get_payload(decode=True)
    assert isinstance(payload, bytes)
    return payload.decode()


def subject_of(mail: Message) -> str:
    return str(make_header(decode_header(mail["Subject"])))


async def test_customer_care_is_told_of_a_drop_by_one_mail_that_names_no_file(
    postmaster: Postmaster,
) -> None:
    await sink_to(postmaster).tell(a_drop())
    ((addresses, mail),) = postmaster.taken
    assert addresses == ["care@example.com"]
    assert subject_of(mail) == "Case 0003256109: 3 files received"
    assert "3 files (2.1 GiB)" in text_of(mail)
    assert "https://transfer.example.com/cases/0003256109" in text_of(mail)
    assert NAME not in mail.as_string()
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Content-Language"] == "en"


async def test_contacts_are_written_to_each_alone_and_in_their_language(
    postmaster: Postmaster,
) -> None:
    core = CoreWithContacts(
        (
            a_contact("ada", "ada@acme.example", "de"),
            a_contact("bob", "bob@acme.example", "fr"),
            a_contact("cy", None),
            a_contact("dee", "not an address"),
            a_contact("fay", "a@[b"),  # at which the library fails
            a_contact("gil", "a@b..c"),  # and in which it finds no address
            a_contact("eve", "ada@ACME.example"),
        )
    )
    await sink_to(postmaster, core=core).tell(an_event("file.shared", size=1024))
    assert postmaster.to == ["ada@acme.example", "bob@acme.example"]
    subjects = [subject_of(mail) for _, mail in postmaster.taken]
    assert subjects == [
        "Fall 0003256109: Der Kundendienst hat eine Datei für Sie bereitgestellt",
        "Case 0003256109: Customer Care has shared a file with you",
    ]
    assert "bob" not in postmaster.taken[0][1].as_string()


async def test_contacts_are_left_alone_unless_the_operator_wants_otherwise(
    postmaster: Postmaster,
) -> None:
    core = CoreWithContacts((a_contact("ada", "ada@acme.example"),))
    sink = sink_to(postmaster, replace(POLICY, written=False), core)
    await sink.tell(an_event("file.shared"), an_event("case.purged", "e2"))
    assert postmaster.to == ["care@example.com"]


async def test_a_case_that_the_core_does_not_know_has_no_contacts(postmaster: Postmaster) -> None:
    await sink_to(postmaster).tell(an_event("file.shared", number=CaseNumber("0000000404")))
    assert postmaster.taken == []


@pytest.mark.parametrize(
    "event",
    [
        an_event("account.expired"),
        an_event("of.a.later-release"),
        an_event("account.issued"),
        an_event("file.received", direction="shared_with_customer"),
    ],
)
async def test_what_makes_no_mail_needs_no_server(event: CaseEvent) -> None:
    await sink_to(Postmaster(port=9)).tell(event)


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize(
    "event",
    [
        a_drop(),
        an_event("file.received", direction="from_customer"),
        an_event("file.shared", size=5),
        an_event("file.digest-mismatch"),
        an_event("account.issued", expires_at="2026-03-07T09:00:00+00:00", username="c0-x"),
        an_event("case.follow-up", days=5, closes_at="2026-03-12T09:00:00+00:00", closed=False),
        an_event("case.follow-up", days=10, closes_at=None, closed=True),
        an_event("case.deletion-due", due_at="2026-04-01T09:00:00Z"),
        an_event("case.deletion-due"),
        an_event("case.purged"),
    ],
    ids=lambda event: event.type,
)
async def test_every_notice_has_its_words_in_both_languages(
    postmaster: Postmaster, event: CaseEvent, language: str
) -> None:
    core = CoreWithContacts((a_contact("ada", "ada@acme.example", language),))
    await sink_to(postmaster, replace(POLICY, language=language), core).tell(event)
    assert postmaster.taken
    for _, mail in postmaster.taken:
        assert NUMBER in subject_of(mail)
        assert NUMBER in text_of(mail)
        assert not text_of(mail).startswith("\n")
        assert "None" not in subject_of(mail) + text_of(mail)
        assert all(len(line) < 120 for line in text_of(mail).splitlines())


# ── Failures ─────────────────────────────────────────────────────────────────────────────────


async def test_a_mail_that_was_sent_is_not_sent_again_with_one_that_failed(
    postmaster: Postmaster,
) -> None:
    sink = sink_to(postmaster, replace(POLICY, care=("a@example.com", "b@example.com")))
    postmaster.unknown, postmaster.answers["RCPT"] = {"b@example.com"}, "450 come again"
    with pytest.raises(ReceiverUnavailableError):
        await sink.tell(a_drop())
    postmaster.unknown.clear()
    await sink.tell(a_drop())
    assert postmaster.to == ["a@example.com", "b@example.com"]


async def test_another_process_sends_a_mail_with_the_same_id(postmaster: Postmaster) -> None:
    for _ in range(2):
        await sink_to(postmaster).tell(a_drop())
    await sink_to(postmaster).tell(a_drop("drop-2"))
    first, second, other = (mail["Message-ID"] for _, mail in postmaster.taken)
    assert first == second != other
    assert first.endswith("@example.com>")


async def test_an_address_that_is_not_there_does_not_keep_the_others_waiting(
    postmaster: Postmaster,
) -> None:
    sink = sink_to(postmaster, replace(POLICY, care=("gone@example.com", "b@example.com")))
    postmaster.unknown = {"gone@example.com"}
    await sink.tell(a_drop())
    assert postmaster.to == ["b@example.com"]


async def test_a_mail_that_fails_keeps_none_from_those_behind_it(postmaster: Postmaster) -> None:
    sink = sink_to(postmaster, replace(POLICY, care=("a@example.com", "b@example.com")))
    postmaster.unknown, postmaster.answers["RCPT"] = {"a@example.com"}, "450 come again"
    for _ in range(2):
        with pytest.raises(ReceiverUnavailableError):
            await sink.tell(a_drop())
        assert postmaster.to == ["b@example.com"]
    postmaster.unknown.clear()
    await sink.tell(a_drop())
    assert postmaster.to == ["b@example.com", "a@example.com"]


async def test_a_mail_that_may_be_taken_later_is_not_given_up_with_one_that_never_will(
    postmaster: Postmaster,
) -> None:
    sink = sink_to(postmaster, replace(POLICY, care=("a@example.com", "b@example.com")))
    postmaster.unknown, postmaster.answers["RCPT"] = {"b@example.com"}, "450 come again"
    postmaster.answers["DATA"] = "554 not this"
    with pytest.raises(ReceiverUnavailableError):
        await sink.tell(a_drop())


async def test_a_recipient_who_is_put_off_for_a_day_is_given_up(postmaster: Postmaster) -> None:
    clock = MovableClock()
    sink = sink_to(postmaster, clock=clock)
    postmaster.unknown, postmaster.answers["RCPT"] = {"care@example.com"}, "452 box full"
    clock.advance(timedelta(days=3))  # an outage of our own counts for nothing
    for wait in (timedelta(hours=23), timedelta(hours=1)):
        with pytest.raises(ReceiverUnavailableError):
            await sink.tell(a_drop())
        clock.advance(wait)
    await sink.tell(a_drop())
    postmaster.unknown.clear()
    await sink.tell(a_drop())
    assert postmaster.taken == []


async def test_a_server_that_hangs_up_is_sent_the_rest_later(postmaster: Postmaster) -> None:
    sink = sink_to(postmaster, replace(POLICY, care=("a@example.com", "b@example.com")))
    postmaster.answers["DATA"] = "421 going down"
    with pytest.raises(ReceiverUnavailableError):
        await sink.tell(a_drop())
    del postmaster.answers["DATA"]
    await sink.tell(a_drop())
    assert postmaster.to == ["a@example.com", "b@example.com"]


@pytest.mark.parametrize("command", ["MAIL", "DATA"])
async def test_a_mail_that_is_refused_for_good_is_refused(
    postmaster: Postmaster, command: str
) -> None:
    postmaster.answers[command] = "554 not here"
    with pytest.raises(RefusedError, match="554"):
        await sink_to(postmaster).tell(a_drop())
    postmaster.answers[command] = "451 come again"
    with pytest.raises(ReceiverUnavailableError):
        await sink_to(postmaster).tell(a_drop())


async def test_a_server_that_is_away_or_speaks_no_tls_gets_nothing(postmaster: Postmaster) -> None:
    with pytest.raises(ReceiverUnavailableError):
        await sink_to(Postmaster(port=9)).tell(a_drop())
    with pytest.raises(ReceiverUnavailableError) as failed:
        await sink_to(postmaster, tls="starttls").tell(a_drop())
    assert postmaster.taken == []
    assert "care@example.com" not in str(failed.value)


async def test_a_server_that_does_not_take_the_password_gets_the_mail_later(
    postmaster: Postmaster,
) -> None:
    with pytest.raises(ReceiverUnavailableError):
        await sink_to(postmaster, username="transfer", password="wrong").tell(a_drop())
    await sink_to(postmaster).close()


async def test_not_all_that_was_sent_is_remembered(
    postmaster: Postmaster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("transfer.casebridge.mail._REMEMBERED", 1)
    sink = sink_to(postmaster)
    for name in ("d1", "d2", "d2", "d1"):
        await sink.tell(a_drop(name))
    assert len(postmaster.taken) == 3


@pytest.mark.parametrize(
    "text",
    [
        *("ada", "a b@c", "ada@c, b@d", "ada@b@c", "größe@example.com", "<a@b>", "", "a@[b"),
        *("a@b..c", "a..b@c", ".a@b", "a@b.", "a:b@c", "a\x00@b", "a@-b", "=?utf-8?q?a?=@c"),
        f"a@{'b' * 253}",
    ],
)
def test_what_is_no_address_is_told(text: str) -> None:
    assert not is_address(text)
    assert is_address("ada.l+case@mail.example.com")
