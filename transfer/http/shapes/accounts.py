"""SFTP accounts, as answers show them."""

from typing import Annotated

from pydantic import Field

from transfer.http.shapes.base import Bytes, Id, Moment, Next, Shape


class KeyShape(Shape):
    """A public key that signs somebody in."""

    algorithm: Annotated[str, Field(description="Like `ssh-ed25519`.")]
    fingerprint: Annotated[str, Field(description="Like `SHA256:…`, as ssh-keygen shows it.")]
    comment: str


class UseShape(Shape):
    """How an account was used."""

    sessions: Annotated[int, Field(ge=0, description="How often somebody has signed in.")]
    bytes_received: Annotated[Bytes, Field(description="Bytes of files that it has sent us.")]
    bytes_sent: Annotated[Bytes, Field(description="Bytes of files that it has fetched.")]
    last_seen_at: Annotated[Moment | None, Field(description="Roughly: to some seconds.")]
    last_address: Annotated[str | None, Field(description="Where it came from then.")]


class AccountShape(Shape):
    """A temporary SFTP account of a case, with all that it takes to log in."""

    id: Id
    username: str
    password: Annotated[
        str | None,
        Field(description="Shown while the account is good; null where only keys sign in."),
    ]
    host: str | None
    port: Annotated[int | None, Field(ge=0, le=65535)]
    fingerprints: Annotated[list[str], Field(description="The server's keys, like `SHA256:…`.")]
    expires_at: Annotated[Moment, Field(description="Its end, to the second.")]
    label: Annotated[str, Field(description="Whom or what it is for; may be empty.")]
    keys: Annotated[list[KeyShape], Field(description="Keys that sign in by it.")]
    networks: Annotated[
        list[str], Field(description="From where it may be used, like `192.0.2.0/24`; none is any.")
    ]
    issued_by: str
    issued_at: Moment
    issue: Annotated[int, Field(ge=1, description="Counts up each time that it is issued again.")]
    attested_version: Annotated[
        str | None,
        Field(description="The text of the warning that who issued it has attested for."),
    ]
    use: UseShape


class AccountList(Shape):
    """A page of the accounts of a case that are good now, newest first."""

    accounts: list[AccountShape]
    next: Next
