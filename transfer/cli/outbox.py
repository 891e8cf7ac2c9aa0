"""`transfer outbox`: events that are still to be told, and those that were given up."""

from typing import TYPE_CHECKING, Annotated

import typer

from transfer.cli.options import AsJson, Data, OfCaseOrNone, case_number
from transfer.cli.output import print_json, print_object, print_rows
from transfer.cli.session import operator, with_parts
from transfer.cli.shapes import Json, rfc3339
from transfer.core.errors import InvalidRequestError, MissingError
from transfer.ports import AuditEvent, Destination, Letter, LetterSearch

if TYPE_CHECKING:
    from transfer.wiring.parts import Parts

app = typer.Typer(
    help="Show events that wait to be told, and tell those again that were given up.",
    no_args_is_help=True,
)

_COLUMNS = ("id", "destination", "type", "case", "at", "failures", "error", "due_at", "dead_at")
_MOST = 10_000

OfDestination = Annotated[
    Destination | None, typer.Option("--to", help="Of one destination only.", show_default="all")
]


@app.command("list")
def list_letters(
    dead: Annotated[bool, typer.Option("--dead", help="Only those that were given up.")] = False,
    destination: OfDestination = None,
    case: OfCaseOrNone = None,
    limit: Annotated[int, typer.Option(min=1, max=_MOST, help="How many at most.")] = 100,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """List events that aren't told, the oldest first. What is in them isn't shown."""
    wanted = LetterSearch(
        dead=True if dead else None, destination=destination, case_number=case_number(case)
    )

    async def work(parts: "Parts") -> list[Json]:
        letters = await parts.records.outbox.letters(wanted, limit)
        return [_shape(letter) for letter in letters]

    print_rows("events", with_parts(data, work), _COLUMNS, as_json=as_json)


@app.command()
def replay(
    ids: Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="Events.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All of them.")] = False,
    destination: OfDestination = None,
    case: OfCaseOrNone = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Tell events again that were given up, as if they were new."""
    number = case_number(case)
    if everything == bool(ids):
        raise InvalidRequestError("Name events by their ids, or take --all.")
    wanted = LetterSearch(
        dead=True,
        destination=destination,
        case_number=number,
        ids=frozenset(ids) if ids else None,
    )

    async def work(parts: "Parts") -> int:
        now, principal = parts.clock.now(), operator()
        audited = AuditEvent(
            at=now,
            action="outbox.replayed",
            actor=principal.name,
            case_number=number,
            door=principal.door,
        )
        return await parts.records.outbox.replay(wanted, now, audited=audited)

    replayed = with_parts(data, work)
    if ids and not replayed:
        raise MissingError("None of these events was given up: see `transfer outbox list --dead`.")
    print_object({"replayed": replayed}, as_json=as_json)


@app.command()
def status(data: Data = None, as_json: AsJson = False) -> None:
    """Show for each destination how many events wait, were given up, and since when."""

    async def work(parts: "Parts") -> Json:
        found = await parts.records.outbox.backlogs()
        return {
            destination.value: {
                "waiting": backlog.waiting,
                "dead": backlog.dead,
                "oldest_at": rfc3339(backlog.oldest_at),
            }
            for destination, backlog in sorted(found.items())
        }

    backlogs = with_parts(data, work)
    if as_json:
        print_json(backlogs)
        return
    rows = [{"destination": name, **backlog} for name, backlog in backlogs.items()]
    print_rows("events", rows, ("destination", "waiting", "dead", "oldest_at"), as_json=False)


def _shape(letter: Letter) -> Json:
    event = letter.event
    return {
        "id": event.id,
        "destination": letter.destination.value,
        "type": event.type,
        "case": event.case_number,
        "at": rfc3339(event.at),
        "failures": letter.failures,
        "error": letter.error,
        "due_at": None if letter.dead_at else rfc3339(letter.run_at),
        "dead_at": rfc3339(letter.dead_at),
    }
