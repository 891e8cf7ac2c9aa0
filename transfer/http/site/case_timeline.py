"""What happened to a case and what is to come, as people read it: a section, and a page of all."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import groupby
from urllib.parse import urlencode

from aiohttp import web

from transfer.core.access import Action, Principal, may
from transfer.core.cases import Case
from transfer.core.timeline import Coming, TimelineEntry, Topic
from transfer.engine.timelines import Timelines
from transfer.http.operations import HTML, Tag, gives, operation
from transfer.http.paging import asked_page
from transfer.http.parameters import PAGE_OF_LIST
from transfer.http.policy import Services
from transfer.http.requests import PRINCIPAL, case_number
from transfer.http.site.rendering import render_page
from transfer.http.site.sections import Section
from transfer.http.timeline import TOPIC, asked_topic

_PATH = "/cases/{number}/timeline"
_READ_FOR_THE_LATEST, _LATEST_RUNS = 100, 8
_ON_THE_PAGE = 100
_LONGEST_SHOWN = 3
_WHILE = timedelta(minutes=1)
_REPEATED = frozenset({"file.downloaded", "archive.downloaded"})
"""A client that loads in pieces asks often: that is told once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """Something that happened, `times` in a row."""

    entry: TimelineEntry
    times: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What somebody did again and again, the latest first: shown as one where it is much."""

    told: Sequence[Told]

    @property
    def is_long(self) -> bool:
        """Whether it is shown as one."""
        return len(self.told) > _LONGEST_SHOWN

    @property
    def latest(self) -> TimelineEntry:
        """What happened last."""
        return self.told[0].entry

    @property
    def began_at(self) -> datetime | None:
        """When the first of it happened; None if that is about when the last did."""
        first = self.told[-1].entry.at
        return first if self.latest.at - first >= _WHILE else None

    @property
    def size_bytes(self) -> int:
        """What all of it has together, as far as it has a size."""
        sizes = (one.entry.details.get("size") for one in self.told)
        return sum(size for size in sizes if isinstance(size, int))


@dataclass(frozen=True, slots=True, kw_only=True)
class Latest:
    """What is shown on the page of the case; `has_more`: the timeline goes on."""

    coming: Sequence[Coming]
    runs: Sequence[Run]
    has_more: bool


class CaseTimeline:
    """The latest of it, on the page of the case."""

    def __init__(self, timelines: Timelines) -> None:
        self._timelines = timelines

    async def section(self, request: web.Request, case: Case) -> Section | None:
        """Return the section for Customer Care."""
        principal = request[PRINCIPAL]
        if not may(principal, Action.SEE_TIMELINE, case):
            return None
        latest = await latest_of(self._timelines, principal, case)
        return Section("case/timeline.html", latest, scripts=("timeline",))


class CaseTimelineRoutes:
    """All of it, on a page by itself."""

    def __init__(self, services: Services) -> None:
        self._files = services.files
        self._timelines = services.timelines

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [web.get(_PATH, self.show), web.get(f"{_PATH}/latest", self.latest)]

    @operation(
        "Show what happened to a case, as a page",
        tag=Tag.PAGES,
        parameters=(TOPIC, *PAGE_OF_LIST),
        gives=gives(200, media=HTML),
    )
    async def show(self, request: web.Request) -> web.Response:
        """Show what happened to a case, the latest first."""
        principal, topic = request[PRINCIPAL], asked_topic(request)
        case = await self._files.case(principal, case_number(request), Action.SEE_TIMELINE)
        asked = asked_page(request, usual=_ON_THE_PAGE)
        page = await self._timelines.page(
            principal, case.number, topic, after=asked.after, limit=asked.limit
        )
        kept = {} if topic is None else {"topic": topic.value}
        older = None if page.next is None else "?" + urlencode({**kept, "after": page.next})
        return render_page(
            request,
            "case/timeline_page.html",
            case=case,
            coming=page.coming,
            runs=runs_of(page.entries),
            topic=topic,
            topics=list(Topic),
            older=older,
            latest=None if asked.after is None else "?" + urlencode(kept),
        )

    @operation(
        "Show the latest that happened to a case, as a part of its page",
        tag=Tag.PAGES,
        gives=gives(200, media=HTML, text="The section, for the page to put in its place."),
    )
    async def latest(self, request: web.Request) -> web.Response:
        """Show the section anew, to the page that has it."""
        principal = request[PRINCIPAL]
        case = await self._files.case(principal, case_number(request), Action.SEE_TIMELINE)
        latest = await latest_of(self._timelines, principal, case)
        return render_page(request, "case/timeline.html", case=case, section=latest)


async def latest_of(timelines: Timelines, principal: Principal, case: Case) -> Latest:
    """Return the latest of a case's timeline."""
    page = await timelines.page(principal, case.number, limit=_READ_FOR_THE_LATEST)
    runs = runs_of(page.entries)
    return Latest(
        coming=page.coming,
        runs=runs[:_LATEST_RUNS],
        has_more=page.next is not None or len(runs) > _LATEST_RUNS,
    )


def runs_of(entries: Iterable[TimelineEntry]) -> list[Run]:
    """Return `entries` with those joined that somebody did one after the other."""
    return [Run(told=_told(of_run)) for _, of_run in groupby(entries, key=_kind)]


def _kind(entry: TimelineEntry) -> tuple[object, ...]:
    return entry.action, entry.actor, entry.door, entry.details.get("direction")


def _told(entries: Iterable[TimelineEntry]) -> list[Told]:
    told: list[Told] = []
    for entry in entries:
        is_repeated = told and entry.action in _REPEATED and told[-1].entry.subject == entry.subject
        if is_repeated:
            told[-1] = replace(told[-1], times=told[-1].times + 1)
        else:
            told.append(Told(entry=entry))
    return told
