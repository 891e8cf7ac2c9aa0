"""`transfer session`: who is signed in at a browser, and how that is ended."""

from typing import TYPE_CHECKING, Annotated

import typer

from transfer.cli.options import AsJson, Data, OfCaseOrNone, case_number
from transfer.cli.output import print_rows
from transfer.cli.session import operator, with_parts
from transfer.cli.shapes import Json, session_json
from transfer.core.errors import InvalidRequestError

if TYPE_CHECKING:
    from transfer.wiring.parts import Parts

app = typer.Typer(help="List and end sessions.", no_args_is_help=True)

_COLUMNS = ("id", "name", "role", "case", "subject", "method", "seen_at", "expires_at")

OfSubject = Annotated[
    str | None, typer.Option("--subject", metavar="ID", help="The person, as listed.")
]


@app.command("list")
def list_sessions(
    case: OfCaseOrNone = None,
    subject: OfSubject = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """List the sessions that aren't over, the newest first."""
    number = case_number(case)

    async def work(parts: "Parts") -> list[Json]:
        found = await parts.sessions.sessions(case_number=number, subject=subject)
        return [session_json(session) for session in found]

    print_rows("sessions", with_parts(data, work), _COLUMNS, as_json=as_json)


@app.command()
def end(
    session_id: Annotated[
        str | None, typer.Argument(metavar="[ID]", help="Its id, as listed.")
    ] = None,
    case: OfCaseOrNone = None,
    subject: OfSubject = None,
    data: Data = None,
) -> None:
    """End a session, or all of a case or a person; their requests end within seconds."""
    number = case_number(case)
    if sum(one is not None for one in (session_id, number, subject)) != 1:
        raise InvalidRequestError("Name one of these: a session, --case, or --subject.")

    async def work(parts: "Parts") -> int:
        by = operator()
        if number is not None:
            return await parts.sessions.end_of_case(number, ended_by=by)
        if subject is not None:
            return await parts.sessions.end_of_subject(subject, ended_by=by)
        await parts.sessions.end(session_id or "", ended_by=by)
        return 1

    typer.echo(f"Ended: {with_parts(data, work)}")
