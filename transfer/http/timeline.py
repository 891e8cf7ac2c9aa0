"""The timeline of a case, for Customer Care."""

from aiohttp import web

from transfer.core.timeline import Coming, TimelineEntry, Topic, parse_topic
from transfer.engine.timelines import TimelinePage
from transfer.http.operations import Parameter, Tag, gives, operation
from transfer.http.paging import asked_page
from transfer.http.parameters import PAGE_OF_LIST
from transfer.http.policy import Services
from transfer.http.rendering import Json, json_response, moment
from transfer.http.requests import PRINCIPAL, case_number
from transfer.http.shapes.timeline import ComingShape, TimelineEntryShape, TimelineShape

TOPIC = Parameter(
    name="topic",
    text="Only entries about this.",
    schema={"type": "string", "enum": [topic.value for topic in Topic]},
)


class TimelineRoutes:
    """What happened to a case."""

    def __init__(self, services: Services) -> None:
        self._timelines = services.timelines

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [web.get("/api/v1/cases/{number}/timeline", self.show)]

    @operation(
        "Show what happened to a case, and what is known to come",
        tag=Tag.CASES,
        text="For Customer Care: what arrived, was downloaded, shared, issued, closed; from the "
        "audit log.",
        parameters=(TOPIC, *PAGE_OF_LIST),
        gives=gives(200, TimelineShape),
    )
    async def show(self, request: web.Request) -> web.Response:
        """Show a page of what happened, the latest first."""
        number, page = case_number(request), asked_page(request)
        found = await self._timelines.page(
            request[PRINCIPAL], number, asked_topic(request), after=page.after, limit=page.limit
        )
        return json_response(_json(found))


def asked_topic(request: web.Request) -> Topic | None:
    """Return the topic that `request` asks for; None is all of them, as the empty one.

    Raises:
        InvalidRequestError: there is no such topic.
    """
    text = request.query.get("topic")
    return parse_topic(text) if text else None


def _json(page: TimelinePage) -> Json:
    return TimelineShape(
        coming=[_coming(one) for one in page.coming],
        entries=[_entry(one) for one in page.entries],
        next=page.next,
    ).json_object()


def _coming(coming: Coming) -> ComingShape:
    return ComingShape(at=moment(coming.at), kind=coming.kind, name=coming.name)


def _entry(entry: TimelineEntry) -> TimelineEntryShape:
    return TimelineEntryShape(
        number=entry.number,
        at=moment(entry.at),
        topic=entry.topic,
        action=entry.action,
        actor=entry.actor,
        subject=entry.subject,
        door=entry.door,
        address=entry.address,
        details=dict(entry.details),
    )
