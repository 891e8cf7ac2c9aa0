"""A case core that speaks docs/case-core-api.yaml, built from the embedded one, on a free port.

It shows what the published contract asks for, and fails as a test tells it to.
"""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

from aiohttp import web

from transfer.casebridge.case_documents import case_document
from transfer.casebridge.embedded import EmbeddedCaseCore
from transfer.core.cases import CaseNumber, parse_case_number
from transfer.core.errors import CaseMissingError, InvalidRequestError
from transfer.ports import CaseEvent

TOKEN = "by this the core knows the service"
_MOST_CHANGES = 1000

Trouble = Callable[[web.Request], Awaitable[web.StreamResponse | None]]


class ReferenceCore:
    """The server. `trouble` may answer in its place; `asked` has what it was asked, in order."""

    def __init__(self, desk: EmbeddedCaseCore) -> None:
        self.desk = desk
        self.url = ""
        self.trouble: Trouble | None = None
        self.asked: list[str] = []
        self.events: list[dict[str, Any]] = []
        self._runner: web.AppRunner | None = None
        self._port = 0

    @asynccontextmanager
    async def serving(self) -> AsyncIterator["ReferenceCore"]:
        """Serve meanwhile."""
        await self.start()
        try:
            yield self
        finally:
            await self.stop()

    async def start(self) -> None:
        """Serve, on the port of the last time if there was one."""
        app = web.Application(middlewares=[self._guarded])
        app.add_routes(
            [
                web.get("/v1/cases/{number}", self._case),
                web.get("/v1/changes", self._changes),
                web.post("/v1/events", self._note),
            ]
        )
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port)
        await site.start()
        self._port = self._runner.addresses[0][1]
        self.url = f"http://127.0.0.1:{self._port}/v1"

    async def stop(self) -> None:
        """Be away."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    @web.middleware
    async def _guarded(
        self,
        request: web.Request,
        handler: Callable[[web.Request], Awaitable[web.StreamResponse]],
    ) -> web.StreamResponse:
        self.asked.append(f"{request.method} {request.path}")
        if self.trouble is not None:
            answer = await self.trouble(request)
            if answer is not None:
                return answer
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return problem(401, "not-signed-in")
        try:
            return await handler(request)
        except CaseMissingError:
            return problem(404, "case-not-found")
        except InvalidRequestError:
            return problem(400, "invalid-request")

    async def _case(self, request: web.Request) -> web.Response:
        case = await self.desk.case(parse_case_number(request.match_info["number"]))
        return web.json_response(case_document(case))

    async def _changes(self, request: web.Request) -> web.Response:
        limit = min(int(request.query.get("limit", "100")), _MOST_CHANGES)
        try:
            page = await self.desk.changes(request.query.get("since"), limit=limit)
        except InvalidRequestError:
            return problem(400, "cursor-unknown")
        return web.json_response(
            {
                "cases": [case_document(case) for case in page.cases],
                "cursor": page.cursor,
                "more": page.more,
            }
        )

    async def _note(self, request: web.Request) -> web.Response:
        if request.content_type != "application/cloudevents-batch+json":
            return problem(415, "unsupported-media-type")
        batch = json.loads(await request.read())
        self.events += batch
        await self.desk.tell(*map(_event, batch))
        return web.Response(status=204)


def problem(status: int, code: str, **headers: str) -> web.Response:
    """Return a refusal as the contract has it."""
    return web.json_response(
        {"type": "about:blank", "status": status, "code": code},
        status=status,
        content_type="application/problem+json",
        headers=headers,
    )


def _event(event: dict[str, Any]) -> CaseEvent:
    return CaseEvent(
        id=event["id"],
        type=event["type"],
        case_number=CaseNumber(event["subject"]),
        at=datetime.fromisoformat(event["time"]),
        data=event["data"],
    )
