"""Bans, as answers show them."""

from typing import Annotated

from pydantic import Field

from transfer.http.shapes.base import Id, Moment, Next, Shape


class BanShape(Shape):
    """A network from which nobody is let in by SFTP."""

    id: Id
    network: Annotated[
        str,
        Field(
            description="A network, with the length of its prefix.",
            json_schema_extra={"examples": ["192.0.2.7/32"]},
        ),
    ]
    reason: str
    banned_by: Annotated[str, Field(description="Who, or `service` for the service by itself.")]
    since: Moment
    until: Annotated[Moment | None, Field(description="Its end; null is when somebody lifts it.")]


class BanList(Shape):
    """A page of the bans that hold, the latest first."""

    bans: list[BanShape]
    next: Next
