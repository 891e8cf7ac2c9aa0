"""What every client is to the tests: a name, what it can do, and how it is told to."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, Self

from tests.clients.works import DONE_AS, Standing, Work

HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """Where a case is, and an account for it."""

    port: int
    username: str
    password: str
    fingerprints: tuple[str, ...]

    @property
    def address(self) -> str:
        """User and host, as most clients want them."""
        return f"{self.username}@{HOST}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a client ended, and what it said."""

    code: int
    output: str


class Client(ABC):
    """A client at its defaults, its local files in `folder`, its remote ones in the case.

    `ways` are the words by which a user has it do a work; what is missing it can't do.
    `resumes` tells that it goes on where it stood, rather than sending a file again; `persists`
    that it tries again by itself after a cut; `closes_later` that it doesn't wait for the end of
    its last file. `fails` are works that the service fails at, and why: each is an expected
    failure, and one that passes is one to take out. `seconds` is how long a run may take.
    """

    name: ClassVar[str]
    ways: ClassVar[Mapping[Work, str]]
    resumes: ClassVar[bool] = True
    persists: ClassVar[bool] = False
    closes_later: ClassVar[bool] = False
    fails: ClassVar[Mapping[Work, str]] = {}

    def __init__(self, login: Login, folder: Path) -> None:
        self.login = login
        self.folder = folder
        self.seconds = 200.0

    @classmethod
    @abstractmethod
    def version(cls) -> str:
        """Return its version; without it on this machine, end the test (see `program`)."""

    @classmethod
    def way(cls, work: Work) -> str | None:
        """Return the words for a work, None for what it can't do."""
        return cls.ways.get(DONE_AS.get(work, work))

    @classmethod
    def standing(cls, work: Work) -> Standing:
        """Return what is claimed of the service with this client."""
        if work in cls.fails:
            return Standing.FAILS
        if cls.way(work) is None:
            return Standing.CANNOT
        if work in (Work.RESUME, Work.KILL) and not cls.resumes:
            return Standing.AGAIN
        return Standing.WORKS

    def through(self, port: int) -> Self:
        """Return the same client, connecting by way of another port."""
        return type(self)(replace(self.login, port=port), self.folder)

    # ── Works ────────────────────────────────────────────────────────────────────────────────

    @abstractmethod
    async def put(self, local: str, remote: str) -> Outcome:
        """Send a file, over what may be there."""

    async def resume(self, local: str, remote: str) -> Outcome:
        """Send what is missing of a file, or all of it."""
        return await self.put(local, remote)

    async def rename(self, old: str, new: str) -> Outcome:
        """Rename a file."""
        raise NotImplementedError

    async def put_tree(self, folder: str) -> Outcome:
        """Send a folder with all that is below it; it has the same name there."""
        raise NotImplementedError

    async def put_with_time(self, local: str, remote: str) -> Outcome:
        """Send a file and its modification time."""
        return await self.put(local, remote)

    @abstractmethod
    async def get(self, remote: str, local: str) -> Outcome:
        """Fetch a file."""

    async def resume_get(self, remote: str, local: str) -> Outcome:
        """Fetch what is missing of a file."""
        raise NotImplementedError
