"""What an operator may set of follow-ups, and of reopening, where cases are run from here."""

from collections.abc import Iterable
from datetime import UTC, date, tzinfo
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import BaseModel, BeforeValidator, Field
from pydantic_settings import NoDecode

from transfer.core.closure import REOPENING
from transfer.core.follow_ups import DayCount, FollowUpPlan
from transfer.settings.types import Span

_LONGEST_DAYS = 365
_NEVER = "never"
_UTC = "UTC"


def _listed(value: object) -> list[str]:
    """Return the texts of a list of TOML, or of text with commas."""
    found: Iterable[object] = value if isinstance(value, list | tuple) else str(value).split(",")
    return [text for one in found if (text := str(one).strip())]


def _days(value: object) -> tuple[int, ...]:
    texts = _listed(value)
    if texts == [_NEVER]:
        return ()
    days = tuple(int(text) for text in texts)
    if list(days) != sorted(set(days)) or any(not 1 <= day <= _LONGEST_DAYS for day in days):
        raise ValueError("not days that follow each other")
    return days


def _holidays(value: object) -> tuple[date, ...]:
    return tuple(date.fromisoformat(text) for text in _listed(value))


def _zone_name(value: object) -> str:
    name = str(value).strip()
    try:
        _zone(name)
    except (KeyError, OSError) as exc:  # not there; a folder of zones instead of one
        raise ValueError("no such time zone") from exc
    return name


def _zone(name: str) -> tzinfo:
    return UTC if name == _UTC else ZoneInfo(name)


class FollowUpSettings(BaseModel):
    """When customers are reminded, and until when they may ask for a case to be reopened."""

    follow_up_days: Annotated[tuple[int, ...], NoDecode, BeforeValidator(_days)] = Field(
        (2, 5, 10),
        description="days after a question, like 2, 5, 10: on the last the case closes; or never",
    )
    follow_up_count: DayCount = Field(
        DayCount.CALENDAR, description="calendar or business: which days those are"
    )
    business_zone: Annotated[str, BeforeValidator(_zone_name)] = Field(
        _UTC, description="the time zone of business days, like Europe/Berlin"
    )
    business_holidays: Annotated[tuple[date, ...], NoDecode, BeforeValidator(_holidays)] = Field(
        (), description="dates that are no business days, like 2026-12-25, 2027-01-01"
    )
    reopening_period: Span = Field(REOPENING, description="a duration, like 30d")

    @property
    def follow_up_plan(self) -> FollowUpPlan:
        """When follow-ups are due."""
        return FollowUpPlan(
            days=self.follow_up_days,
            count=self.follow_up_count,
            zone=_zone(self.business_zone),
            holidays=frozenset(self.business_holidays),
        )
