"""`transfer retention account`: how long the data of a customer's cases is kept, and holds."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated

import typer

from transfer.cli.options import AsJson, Data, duration
from transfer.cli.output import print_object, print_rows
from transfer.cli.session import operator, with_parts
from transfer.cli.shapes import Json, terms_json
from transfer.core.account_terms import AccountTerms

if TYPE_CHECKING:
    from transfer.wiring.parts import Parts

app = typer.Typer(
    help="Set how long the data of an account's cases is kept, and hold it.", no_args_is_help=True
)

_COLUMNS = ("account", "period_seconds", "hold", "hold_placed_by", "changed_by", "changed_at")
_PAGE = 1000

Account = Annotated[str, typer.Argument(metavar="ACCOUNT", help="The customer, as cases name it.")]


@app.command("list")
def list_terms(data: Data = None, as_json: AsJson = False) -> None:
    """List the accounts with terms of their own, the latest changed first."""

    async def work(parts: "Parts") -> list[Json]:
        shown: list[Json] = []
        following: str | None = None
        while True:
            page, following = await parts.account_terms.page(
                operator(), after=following, limit=_PAGE
            )
            shown += [terms_json(one) for one in page]
            if following is None:
                return shown

    print_rows("accounts", with_parts(data, work), _COLUMNS, as_json=as_json)


@app.command()
def keep(
    account: Account,
    span: Annotated[
        str,
        typer.Argument(metavar="SPAN", help="Like 90d; 0s deletes at closure, `usual` is as all."),
    ],
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Set how long the data of an account's cases is kept after closure; at once, for all."""
    period = None if span == "usual" else duration(span)
    _print(data, lambda parts: parts.account_terms.set_period(operator(), account, period), as_json)


@app.command()
def hold(
    account: Account,
    reason: Annotated[str, typer.Option(help="Why the data has to stay.")],
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Keep the data of all of an account's cases from deletion until the hold is lifted."""
    _print(data, lambda parts: parts.account_terms.hold(operator(), account, reason), as_json)


@app.command()
def unhold(account: Account, data: Data = None, as_json: AsJson = False) -> None:
    """Lift the hold of an account; holds of single cases stay."""
    _print(data, lambda parts: parts.account_terms.unhold(operator(), account), as_json)


def _print(data: Data, change: Callable[["Parts"], Awaitable[AccountTerms]], as_json: bool) -> None:
    async def work(parts: "Parts") -> AccountTerms:
        return await change(parts)

    print_object(terms_json(with_parts(data, work)), as_json=as_json)
