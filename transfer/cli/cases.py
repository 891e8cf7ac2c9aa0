"""`transfer case`: the cases of the embedded case core."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from transfer.cli.options import AsJson, Data, Number, case_number
from transfer.cli.output import print_object, print_rows
from transfer.cli.session import operator, with_parts
from transfer.cli.shapes import Json, case_json, update_json
from transfer.core.cases import (
    Case,
    Priority,
    parse_case_number,
    parse_priority,
    parse_status,
)
from transfer.core.closure import parse_close_reason

if TYPE_CHECKING:
    from transfer.wiring.parts import Parts

app = typer.Typer(help="Open, show and change cases.", no_args_is_help=True)

_COLUMNS = (
    *("number", "status", "substatus", "priority", "subject", "account"),
    *("closed_at", "deletion_due_at"),
)

OfCustomer = Annotated[
    str | None, typer.Option(metavar="NAME", help="Do it as this person of the customer's.")
]


@app.command("open")
def open_case(  # noqa: PLR0913 -- each is an option of the command
    subject: Annotated[str, typer.Option(help="What the case is about.")],
    account: Annotated[str, typer.Option(help="The customer.")],
    number: Annotated[
        str | None, typer.Option(metavar="NUMBER", help="Ten digits; else the next free number.")
    ] = None,
    priority: Annotated[
        str | None, typer.Option(help="Like 'Production Down'.", show_default="Medium")
    ] = None,
    sold_to: Annotated[
        str | None, typer.Option(help="Who bought, if that is another customer.")
    ] = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Open a case."""
    wanted = case_number(number)
    pressing = Priority.MEDIUM if priority is None else parse_priority(priority)
    actor = operator().name
    _print_case(
        data,
        lambda parts: parts.desk.open(
            subject, account, actor, wanted, priority=pressing, sold_to=sold_to
        ),
        as_json,
    )


@app.command("list")
def list_cases(
    status: Annotated[str | None, typer.Option(help="Only those of this status.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 1000,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """List cases, the newest first."""
    wanted = None if status is None else parse_status(status)

    async def work(parts: "Parts") -> list[Json]:
        cases = await parts.desk.cases(wanted, limit)
        return [case_json(case, parts.settings.retention_period) for case in cases]

    print_rows("cases", with_parts(data, work), _COLUMNS, as_json=as_json)


@app.command()
def show(number: Number, data: Data = None, as_json: AsJson = False) -> None:
    """Show a case."""
    wanted = parse_case_number(number)
    _print_case(data, lambda parts: parts.desk.case(wanted), as_json)


@app.command()
def updates(number: Number, data: Data = None, as_json: AsJson = False) -> None:
    """Show the history of a case, oldest first."""
    wanted = parse_case_number(number)

    async def work(parts: "Parts") -> list[Json]:
        return [update_json(update) for update in await parts.desk.updates(wanted)]

    print_rows("updates", with_parts(data, work), ("at", "author", "kind", "text"), as_json=as_json)


@app.command()
def status(
    number: Number,
    to: Annotated[str, typer.Argument(metavar="STATUS", help="Like 'Solution Proposed'.")],
    substatus: Annotated[str | None, typer.Argument(help="One of that status.")] = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Move a case to another status that isn't Closed."""
    wanted, target = parse_case_number(number), parse_status(to)
    _print_case(
        data,
        lambda parts: parts.desk.move(wanted, target, substatus, operator().name),
        as_json,
    )


@app.command()
def priority(
    number: Number,
    to: Annotated[str, typer.Argument(metavar="PRIORITY", help="Like 'Production Down'.")],
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Give a case another priority; of one in Production Down, nobody is reminded."""
    wanted, target = parse_case_number(number), parse_priority(to)
    _print_case(data, lambda parts: parts.desk.prioritise(wanted, target, operator().name), as_json)


@app.command()
def comment(
    number: Number,
    text: Annotated[str, typer.Argument(help="What there is to say.")],
    customer: OfCustomer = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Add a comment to a case; one of the customer's makes a case that waited for them open."""
    wanted, author = parse_case_number(number), customer or operator().name
    _print_case(
        data,
        lambda parts: parts.desk.comment(wanted, text, author, by_customer=customer is not None),
        as_json,
    )


@app.command()
def close(  # noqa: PLR0913 -- each is an option of the command
    number: Number,
    resolution: Annotated[
        str | None, typer.Option(help="Resolved or Cancelled.", show_default="by the reason")
    ] = None,
    reason: Annotated[str | None, typer.Option(help="Like 'No longer needed'.")] = None,
    comment: Annotated[str | None, typer.Option(help="What there is to say.")] = None,
    customer: OfCustomer = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Close a case: its SFTP accounts end now, its data goes when the retention period is over."""
    wanted, actor = parse_case_number(number), customer or operator().name
    why = None if reason is None else parse_close_reason(reason)
    _print_case(
        data,
        lambda parts: parts.desk.close(wanted, resolution, actor, reason=why, comment=comment),
        as_json,
    )


@app.command()
def reopen(
    number: Number,
    information: Annotated[
        str | None, typer.Option(help="What supports it; a customer has to say.")
    ] = None,
    customer: OfCustomer = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Reopen a closed case whose data is still there; for a customer, not long after."""
    wanted = parse_case_number(number)

    def change(parts: "Parts") -> Awaitable[Case]:
        if customer is not None:
            return parts.desk.reopen_for_customer(wanted, information or "", customer)
        return parts.desk.reopen(wanted, operator().name, information=information)

    _print_case(data, change, as_json)


@app.command()
def hold(
    number: Number,
    reason: Annotated[str, typer.Option(help="Why the data has to stay.")],
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Keep a case's data from deletion until the hold is lifted."""
    wanted = parse_case_number(number)
    _print_case(data, lambda parts: parts.desk.hold(wanted, reason, operator().name), as_json)


@app.command()
def unhold(number: Number, data: Data = None, as_json: AsJson = False) -> None:
    """Lift a case's hold."""
    wanted = parse_case_number(number)
    _print_case(data, lambda parts: parts.desk.unhold(wanted, operator().name), as_json)


def _print_case(data: Data, change: Callable[["Parts"], Awaitable[Case]], as_json: AsJson) -> None:
    async def work(parts: "Parts") -> tuple[Case, timedelta]:
        return await change(parts), parts.settings.retention_period

    case, period = with_parts(data, work)
    print_object(case_json(case, period), as_json=as_json)
