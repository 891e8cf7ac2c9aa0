"""OpenSSH's `sftp` and `scp`."""

from typing import ClassVar

from tests.clients.client import HOST, Client, Outcome
from tests.clients.commands import run, version_of
from tests.clients.works import Work
from tests.programs import program

QUIET = (
    "-oStrictHostKeyChecking=no",
    "-oUserKnownHostsFile=/dev/null",
    "-oLogLevel=ERROR",
)
_ASKED = ("-oBatchMode=no", "-oNumberOfPasswordPrompts=1", *QUIET)


class _OpenSsh(Client):
    """Both are given the password by a program, as they read none from anywhere else."""

    @classmethod
    def version(cls) -> str:
        return version_of("ssh", "-V", pattern=r"OpenSSH_(\S+)")

    async def _run(self, *words: str, typed: str = "") -> Outcome:
        askpass = self.folder / "askpass"
        askpass.write_text(f"#!/bin/sh\necho '{self.login.password}'\n")
        askpass.chmod(0o700)
        asked = {"SSH_ASKPASS": str(askpass), "SSH_ASKPASS_REQUIRE": "force"}
        return await run(*words, folder=self.folder, typed=typed, env=asked, seconds=self.seconds)


class Sftp(_OpenSsh):
    """`sftp`, its commands read from a batch: the first that fails ends it."""

    name = "OpenSSH sftp"
    ways: ClassVar = {
        Work.PUT: "put FILE",
        Work.RESUME: "reput FILE",
        Work.RENAME: "rename OLD NEW",
        Work.TREE: "put -R FOLDER",
        Work.TIME: "put -p FILE",
        Work.GET: "get FILE",
        Work.GET_RESUME: "reget FILE",
    }

    async def _batch(self, *commands: str) -> Outcome:
        words = (program("sftp"), *_ASKED, "-b", "-", "-P", str(self.login.port))
        return await self._run(*words, self.login.address, typed="\n".join(commands) + "\n")

    async def put(self, local: str, remote: str) -> Outcome:
        return await self._batch(f"put {local} {remote}")

    async def resume(self, local: str, remote: str) -> Outcome:
        return await self._batch(f"reput {local} {remote}")

    async def rename(self, old: str, new: str) -> Outcome:
        return await self._batch(f"rename {old} {new}")

    async def put_tree(self, folder: str) -> Outcome:
        return await self._batch(f"put -R {folder}")

    async def put_with_time(self, local: str, remote: str) -> Outcome:
        return await self._batch(f"put -p {local} {remote}")

    async def get(self, remote: str, local: str) -> Outcome:
        return await self._batch(f"get {remote} {local}")

    async def resume_get(self, remote: str, local: str) -> Outcome:
        return await self._batch(f"reget {remote} {local}")


class Scp(_OpenSsh):
    """`scp`, which speaks SFTP since its version 9."""

    name = "OpenSSH scp"
    ways: ClassVar = {
        Work.PUT: "scp FILE HOST:",
        Work.RESUME: "scp FILE HOST:",
        Work.TREE: "scp -r FOLDER HOST:",
        Work.TIME: "scp -p FILE HOST:",
        Work.GET: "scp HOST:FILE .",
    }
    resumes = False

    async def _copy(self, *words: str) -> Outcome:
        return await self._run(program("scp"), *_ASKED, "-P", str(self.login.port), *words)

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
