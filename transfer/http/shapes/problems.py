"""Problems: how every refusal and failure is told (RFC 9457)."""

from typing import Annotated

from pydantic import ConfigDict, Field

from transfer.http.shapes.base import Bytes, Shape


class Problem(Shape):
    """Why a request had no success."""

    model_config = ConfigDict(extra="allow", strict=True, frozen=True)

    type: Annotated[str, Field(json_schema_extra={"format": "uri"})]
    title: str
    status: Annotated[int, Field(ge=400, le=599)]
    detail: Annotated[str, Field(description="A sentence for people: what to do.")]
    code: Annotated[str, Field(description="The problem's stable name, for programs.")]
    request_id: Annotated[str, Field(description="What the operator finds it by in the log.")]


class OffsetProblem(Problem):
    """The bytes don't begin where the upload stands."""

    offset: Annotated[Bytes, Field(description="Where it stands: go on from here.")]


class AcknowledgementProblem(Problem):
    """The warning about sensitive data comes first."""

    version: Annotated[str, Field(description="Of the text to acknowledge.")]
