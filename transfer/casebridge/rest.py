"""A case core that speaks the contract of docs/case-core-api.yaml, asked by HTTP."""

import json
from http import HTTPStatus
from typing import Any

from aiohttp import hdrs

from transfer.casebridge.case_documents import event_document, parse_case, parse_changes
from transfer.casebridge.core_client import AWAY, CoreAnswer, CoreClient, ask_for_less
from transfer.core.cases import Case, CaseNumber
from transfer.core.errors import (
    CaseCoreUnavailableError,
    CaseMissingError,
    InvalidRequestError,
    RefusedError,
)
from transfer.ports import CaseChanges, CaseEvent

_BATCH = "application/cloudevents-batch+json"
_NO_CASE = "case-not-found"
_NO_CURSOR = "cursor-unknown"
_PASSING_REFUSALS = frozenset({HTTPStatus.CONFLICT, HTTPStatus.LOCKED})


class RestCaseCore:
    """A foreign case core; plays the role `transfer.ports.CaseCore`.

    `url` is where its API begins, `source` what this service is called in the events it tells.
    """

    def __init__(self, url: str, client: CoreClient, *, source: str) -> None:
        self._url = url.rstrip("/")
        self._client = client
        self._source = source

    async def case(self, number: CaseNumber, *, fresh: bool = False) -> Case:  # noqa: ARG002 - the port's; nothing is remembered here
        """Return a case as the core tells of it; what is ours of it is left out.

        Raises:
            CaseMissingError: no such case, says the core itself.
            CaseCoreUnavailableError: it is away, too slow, or fails.
            CaseContradictionError: what it says is no case.
        """
        answer = await self._client.get(f"{self._url}/cases/{number}")
        if answer.status != HTTPStatus.OK:
            raise _unexpected(answer)
        return parse_case(answer.body)

    async def changes(self, since: str | None = None, *, limit: int = 100) -> CaseChanges:
        """Return cases that have changed since a cursor, or since ever.

        Raises:
            InvalidRequestError: the core doesn't know the cursor.
            CaseCoreUnavailableError, CaseContradictionError: as above.
        """
        named = {} if since is None else {"since": since}
        answer = await ask_for_less(
            lambda fewer: self._client.get(
                f"{self._url}/changes", params={"limit": str(fewer), **named}
            ),
            limit,
        )
        if answer.status != HTTPStatus.OK:
            if _code(answer) == _NO_CURSOR:
                raise InvalidRequestError("The case core doesn't know this cursor: begin anew.")
            raise _unexpected(answer)
        return parse_changes(answer.body)

    async def tell(self, *events: CaseEvent) -> None:
        """Take note of events of one case, in their order; one told before changes nothing.

        Raises:
            CaseMissingError, RefusedError: telling again is of no use.
            CaseCoreUnavailableError: tell them again later.
        """
        if not events:
            return
        answer = await self._client.send(
            hdrs.METH_POST,
            f"{self._url}/events",
            body=[event_document(event, self._source) for event in events],
            headers={hdrs.CONTENT_TYPE: _BATCH},
        )
        if answer.status < HTTPStatus.BAD_REQUEST:
            return
        error = _unexpected(answer)
        # A 404 that isn't the core's own may be of a proxy, or of an address that is wrong.
        about_us = answer.status in (HTTPStatus.NOT_FOUND, *_PASSING_REFUSALS)
        if about_us or not isinstance(error, CaseCoreUnavailableError):
            raise error
        raise RefusedError(f"The case core does not take this event (status {answer.status}).")

    async def close(self) -> None:
        """Close the connections to the core."""
        await self._client.close()


def _unexpected(answer: CoreAnswer) -> CaseMissingError | CaseCoreUnavailableError:
    """Return what an answer means that isn't what was asked for."""
    if answer.status == HTTPStatus.NOT_FOUND and _code(answer) == _NO_CASE:
        return CaseMissingError("No such case.")
    return CaseCoreUnavailableError(AWAY)


def _code(answer: CoreAnswer) -> str | None:
    """Return the `code` of a problem; None of anything else."""
    try:
        problem: Any = json.loads(answer.body)
    except (ValueError, RecursionError):
        return None
    code = problem.get("code") if isinstance(problem, dict) else None
    return code if isinstance(code, str) else None
