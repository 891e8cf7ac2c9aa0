"""`transfer launch`: links that sign somebody in, once."""

from typing import TYPE_CHECKING, Annotated

import typer

from transfer.cli.options import Data, OfCaseOrNone, case_number
from transfer.cli.session import operator, with_parts
from transfer.core.access import Role
from transfer.core.errors import InvalidRequestError
from transfer.wiring.entrance import entrance_of, launch_url

if TYPE_CHECKING:
    from transfer.wiring.parts import Parts

app = typer.Typer(help="Make links that sign somebody in.", no_args_is_help=True)


@app.callback()
def launch() -> None:
    """Make links that sign somebody in."""


@app.command()
def link(
    role: Annotated[Role, typer.Option(help="What whoever follows it is.")],
    case: OfCaseOrNone = None,
    user: Annotated[
        str | None, typer.Option(metavar="NAME", help="Who that is.", show_default="the role")
    ] = None,
    data: Data = None,
) -> None:
    """Print a link that works once, for a while (TRANSFER_LINK_LIFETIME)."""
    number = case_number(case)

    async def work(parts: "Parts") -> str:
        http_url = entrance_of(parts.settings).http_url
        if http_url is None:
            raise InvalidRequestError(
                "Nobody knows the service's URL: start it, or set TRANSFER_PUBLIC_URL."
            )
        token = await parts.links.make(role, user or role.value, number, made_by=operator().name)
        return launch_url(http_url, token)

    typer.echo(with_parts(data, work))
