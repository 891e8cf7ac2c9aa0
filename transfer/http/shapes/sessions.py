"""Who is signed in, as answers show it."""

from typing import Annotated, Literal

from pydantic import Field

from transfer.core.access import Role
from transfer.http.shapes.base import Id, Moment, Number, Shape
from transfer.ports import Method


class PrincipalShape(Shape):
    """Who somebody is."""

    name: str
    role: Role
    cases: Annotated[list[Number] | None, Field(description="Their cases; null is all of them.")]


class TokenHolder(PrincipalShape):
    """Somebody who came with a bearer token."""

    method: Literal["token"]


class SessionShape(PrincipalShape):
    """Somebody who is signed in at a browser."""

    id: Id
    method: Method
    began_at: Moment
    idle_until: Annotated[Moment, Field(description="It ends then, if nobody uses it before.")]
    expires_at: Annotated[Moment, Field(description="It ends then in any case.")]
    csrf_token: Annotated[
        str, Field(description="Send it as X-CSRF-Token with all that changes something.")
    ]
