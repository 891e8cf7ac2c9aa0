"""What a client of resumable uploads for HTTP sends, in each version."""

import contextlib
from collections.abc import AsyncIterator, Mapping

import pytest

from tests.conformance.outcomes import Subject
from tests.conformance.wire import Connection, Heard

VERSIONS = (3, 4, 5, 6, 7, 8, None)
"""The interop versions of the drafts, and the final form, which names none."""
PARTIAL = "application/partial-upload"
PROBLEMS = "https://iana.org/assignments/http-problem-types#"


def since(first: int) -> pytest.MarkDecorator:
    """Ask only in versions from `first` on, the final form included."""
    versions = [version for version in VERSIONS if version is None or version >= first]
    ids = [str(version or "final") for version in versions]
    return pytest.mark.parametrize("rufh", versions, ids=ids, indirect=True)


_spoken: dict[tuple[str, int | None], bool] = {}
"""What was found out of each server, once a run."""


class Rufh:
    """A client of one version."""

    def __init__(self, subject: Subject, version: int | None) -> None:
        self.subject = subject
        self.target = subject.target
        self.version = version

    @property
    def since(self) -> int:
        """The version as a number to compare with; the final form is after all drafts."""
        return 99 if self.version is None else self.version

    @property
    def named(self) -> dict[str, str]:
        """What every request says of the version, and who sends it."""
        told = {} if self.version is None else {"Upload-Draft-Interop-Version": str(self.version)}
        return {**self.target.entrance, **told}

    @property
    def type(self) -> dict[str, str]:
        """The media type of an append."""
        return {"Content-Type": PARTIAL} if self.since >= 6 else {}

    def complete(self, *, ends: bool) -> dict[str, str]:
        """Return the field that tells whether the file ends with the body."""
        if self.version == 3:
            return {"Upload-Incomplete": "?0" if ends else "?1"}
        return {"Upload-Complete": "?1" if ends else "?0"}

    def told_complete(self, heard: Heard) -> bool:
        """Whether an answer says that the upload is complete; it has to say either."""
        name, complete = next(iter(self.complete(ends=True).items()))
        assert heard.headers.get(name) in ("?0", "?1"), heard
        return heard.headers[name] == complete

    # ── Whether it is spoken ─────────────────────────────────────────────────────────────────

    async def is_spoken(self) -> bool:
        """Whether the server takes what this version sends for an upload of this protocol."""
        key = (self.target.absolute(self.target.create), self.version)
        if key not in _spoken:
            created = await self.create(ends=False)
            _spoken[key] = created.is_success and "Location" in created.headers
        return _spoken[key]

    async def is_understood(self) -> None:
        """Go on only if the version is spoken."""
        if not await self.is_spoken():
            self.subject.not_offered(f"RUFH {self.version or 'final'}")

    # ── Requests ─────────────────────────────────────────────────────────────────────────────

    async def create(
        self, body: bytes = b"", *, ends: bool, headers: Mapping[str, str] | None = None
    ) -> Heard:
        sent = {**self.named, **self.complete(ends=ends), **(headers or {})}
        return await self.target.ask("POST", self.target.create, sent, body)

    async def begin(self, headers: Mapping[str, str] | None = None) -> str:
        """Create an empty upload that is expected to come to be, and return its path."""
        created = await self.create(ends=False, headers=headers)
        assert created.status == 201, created
        return self.target.path(created.headers["Location"])

    def appending(self, offset: int, *, ends: bool) -> dict[str, str]:
        """Return the fields of an append."""
        at = {"Upload-Offset": str(offset)}
        return {**self.named, **self.complete(ends=ends), **self.type, **at}

    async def append(
        self,
        path: str,
        offset: int,
        data: bytes,
        *,
        ends: bool,
        headers: Mapping[str, str] | None = None,
    ) -> Heard:
        sent = {**self.appending(offset, ends=ends), **(headers or {})}
        return await self.target.ask("PATCH", path, sent, data)

    async def head(self, path: str, method: str = "HEAD") -> Heard:
        return await self.target.ask(method, path, self.named)

    async def delete(self, path: str) -> Heard:
        return await self.target.ask("DELETE", path, self.named)

    @contextlib.asynccontextmanager
    async def creating(
        self, size: int, headers: Mapping[str, str] | None = None, *, ends: bool = True
    ) -> AsyncIterator[Connection]:
        """Say the head of a creation, and leave its body to the test."""
        sent = {**self.named, **self.complete(ends=ends), **(headers or {})}
        async with self.target.connection() as connection:
            await connection.begin("POST", self.target.create, sent, size=size)
            yield connection
