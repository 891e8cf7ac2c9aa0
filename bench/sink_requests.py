"""The words of the body-discarding S3: requests, answers, and what is kept of an object."""

from dataclasses import dataclass, field

KEPT_BYTES = 5 << 20
_REASONS = {
    200: "OK",
    204: "No Content",
    400: "Bad Request",
    206: "Partial Content",
    404: "Not Found",
    412: "Precondition Failed",
    416: "Range Not Satisfiable",
    501: "Not Implemented",
}


@dataclass(frozen=True)
class Body:
    """What came with a request; `kept` is None when it was thrown away."""

    size: int
    kept: bytes | None
    trailers: dict[str, str]


@dataclass(frozen=True)
class Request:
    """A request, read to its end."""

    method: str
    target: str
    bucket: str
    key: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Body

    def checksums(self) -> dict[str, str]:
        """Return the checksums that came as headers or trailers."""
        given = {**self.headers, **self.body.trailers}
        skipped = ("x-amz-checksum-algorithm", "x-amz-checksum-mode", "x-amz-checksum-type")
        return {
            name: value
            for name, value in given.items()
            if name.startswith("x-amz-checksum-") and name not in skipped
        }


@dataclass(frozen=True)
class Reply:
    """An answer; `content_size` bytes of the content file from `content_start` follow it."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    content_start: int = 0
    content_size: int = 0

    @property
    def reason(self) -> str:
        """The words of the status line."""
        return _REASONS.get(self.status, "Other")


@dataclass(frozen=True)
class Stored:
    """An object or a part: all but its bytes, unless it is small."""

    size: int
    etag: str
    kept: bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Multipart:
    """A multipart upload in progress."""

    key: str
    headers: dict[str, str]
    parts: dict[int, Stored] = field(default_factory=dict)
