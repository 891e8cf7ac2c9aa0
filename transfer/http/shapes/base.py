"""What the shapes of all answers have in common."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

Json = dict[str, Any]


class Shape(BaseModel):
    """A JSON object in an answer: it has all of its fields, always, and no others."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    def json_object(self) -> Json:
        """Return it as what `json.dumps` takes."""
        return self.model_dump(mode="json")


Moment = Annotated[
    str,
    Field(
        description="A time in UTC, RFC 3339.",
        json_schema_extra={"format": "date-time", "examples": ["2026-03-02T09:00:00Z"]},
    ),
]
Bytes = Annotated[int, Field(ge=0, description="A number of bytes.")]
Sha256 = Annotated[
    str, Field(pattern="^[0-9a-f]{64}$", description="A SHA-256, in lower-case hex.")
]
Number = Annotated[
    str,
    Field(
        pattern="^[0-9]{10}$",
        description="The number of a case: ten digits.",
        json_schema_extra={"examples": ["0003256109"]},
    ),
]
Id = Annotated[
    str, Field(pattern="^[0-9A-Za-z_-]{1,64}$", description="An id: opaque, and safe in a URL.")
]
Next = Annotated[
    str | None,
    Field(
        description="The cursor of the next page: send it as `after`, unchanged. Null on the last "
        "page."
    ),
]
