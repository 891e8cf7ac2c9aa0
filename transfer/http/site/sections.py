"""What the page of a case is made of: sections, each with its template and what it shows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from aiohttp import web

from transfer.core.cases import Case


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the page: `template` finds `content` as `section`, and needs the entries `scripts`.

    The template also finds `case`, and what every page has.
    """

    template: str
    content: object
    scripts: Sequence[str] = ()


class SectionSource(Protocol):
    """Makes one section of the page of a case."""

    async def section(self, request: web.Request, case: Case, /) -> Section | None:
        """Return the section as who asks may see it; None if there is nothing for them."""
        ...
