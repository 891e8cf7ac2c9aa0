"""`transfer account`: temporary SFTP accounts."""

from typing import TYPE_CHECKING, Annotated

import typer

from transfer.cli.options import AsJson, Data, OfCase, OfCaseOrNone, case_number
from transfer.cli.output import print_object, print_rows
from transfer.cli.session import operator, with_parts
from transfer.cli.shapes import Json, account_json
from transfer.core.accounts import AccountId
from transfer.core.cases import parse_case_number
from transfer.wiring.entrance import entrance_of

if TYPE_CHECKING:
    from transfer.wiring.parts import Parts

app = typer.Typer(help="Issue, list and revoke SFTP accounts.", no_args_is_help=True)

_COLUMNS = ("id", "username", "password", "host", "port", "expires_at")


@app.command()
def issue(case: OfCase, data: Data = None, as_json: AsJson = False) -> None:
    """Issue an SFTP account for a case that isn't closed."""
    number = parse_case_number(case)

    async def work(parts: "Parts") -> Json:
        issued = await parts.accounts.issue(operator(), number)
        return account_json(issued.account, issued.password, entrance_of(parts.settings))

    print_object(with_parts(data, work), as_json=as_json)


@app.command("list")
def list_accounts(case: OfCase, data: Data = None, as_json: AsJson = False) -> None:
    """List the accounts of a case that are good now, with their passwords."""
    number = parse_case_number(case)

    async def work(parts: "Parts") -> list[Json]:
        entrance = entrance_of(parts.settings)
        active = await parts.accounts.active(operator(), number)
        return [account_json(one.account, one.password, entrance) for one in active]

    print_rows("accounts", with_parts(data, work), _COLUMNS, as_json=as_json)


@app.command()
def revoke(
    account_id: Annotated[str, typer.Argument(metavar="ID", help="Its id, as listed.")],
    case: OfCaseOrNone = None,
    data: Data = None,
) -> None:
    """End an account now; its live sessions end within seconds."""
    number = case_number(case)
    with_parts(data, lambda parts: parts.accounts.revoke(operator(), AccountId(account_id), number))
