"""Events of a case, as a stream tells them."""

from typing import Annotated, Any

from pydantic import Field

from transfer.http.shapes.base import Moment, Number, Shape


class EventShape(Shape):
    """What the `data` of an event is."""

    case: Number
    at: Moment
    number: Annotated[
        int | None,
        Field(description="Counts up; tells an event that comes twice. Null for what passes."),
    ]
    data: Annotated[dict[str, Any], Field(description="What there is to tell of its kind.")]
