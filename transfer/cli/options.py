"""Options that many commands have, and values as people type them."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from transfer.core.cases import CaseNumber, parse_case_number
from transfer.core.errors import InvalidRequestError
from transfer.values import parse_duration, parse_moment

Data = Annotated[
    Path | None,
    typer.Option(
        "--data", metavar="DIR", help="The service's folder. [TRANSFER_DATA; default: ./data]"
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Number = Annotated[str, typer.Argument(metavar="NUMBER", help="The case, like 0003256109.")]
OfCase = Annotated[str, typer.Option("--case", metavar="NUMBER", help="The case.")]
OfCaseOrNone = Annotated[str | None, typer.Option("--case", metavar="NUMBER", help="The case.")]

OfCases = Annotated[
    list[str] | None,
    typer.Option("--case", metavar="NUMBER", help="A case; again for another one."),
]


def case_number(text: str | None) -> CaseNumber | None:
    """Return a case's number, if one is given.

    Raises:
        InvalidRequestError: it isn't one.
    """
    return None if text is None else parse_case_number(text)


def moment(text: str | None) -> datetime | None:
    """Return the time that is given, if one is.

    Raises:
        InvalidRequestError: it isn't one.
    """
    try:
        return None if text is None else parse_moment(text)
    except ValueError as exc:
        raise InvalidRequestError(
            "A time is a date like 2026-03-02, or RFC 3339 like 2026-03-02T09:00:00Z."
        ) from exc


def duration(text: str | None) -> timedelta | None:
    """Return the time span that is given, if one is.

    Raises:
        InvalidRequestError: it isn't one.
    """
    try:
        return None if text is None else parse_duration(text)
    except ValueError as exc:
        raise InvalidRequestError("A duration is like 30d, 12h, 90s or PT12H.") from exc
