"""curl, which speaks SFTP by libssh2."""

from typing import ClassVar

from tests.clients.client import HOST, Client, Outcome
from tests.clients.commands import run, version_of
from tests.clients.works import Work
from tests.programs import program


class Curl(Client):
    """curl. It checks host keys by `known_hosts` alone, which is of no interest here."""

    name = "curl (libssh2)"
    ways: ClassVar = {
        Work.PUT: "curl -T FILE sftp://HOST/FILE",
        Work.RESUME: "curl -C - -T FILE sftp://HOST/FILE",
        Work.RENAME: "curl -Q 'rename OLD NEW' sftp://HOST/",
        Work.GET: "curl -O sftp://HOST/FILE",
        Work.GET_RESUME: "curl -C - -O sftp://HOST/FILE",
    }

    @classmethod
    def version(cls) -> str:
        own = version_of("curl", "--version", pattern=r"curl (\S+) ")
        its = version_of("curl", "--version", pattern=r"libssh2/(\S+)")
        return f"{own} ({its})"

    async def _run(self, path: str, *words: str) -> Outcome:
        login = self.login
        return await run(
            program("curl"),
            *("--disable", "--silent", "--show-error", "--insecure"),
            *("--user", f"{login.username}:{login.password}"),
            *words,
            f"sftp://{HOST}:{login.port}/{path}",
            folder=self.folder,
            seconds=self.seconds,
        )

    async def put(self, local: str, remote: str) -> Outcome:
        return await self._run(remote, "-T", local)

    async def resume(self, local: str, remote: str) -> Outcome:
        return await self._run(remote, "-C", "-", "-T", local)

    async def rename(self, old: str, new: str) -> Outcome:
        return await self._run("", "-Q", f"rename /{old} /{new}")

    async def get(self, remote: str, local: str) -> Outcome:
        return await self._run(remote, "-o", local)

    async def resume_get(self, remote: str, local: str) -> Outcome:
        return await self._run(remote, "-C", "-", "-o", local)
