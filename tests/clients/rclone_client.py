"""rclone: from PyPI, or as the system has it."""

import sys
from pathlib import Path
from typing import ClassVar

from tests.clients.client import HOST, Client, Outcome
from tests.clients.commands import run, version_of
from tests.clients.works import Work
from tests.programs import program


def _rclone() -> str:
    ours = Path(sys.executable).with_name("rclone")
    return str(ours) if ours.exists() else program("rclone")


class Rclone(Client):
    """rclone, whose remote `case` is told to it by its environment."""

    name = "rclone"
    ways: ClassVar = {
        Work.PUT: "copyto FILE case:FILE",
        Work.RESUME: "copyto FILE case:FILE",
        Work.RENAME: "moveto case:OLD case:NEW",
        Work.TREE: "copy FOLDER case:FOLDER, then check",
        Work.TIME: "copyto FILE case:FILE",
        Work.GET: "copyto case:FILE FILE",
    }
    resumes = False
    persists = True

    @classmethod
    def version(cls) -> str:
        return version_of(_rclone(), "version", pattern=r"rclone v(\S+)")

    async def _run(self, *words: str) -> Outcome:
        hidden = await run(
            _rclone(), "obscure", self.login.password, folder=self.folder, seconds=self.seconds
        )
        remote = {
            "RCLONE_CONFIG": "/dev/null",
            "RCLONE_CONFIG_CASE_TYPE": "sftp",
            "RCLONE_CONFIG_CASE_HOST": HOST,
            "RCLONE_CONFIG_CASE_PORT": str(self.login.port),
            "RCLONE_CONFIG_CASE_USER": self.login.username,
            "RCLONE_CONFIG_CASE_PASS": hidden.output.strip(),
        }
        return await run(_rclone(), *words, folder=self.folder, env=remote, seconds=self.seconds)

    async def put(self, local: str, remote: str) -> Outcome:
        return await self._run("copyto", local, f"case:{remote}")

    async def rename(self, old: str, new: str) -> Outcome:
        return await self._run("moveto", f"case:{old}", f"case:{new}")

    async def put_tree(self, folder: str) -> Outcome:
        copied = await self._run("copy", folder, f"case:{folder}")
        if copied.code != 0:
            return copied
        checked = await self._run("check", folder, f"case:{folder}")
        if "could not be checked" in checked.output:
            return Outcome(1, f"no digests were compared: {checked.output}")
        return checked

    async def get(self, remote: str, local: str) -> Outcome:
        return await self._run("copyto", f"case:{remote}", local)
