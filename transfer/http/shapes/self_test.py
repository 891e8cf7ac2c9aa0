"""What the self-test of a connection is told."""

from typing import Annotated

from pydantic import Field

from transfer.http.shapes.base import Bytes, Moment, Sha256, Shape
from transfer.http.shapes.cases import SftpShape

Milliseconds = Annotated[float, Field(ge=0, description="A number of milliseconds.")]


class ConnectionShape(Shape):
    """A connection, as the service sees it."""

    now: Moment
    version: Annotated[str, Field(description="Of the service.")]
    address: Annotated[str | None, Field(description="Where the request comes from.")]
    scheme: str
    http: Annotated[str, Field(description="The version of HTTP that reaches the service.")]
    tls: Annotated[
        str | None,
        Field(
            description="The version of TLS that reaches the service; null where a proxy ends it."
        ),
    ]
    by_proxy: Annotated[bool, Field(description="Whether a proxy that is trusted handed it on.")]
    traces: Annotated[list[str], Field(description="Headers that only proxies add.")]
    max_file_bytes: Bytes
    sftp: SftpShape | None


class ArrivalShape(Shape):
    """How a body arrived. Nothing of it is kept."""

    method: str
    size: Bytes
    sha256: Sha256
    checksum_matches: Annotated[
        bool | None, Field(description="Null if Upload-Checksum didn't arrive.")
    ]
    offset: Annotated[int | None, Field(description="Null if Upload-Offset didn't arrive.")]
    announced: Annotated[int | None, Field(description="Content-Length, unless it was lost.")]
    first_ms: Annotated[Milliseconds, Field(description="From the head to the first byte.")]
    last_ms: Annotated[Milliseconds, Field(description="From the head to the last byte.")]
    pieces: Annotated[int, Field(ge=0, description="In how many pieces it came.")]


class SftpReachShape(Shape):
    """Whether the SFTP server answers at the address that people are told."""

    reachable: bool
    banner: Annotated[str | None, Field(description="What it calls itself.")]
    milliseconds: Milliseconds | None
