"""Bearer tokens, as answers show them."""

from typing import Annotated

from pydantic import Field

from transfer.core.access import Action, Role
from transfer.http.shapes.base import Id, Moment, Next, Number, Shape


class TokenShape(Shape):
    """A bearer token, without its secret."""

    id: Id
    name: Annotated[str, Field(description="Whom or what it is for.")]
    role: Role
    cases: Annotated[list[Number] | None, Field(description="Its cases; null is all of them.")]
    actions: Annotated[
        list[Action] | None, Field(description="What it is limited to; null is all of its role.")
    ]
    issued_by: str
    issued_at: Moment
    expires_at: Moment
    last_used_at: Annotated[Moment | None, Field(description="Roughly: to a few minutes.")]
    revoked_at: Moment | None
    active: Annotated[bool, Field(description="Whether it opens anything.")]


class IssuedToken(TokenShape):
    """A bearer token that was just issued."""

    token: Annotated[str, Field(description="The token itself: shown here, and never again.")]


class TokenList(Shape):
    """A page of tokens, newest first."""

    tokens: list[TokenShape]
    next: Next
