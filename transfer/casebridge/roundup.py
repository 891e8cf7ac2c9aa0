"""A Roundup tracker as the case core, by its REST interface: each ticket of a class is a case.

What a tracker can't do is made up for here: it numbers no versions (`roundup_tickets.version_of`),
takes a message twice, and its detectors may reopen a ticket that gets one (`_is_attached`).

Source: Roundup 2.6, REST API for Roundup.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

import structlog
from aiohttp import hdrs

from transfer.casebridge.core_client import AWAY, CoreAnswer, CoreClient, ask_for_less
from transfer.casebridge.drops import brings_files
from transfer.casebridge.roundup_sweep import SweepCursor, digits_of, parse_sweep_cursor
from transfer.casebridge.roundup_tickets import ACTIVITY, TicketMapping, id_of, place_of
from transfer.casebridge.wording import author_of, text_of
from transfer.core.cases import Case, CaseNumber, after_customer_upload
from transfer.core.errors import (
    CaseContradictionError,
    CaseCoreUnavailableError,
    CaseMissingError,
    RefusedError,
)
from transfer.ports import CaseChanges, CaseEvent, Clock

_log = structlog.get_logger(__name__)

_ATTEMPTS = 8
"""How often a ticket is changed anew when others change it meanwhile."""

_WIDEST_PAGE = 4000
"""Of tickets that changed within one second, more can't be told apart."""

Ticket = Mapping[str, Any]


class RoundupCaseCore:
    """A foreign case core; plays the role `transfer.ports.CaseCore`.

    `url` is the tracker's. Our `user` there has to be allowed to see and edit tickets, and to
    create messages and look for them.
    """

    def __init__(
        self, url: str, client: CoreClient, mapping: TicketMapping, clock: Clock, *, user: str
    ) -> None:
        data = f"{url.rstrip('/')}/rest/data"
        self._tickets, self._messages = f"{data}/{mapping.kind}", f"{data}/msg"
        self._client = client
        self._mapping = mapping
        self._clock = clock
        self._user = user
        parts = urlsplit(url)
        self._ours = {"X-Requested-With": "rest", hdrs.ORIGIN: f"{parts.scheme}://{parts.netloc}"}

    async def case(self, number: CaseNumber, *, fresh: bool = False) -> Case:  # noqa: ARG002 - the port's; nothing is remembered here
        """Return a case as the tracker tells of it; what is ours of it is left out.

        Raises:
            CaseMissingError: no such ticket, says the tracker itself.
            CaseCoreUnavailableError: it is away, too slow, or fails.
            CaseContradictionError: what it says is no case.
        """
        ticket, at = await self._ticket(number)
        return self._mapping.case_of(ticket, at)

    async def changes(self, since: str | None = None, *, limit: int = 100) -> CaseChanges:
        """Return cases whose tickets have changed since a cursor, or since ever.

        Those of the last minute come again the next time. A ticket that can't be a case is told in
        the log.

        Raises:
            InvalidRequestError: `since` is not a cursor from here.
            CaseCoreUnavailableError, CaseContradictionError: as above.
        """
        return await ask_for_less(lambda fewer: self._changes(since, fewer), limit)

    async def _changes(self, since: str | None, limit: int) -> CaseChanges:
        cursor, size = parse_sweep_cursor(since), limit + 1
        while True:
            tickets, at = await self._page(cursor, size)
            new = [one for one in tickets if cursor.is_behind(*place_of(one))]
            is_all = len(tickets) < size
            if new or is_all:
                break
            if size > _WIDEST_PAGE:
                raise CaseContradictionError("Too many tickets have changed in one second.")
            size *= 4
        more = not is_all or len(new) > limit
        told = new[:limit]
        if more:
            following = cursor.further(*place_of(told[-1]), at)
        else:
            following = cursor.swept(place_of(tickets[-1])[0] if tickets else cursor.second, at)
        cases, unreadable = self._cases_of(told, at)
        return CaseChanges(cases=cases, cursor=str(following), more=more, unreadable=unreadable)

    async def tell(self, *events: CaseEvent) -> None:
        """Add each event that people should know of to its ticket as a message, once.

        One that says that the customer has sent something makes a case ours again that waited.

        Raises:
            CaseMissingError, RefusedError: telling again is of no use.
            CaseCoreUnavailableError: tell them again later.
        """
        for event in events:
            text = text_of(event)
            if text is not None:
                await self._note(event, f"{text}\n\n({author_of(event)})")

    async def close(self) -> None:
        """Close the connections to the tracker."""
        await self._client.close()

    # ── Tickets ──────────────────────────────────────────────────────────────────────────────

    async def _ticket(self, number: CaseNumber) -> tuple[Ticket, datetime]:
        """Return the ticket of a case, and when it was told by the tracker's clock."""
        wanted = {"@fields": self._mapping.wanted}
        named = self._mapping.number_property
        if named is None:
            item, at = await self._item(str(int(number)), wanted)
            return {**_mapping_in(item, "attributes"), "id": item.get("id")}, at
        answer, at = await self._asked(self._tickets, {**wanted, f"{named}:": number})
        found = _tickets_in(_data_of(answer))
        if not found:
            raise CaseMissingError("No such case.")
        if len(found) > 1:
            raise CaseContradictionError(f"The tracker has several tickets of case {number}.")
        return found[0], at

    async def _item(self, ticket_id: str, params: Mapping[str, str]) -> tuple[Ticket, datetime]:
        answer, at = await self._asked(f"{self._tickets}/{ticket_id}", params)
        if answer.status == HTTPStatus.NOT_FOUND and _is_of_tracker(answer):
            raise CaseMissingError("No such case.")
        return _data_of(answer), at

    async def _page(self, cursor: SweepCursor, size: int) -> tuple[list[Ticket], datetime]:
        params = {
            "@fields": self._mapping.wanted,
            "@sort": f"{ACTIVITY},id",
            "@page_size": str(size),
            ACTIVITY: f"{digits_of(cursor.second)};",
        }
        answer, at = await self._asked(self._tickets, params)
        return _tickets_in(_data_of(answer)), at

    def _cases_of(
        self, tickets: Sequence[Ticket], at: datetime
    ) -> tuple[tuple[Case, ...], tuple[CaseNumber, ...]]:
        """Return the cases that tickets are, and the numbers of those that can't be one."""
        cases: list[Case] = []
        unreadable: list[CaseNumber] = []
        for ticket in tickets:
            number = self._mapping.number_of(ticket)
            if number is None:
                continue
            try:
                cases.append(self._mapping.case_of(ticket, at))
            except CaseContradictionError as exc:
                _log.error("case-core.contradiction", ticket=ticket.get("id"), problem=exc.message)
                unreadable.append(number)
        return tuple(cases), tuple(unreadable)

    async def _asked(self, url: str, params: Mapping[str, str]) -> tuple[CoreAnswer, datetime]:
        """Return an answer, and when it was asked for, by the tracker's clock if it says so."""
        asked_at = self._clock.monotonic()
        answer = await self._client.get(url, params=params)
        try:
            answered_at = parsedate_to_datetime(answer.headers[hdrs.DATE]).astimezone(UTC)
        except (KeyError, ValueError, OverflowError, TypeError):
            answered_at = self._clock.now()
        return answer, answered_at - timedelta(seconds=self._clock.monotonic() - asked_at)

    # ── Messages ─────────────────────────────────────────────────────────────────────────────

    async def _note(self, event: CaseEvent, text: str) -> None:
        for _ in range(_ATTEMPTS):
            ticket, at = await self._ticket(event.case_number)
            status = self._move(self._mapping.case_of(ticket, at), event)
            if await self._is_attached(str(ticket["id"]), event, text, status):
                return
        raise CaseCoreUnavailableError("The ticket keeps changing: tell the event again.")

    def _move(self, case: Case, event: CaseEvent) -> str | None:
        """Return the tracker's name of the status that the case gets by an event, if another."""
        moved = after_customer_upload(case) if brings_files(event) else case
        return None if moved is case else self._mapping.name_of(moved.status, moved.substatus)

    async def _is_attached(
        self, ticket_id: str, event: CaseEvent, text: str, status: str | None
    ) -> bool:
        """Tell whether a ticket has one message of an event; else see to it, to be looked at again.

        The status goes along though it stays: else a detector may take any message for a sign of
        life, and reopen the ticket. (`statusauditor` of the classic template does.)
        """
        place = self._mapping.status_property
        params = {"@verbose": "0", "@fields": f"messages,{place}"}
        item, _ = await self._item(ticket_id, params)
        present = _mapping_in(item, "attributes")
        attached, standing = present.get("messages"), status or present.get(place)
        if not isinstance(attached, list):
            raise CaseContradictionError("The tracker's ticket has no list of messages.")
        messages = await self._with_one_of(event, text, attached)
        if messages == attached:
            return True
        body: dict[str, object] = {"messages": messages}
        if standing is not None:
            body[place] = standing
        url, matching = f"{self._tickets}/{ticket_id}", {"If-Match": str(item.get("@etag"))}
        changed = await self._change(hdrs.METH_PUT, url, body, matching)
        if changed.status != HTTPStatus.PRECONDITION_FAILED:
            _check_taken(changed)
        return False

    async def _with_one_of(self, event: CaseEvent, text: str, attached: list[str]) -> list[str]:
        """Return the messages that a ticket is to have instead of those `attached`.

        The tracker compares ETags, and takes two changes all the same that come at one moment: then
        it has both. So of several messages of an event, which all have its name, the first stays.
        And one message that two attach at one moment is there twice, under one id, of which the
        tracker takes away both or none: then one comes instead that nobody else attaches.
        """
        name = f"<{event.id}@case-transfer>"
        named = await self._messages_named(name)
        ours = [message for message in named if message in attached]
        first = next((message for message in ours if attached.count(message) == 1), None)
        if first is not None:
            return [message for message in attached if message == first or message not in ours]
        others = [message for message in attached if message not in ours]
        is_lying_there = bool(named) and not ours
        return [*others, named[0] if is_lying_there else await self._made(name, event, text)]

    async def _messages_named(self, name: str) -> list[str]:
        answer = await self._client.get(self._messages, params={"messageid:": name})
        return [str(number) for number in sorted(map(id_of, _tickets_in(_data_of(answer))))]

    async def _made(self, name: str, event: CaseEvent, text: str) -> str:
        """Make a message, and return its id."""
        body = {
            "author": self._user,
            "content": text,
            "date": digits_of(event.at),
            "messageid": name,
        }
        made = await self._change(hdrs.METH_POST, self._messages, body)
        _check_taken(made)
        return str(id_of(_data_of(made)))

    async def _change(
        self, method: str, url: str, body: object, headers: Mapping[str, str] | None = None
    ) -> CoreAnswer:
        sent = {**self._ours, **(headers or {})}
        return await self._client.send(method, url, body=body, headers=sent)


def _data_of(answer: CoreAnswer) -> Mapping[str, Any]:
    """Return what an answer has under `data`."""
    if answer.status >= HTTPStatus.BAD_REQUEST:
        # Another class, or a property that isn't there: the settings are wrong, or its schema is.
        _log.error("case-core.refused", status=answer.status)
        raise CaseCoreUnavailableError(AWAY)
    try:
        told = json.loads(answer.body)
    except (ValueError, RecursionError) as exc:
        raise CaseContradictionError("The tracker's answer is no JSON.") from exc
    return _mapping_in(told, "data")


def _mapping_in(told: object, name: str) -> Mapping[str, Any]:
    found = told.get(name) if isinstance(told, Mapping) else None
    if not isinstance(found, Mapping):
        raise CaseContradictionError("The tracker's answer is not what it is known to be.")
    return found


def _tickets_in(data: Mapping[str, Any]) -> list[Ticket]:
    found = data.get("collection")
    if not isinstance(found, list) or not all(isinstance(one, Mapping) for one in found):
        raise CaseContradictionError("The tracker's answer is not what it is known to be.")
    return found


def _is_of_tracker(answer: CoreAnswer) -> bool:
    """Whether a refusal is the tracker's own, and not of a proxy or of a wrong address."""
    try:
        told = json.loads(answer.body)
    except (ValueError, RecursionError):
        return False
    return isinstance(told, dict) and isinstance(told.get("error"), dict)


def _check_taken(answer: CoreAnswer) -> None:
    """Raise unless a change was made.

    Raises:
        CaseMissingError, RefusedError: trying again is of no use.
    """
    if answer.status < HTTPStatus.BAD_REQUEST:
        return
    if not _is_of_tracker(answer):
        raise CaseCoreUnavailableError(AWAY)
    if answer.status == HTTPStatus.NOT_FOUND:
        raise CaseMissingError("No such case.")
    raise RefusedError(f"The tracker does not take this event (status {answer.status}).")
