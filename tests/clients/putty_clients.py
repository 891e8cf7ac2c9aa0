"""PuTTY's `psftp` and `pscp`."""

from typing import ClassVar

from tests.clients.client import HOST, Client, Outcome
from tests.clients.commands import run, version_of
from tests.clients.works import Work
from tests.programs import program


class _Putty(Client):
    """Both are told the host keys that the service publishes, as they ask a user otherwise."""

    def _options(self) -> list[str]:
        options = ["-batch", "-P", str(self.login.port), "-pw", self.login.password]
        for fingerprint in self.login.fingerprints:
            options += ["-hostkey", fingerprint]
        return options


class Psftp(_Putty):
    """`psftp`, its commands read from a script."""

    name = "PSFTP"
    ways: ClassVar = {
        Work.PUT: "put FILE",
        Work.RESUME: "reput FILE",
        Work.RENAME: "mv OLD NEW",
        Work.TREE: "put -r FOLDER",
        Work.GET: "get FILE",
        Work.GET_RESUME: "reget FILE",
    }

    @classmethod
    def version(cls) -> str:
        return version_of("psftp", "-V", pattern=r"Release (\S+)")

    async def _script(self, *commands: str) -> Outcome:
        script = self.folder / "psftp.script"
        script.write_text("\n".join(commands) + "\n")
        words = (program("psftp"), *self._options(), "-b", str(script), self.login.address)
        return await run(*words, folder=self.folder, seconds=self.seconds)

    async def put(self, local: str, remote: str) -> Outcome:
        return await self._script(f"put {local} {remote}")

    async def resume(self, local: str, remote: str) -> Outcome:
        return await self._script(f"reput {local} {remote}")

    async def rename(self, old: str, new: str) -> Outcome:
        return await self._script(f"mv {old} {new}")

    async def put_tree(self, folder: str) -> Outcome:
        return await self._script(f"put -r {folder}")

    async def get(self, remote: str, local: str) -> Outcome:
        return await self._script(f"get {remote} {local}")

    async def resume_get(self, remote: str, local: str) -> Outcome:
        return await self._script(f"reget {remote} {local}")


class Pscp(_Putty):
    """`pscp` on SFTP, which is what it tries first."""

    name = "pscp -sftp"
    ways: ClassVar = {
        Work.PUT: "pscp -sftp FILE HOST:",
        Work.RESUME: "pscp -sftp FILE HOST:",
        Work.TREE: "pscp -sftp -r FOLDER HOST:",
        Work.TIME: "pscp -sftp -p FILE HOST:",
        Work.GET: "pscp -sftp HOST:FILE .",
    }
    resumes = False

    @classmethod
    def version(cls) -> str:
        return version_of("pscp", "-V", pattern=r"Release (\S+)")

    async def _copy(self, *words: str) -> Outcome:
        return await run(
            program("pscp"),
            "-sftp",
            *self._options(),
            *words,
            folder=self.folder,
            seconds=self.seconds,
        )

    def _there(self, path: str) -> str:
        return f"{self.login.username}@{HOST}:{path}"

    async def put(self, local: str, remote: str) -> Outcome:
        return await self._copy(local, self._there(remote))

    async def put_tree(self, folder: str) -> Outcome:
        return await self._copy("-r", folder, self._there(""))

    async def put_with_time(self, local: str, remote: str) -> Outcome:
        return await self._copy("-p", local, self._there(remote))

    async def get(self, remote: str, local: str) -> Outcome:
        return await self._copy(self._there(remote), local)
