"""How the service is, as answers tell it."""

from typing import Annotated, Literal

from pydantic import Field

from transfer.http.shapes.base import Shape


class Health(Shape):
    """That the process answers."""

    status: Literal["ok"]


class Readiness(Shape):
    """Whether the service can serve."""

    ready: bool
    waiting_for: Annotated[list[str], Field(description="What doesn't answer at the moment.")]
