"""`transfer ban`: networks from which nobody is let in by SFTP."""

from typing import TYPE_CHECKING, Annotated

import typer

from transfer.cli.options import AsJson, Data, duration
from transfer.cli.output import print_object, print_rows
from transfer.cli.session import operator, with_parts
from transfer.cli.shapes import Json, ban_json
from transfer.core.bans import parse_network

if TYPE_CHECKING:
    from transfer.wiring.parts import Parts

app = typer.Typer(help="Ban networks from SFTP, list and lift bans.", no_args_is_help=True)

_COLUMNS = ("id", "network", "reason", "banned_by", "since", "until")
_PAGE = 1000


@app.command("list")
def list_bans(data: Data = None, as_json: AsJson = False) -> None:
    """List the bans that hold, the latest first; those of the settings aren't among them."""

    async def work(parts: "Parts") -> list[Json]:
        shown, following = await parts.bans.page(operator(), limit=_PAGE)
        while following is not None:
            more, following = await parts.bans.page(operator(), after=following, limit=_PAGE)
            shown += more
        return [ban_json(ban) for ban in shown]

    print_rows("bans", with_parts(data, work), _COLUMNS, as_json=as_json)


@app.command()
def place(
    network: Annotated[
        str, typer.Argument(metavar="NETWORK", help="Like 192.0.2.7 or 2001:db8::/32.")
    ],
    reason: Annotated[
        str, typer.Option("--reason", metavar="TEXT", help="Why, for the audit log.")
    ],
    lifetime: Annotated[
        str | None, typer.Option("--for", metavar="SPAN", help="Like 1h; without it, until lifted.")
    ] = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Ban a network; new connections from there are refused, on every node within seconds."""
    parsed, span = parse_network(network), duration(lifetime)

    async def work(parts: "Parts") -> Json:
        return ban_json(await parts.bans.place(operator(), parsed, reason=reason, lifetime=span))

    print_object(with_parts(data, work), as_json=as_json)


@app.command()
def lift(
    ban_id: Annotated[str, typer.Argument(metavar="ID", help="Its id, as listed.")],
    data: Data = None,
) -> None:
    """Lift a ban; connections from there are taken again, on every node within seconds."""
    with_parts(data, lambda parts: parts.bans.lift(operator(), ban_id))
