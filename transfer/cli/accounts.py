"""`transfer account`: temporary SFTP accounts."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from transfer.cli.options import AsJson, Data, OfCase, OfCaseOrNone, case_number, duration
from transfer.cli.output import print_object, print_rows
from transfer.cli.session import operator, with_parts
from transfer.cli.shapes import Json, account_json
from transfer.core.accounts import AccountId
from transfer.core.cases import parse_case_number
from transfer.core.errors import InvalidRequestError
from transfer.wiring.entrance import entrance_of

if TYPE_CHECKING:
    from transfer.wiring.parts import Parts

app = typer.Typer(help="Issue, list and revoke SFTP accounts.", no_args_is_help=True)

_COLUMNS = ("id", "label", "username", "password", "host", "port", "expires_at", "last_seen_at")

_Id = Annotated[str, typer.Argument(metavar="ID", help="Its id, as listed.")]


@app.command()
def issue(  # noqa: PLR0913 - each is an option of the command
    case: OfCase,
    label: Annotated[str, typer.Option(help="Whom or what it is for.")] = "",
    key_file: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="SSH public keys that sign in; again for more."),
    ] = None,
    from_network: Annotated[
        list[str] | None,
        typer.Option("--from", metavar="NETWORK", help="Only from there; again for more."),
    ] = None,
    password: Annotated[
        bool, typer.Option(help="Whether it has one; without, keys sign in.")
    ] = True,
    lifetime: Annotated[
        str | None,
        typer.Option(metavar="SPAN", help="Like 12h. [default: TRANSFER_ACCOUNT_LIFETIME]"),
    ] = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Issue an SFTP account for a case that isn't closed.

    Whoever does attests that its user knows the warning about sensitive data.
    """
    from transfer.engine.account_requests import AccountRequest

    number = parse_case_number(case)
    request = AccountRequest(
        label=label,
        with_password=password,
        keys=[key for path in key_file or () for key in _keys_of(path)],
        networks=from_network or (),
        lifetime=duration(lifetime),
    )

    async def work(parts: "Parts") -> Json:
        issued = await parts.accounts.issue(operator(), number, request)
        return account_json(issued.account, issued.password, entrance_of(parts.settings))

    print_object(with_parts(data, work), as_json=as_json)


@app.command("list")
def list_accounts(case: OfCase, data: Data = None, as_json: AsJson = False) -> None:
    """List the accounts of a case that are good now, with their passwords and their use."""
    number = parse_case_number(case)

    async def work(parts: "Parts") -> list[Json]:
        entrance = entrance_of(parts.settings)
        active = await parts.accounts.active(operator(), number)
        return [account_json(one.account, one.password, entrance) for one in active]

    print_rows("accounts", with_parts(data, work), _COLUMNS, as_json=as_json)


@app.command()
def reissue(account_id: _Id, case: OfCase, data: Data = None, as_json: AsJson = False) -> None:
    """Give an account a new password, and its time anew; the old password is dead at once."""
    number = parse_case_number(case)

    async def work(parts: "Parts") -> Json:
        issued = await parts.accounts.reissue(operator(), AccountId(account_id), number)
        return account_json(issued.account, issued.password, entrance_of(parts.settings))

    print_object(with_parts(data, work), as_json=as_json)


@app.command()
def revoke(account_id: _Id, case: OfCaseOrNone = None, data: Data = None) -> None:
    """End an account now; its live sessions end within seconds."""
    number = case_number(case)
    with_parts(data, lambda parts: parts.accounts.revoke(operator(), AccountId(account_id), number))


def _keys_of(path: Path) -> list[str]:
    """Return the keys in a file of the operator's.

    Raises:
        InvalidRequestError: it can't be read, or has none.
    """
    from transfer.engine.public_keys import keys_in

    try:
        keys = keys_in(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as exc:
        raise InvalidRequestError("A key file can't be read.") from exc
    if not keys:
        raise InvalidRequestError("A key file has no key in it.")
    return keys
