"""sshfs: the case as a folder of this machine, where FUSE is there."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import ClassVar

import pytest

from tests.clients.client import HOST, Client, Outcome
from tests.clients.commands import run, version_of
from tests.clients.openssh_clients import QUIET
from tests.clients.works import Work
from tests.programs import program

_FUSE = Path("/dev/fuse")


async def _unmount(point: Path) -> None:
    """Unmount as a user would; by force only what hangs."""
    done = await run(program("fusermount3"), "-u", point, folder=point.parent)
    if done.code != 0:
        await run(program("fusermount3"), "-u", "-z", point, folder=point.parent)


class Sshfs(Client):
    """The programs of every day, on a folder that is mounted for each of them anew."""

    name = "sshfs"
    ways: ClassVar = {
        Work.PUT: "cp FILE case/",
        Work.RESUME: "cp FILE case/",
        Work.RENAME: "mv case/OLD case/NEW",
        Work.TREE: "cp -r FOLDER case/",
        Work.TIME: "cp -p FILE case/",
        Work.GET: "cp case/FILE .",
    }
    resumes = False
    closes_later = True

    @classmethod
    def version(cls) -> str:
        if not os.access(_FUSE, os.R_OK | os.W_OK):
            pytest.skip("there is no FUSE here")
        return version_of("sshfs", "--version", pattern=r"SSHFS version (\S+)")

    @asynccontextmanager
    async def _mounted(self) -> AsyncIterator[Outcome]:
        point = self.folder / "case"
        point.mkdir(exist_ok=True)
        mounted = await run(
            program("sshfs"),
            *("-o", "password_stdin", *QUIET, "-p", str(self.login.port)),
            *(f"{self.login.username}@{HOST}:/", point),
            folder=self.folder,
            typed=f"{self.login.password}\n",
        )
        try:
            yield mounted
        finally:
            if mounted.code == 0:
                await _unmount(point)

    async def _run(self, *words: str) -> Outcome:
        async with self._mounted() as mounted:
            if mounted.code != 0:
                return mounted
            return await run(*words, folder=self.folder, seconds=self.seconds)

    async def put(self, local: str, remote: str) -> Outcome:
        return await self._run("cp", local, f"case/{remote}")

    async def rename(self, old: str, new: str) -> Outcome:
        return await self._run("mv", f"case/{old}", f"case/{new}")

    async def put_tree(self, folder: str) -> Outcome:
        return await self._run("cp", "-r", folder, "case/")

    async def put_with_time(self, local: str, remote: str) -> Outcome:
        return await self._run("cp", "-p", local, f"case/{remote}")

    async def get(self, remote: str, local: str) -> Outcome:
        return await self._run("cp", f"case/{remote}", local)
