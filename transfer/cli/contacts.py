"""`transfer contact`: the people of customers' accounts."""

from typing import TYPE_CHECKING, Annotated

import typer

from transfer.cli.options import AsJson, Data
from transfer.cli.output import print_object, print_rows
from transfer.cli.session import operator, with_parts
from transfer.cli.shapes import Json, contact_json
from transfer.core.contacts import parse_contact

if TYPE_CHECKING:
    from transfer.wiring.parts import Parts

app = typer.Typer(help="Say who of a customer's gets at their cases.", no_args_is_help=True)

_COLUMNS = ("account", "person", "kind", "email", "language")

Account = Annotated[str, typer.Argument(help="The customer, as cases name it.")]
Person = Annotated[str, typer.Argument(help="The name with which they sign in.")]


@app.command("add")
def put(  # noqa: PLR0913 -- each is an option of the command
    account: Account,
    person: Person,
    kind: Annotated[str, typer.Option(help="designated or read-only.")] = "designated",
    email: Annotated[str | None, typer.Option(help="Where notices go to.")] = None,
    language: Annotated[str | None, typer.Option(help="That of notices, like de.")] = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Add a contact, or change one. An account that has any lets in nobody else of the customer."""
    contact = parse_contact(account, person, kind, email=email, language=language)

    async def work(parts: "Parts") -> Json:
        await parts.contacts.put(contact, operator().name)
        return contact_json(contact)

    print_object(with_parts(data, work), as_json=as_json)


@app.command()
def remove(account: Account, person: Person, data: Data = None, as_json: AsJson = False) -> None:
    """Remove a contact: what they have signed in to shows them nothing any more."""

    async def work(parts: "Parts") -> Json:
        await parts.contacts.remove(account, person, operator().name)
        return {"account": account, "person": person}

    print_object(with_parts(data, work), as_json=as_json)


@app.command("list")
def list_contacts(
    account: Annotated[str | None, typer.Option(help="Those of this customer.")] = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """List contacts."""

    async def work(parts: "Parts") -> list[Json]:
        found = await parts.contacts.of(None if account is None else [account])
        return [contact_json(contact) for contact in found]

    print_rows("contacts", with_parts(data, work), _COLUMNS, as_json=as_json)
