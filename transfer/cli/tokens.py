"""`transfer token`: bearer tokens for the HTTP door."""

from typing import TYPE_CHECKING, Annotated

import typer

from transfer.cli.options import AsJson, Data, OfCases, duration
from transfer.cli.output import print_json, print_rows
from transfer.cli.session import operator, with_parts
from transfer.cli.shapes import Json, token_json
from transfer.core.access import Action, Role
from transfer.core.cases import parse_case_number

if TYPE_CHECKING:
    from transfer.wiring.parts import Parts

app = typer.Typer(help="Issue, list and revoke bearer tokens.", no_args_is_help=True)

_COLUMNS = ("id", "name", "role", "cases", "actions", "expires_at", "last_used_at", "revoked_at")
_PAGE = 1000


@app.command()
def issue(  # noqa: PLR0913 - each is an option of the command
    role: Annotated[Role, typer.Option(help="What its holder is.")],
    case: OfCases = None,
    allow: Annotated[
        list[Action] | None,
        typer.Option(help="An action to limit it to; again for another one. [default: the role's]"),
    ] = None,
    user: Annotated[
        str | None, typer.Option(metavar="NAME", help="Who its holder is.", show_default="the role")
    ] = None,
    lifetime: Annotated[
        str | None,
        typer.Option(
            metavar="SPAN",
            help="Like 12h. [default: TRANSFER_TOKEN_LIFETIME; TRANSFER_ADMIN_TOKEN_LIFETIME]",
        ),
    ] = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Print a new bearer token, alone unless with --json. It can't be shown again."""
    from transfer.engine.tokens import TokenRequest

    request = TokenRequest(
        role=role,
        name=user or role.value,
        cases=[parse_case_number(number) for number in case] if case else None,
        actions=allow or None,
        lifetime=duration(lifetime),
    )

    async def work(parts: "Parts") -> Json:
        token, secret = await parts.tokens.grant(operator(), request)
        return {**token_json(token), "token": secret}

    issued = with_parts(data, work)
    if as_json:
        print_json(issued)
    else:
        typer.echo(issued["token"])


@app.command("list")
def list_tokens(data: Data = None, as_json: AsJson = False) -> None:
    """List tokens, the newest first, without their secrets."""

    async def work(parts: "Parts") -> list[Json]:
        tokens, after = await parts.tokens.page(operator(), limit=_PAGE)
        while after is not None:
            more, after = await parts.tokens.page(operator(), after=after, limit=_PAGE)
            tokens += more
        return [token_json(token) for token in tokens]

    print_rows("tokens", with_parts(data, work), _COLUMNS, as_json=as_json)


@app.command()
def revoke(
    token_id: Annotated[str, typer.Argument(metavar="ID", help="Its id, as listed.")],
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Revoke a token: from the next request on it opens nothing."""

    async def work(parts: "Parts") -> Json:
        return token_json(await parts.tokens.revoke(operator(), token_id))

    revoked = with_parts(data, work)
    if as_json:
        print_json(revoked)
