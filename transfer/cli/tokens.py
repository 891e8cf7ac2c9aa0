"""`transfer token`: bearer tokens for the HTTP door."""

from typing import TYPE_CHECKING, Annotated

import typer

from transfer.cli.options import AsJson, Data, OfCaseOrNone, case_number, duration
from transfer.cli.output import print_rows
from transfer.cli.session import operator, with_parts
from transfer.cli.shapes import Json, token_json
from transfer.core.access import Role

if TYPE_CHECKING:
    from transfer.wiring.parts import Parts

app = typer.Typer(help="Issue, list and revoke bearer tokens.", no_args_is_help=True)

_COLUMNS = ("id", "name", "role", "case", "expires_at", "revoked_at")


@app.command()
def issue(
    role: Annotated[Role, typer.Option(help="What its holder is.")],
    case: OfCaseOrNone = None,
    user: Annotated[
        str | None, typer.Option(metavar="NAME", help="Who its holder is.", show_default="the role")
    ] = None,
    lifetime: Annotated[
        str | None,
        typer.Option(metavar="SPAN", help="Like 12h. [default: TRANSFER_TOKEN_LIFETIME]"),
    ] = None,
    data: Data = None,
) -> None:
    """Print a new bearer token, alone. It can't be shown again."""
    number, span = case_number(case), duration(lifetime)

    async def work(parts: "Parts") -> str:
        _, secret = await parts.tokens.issue(
            role,
            user or role.value,
            number,
            issued_by=operator().name,
            lifetime=span or parts.settings.token_lifetime,
        )
        return secret

    typer.echo(with_parts(data, work))


@app.command("list")
def list_tokens(data: Data = None, as_json: AsJson = False) -> None:
    """List tokens, the newest first, without their secrets."""

    async def work(parts: "Parts") -> list[Json]:
        return [token_json(token) for token in await parts.tokens.tokens()]

    print_rows("tokens", with_parts(data, work), _COLUMNS, as_json=as_json)


@app.command()
def revoke(
    token_id: Annotated[str, typer.Argument(metavar="ID", help="Its id, as listed.")],
    data: Data = None,
) -> None:
    """Revoke a token: from now on it opens nothing."""
    with_parts(data, lambda parts: parts.tokens.revoke(token_id, revoked_by=operator().name))
