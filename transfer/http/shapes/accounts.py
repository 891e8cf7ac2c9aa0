"""SFTP accounts, as answers show them."""

from typing import Annotated

from pydantic import Field

from transfer.http.shapes.base import Id, Moment, Next, Shape


class AccountShape(Shape):
    """A temporary SFTP account of a case, with all that it takes to log in."""

    id: Id
    username: str
    password: Annotated[
        str | None, Field(description="Shown while the account is good; null afterwards.")
    ]
    host: str | None
    port: Annotated[int | None, Field(ge=0, le=65535)]
    fingerprints: Annotated[list[str], Field(description="The server's keys, like `SHA256:…`.")]
    expires_at: Annotated[Moment, Field(description="Its end, to the second.")]


class AccountList(Shape):
    """A page of the accounts of a case that are good now, newest first."""

    accounts: list[AccountShape]
    next: Next
