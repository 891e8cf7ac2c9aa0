"""lftp, which speaks SFTP through a `ssh` that it starts."""

from typing import ClassVar

from tests.clients.client import HOST, Client, Outcome
from tests.clients.commands import run, version_of
from tests.clients.openssh_clients import QUIET
from tests.clients.works import Work
from tests.programs import program


class Lftp(Client):
    """A script of commands; the first that fails ends it.

    At its defaults lftp comes back for ever, 30 seconds after a cut at first. Here it comes back
    sooner, and gives up at some time.
    """

    name = "lftp"
    ways: ClassVar = {
        Work.PUT: "put FILE",
        Work.RESUME: "put -c FILE",
        Work.RENAME: "mv OLD NEW",
        Work.TREE: "mirror -R FOLDER",
        Work.TIME: "put FILE",
        Work.GET: "get FILE",
        Work.GET_RESUME: "get -c FILE",
    }
    persists = True

    @classmethod
    def version(cls) -> str:
        return version_of("lftp", "--version", pattern=r"Version (\S+)")

    async def _script(self, *commands: str) -> Outcome:
        script = self.folder / "lftp.script"
        login = self.login
        script.write_text(
            "\n".join(
                [
                    "set cmd:fail-exit yes",
                    f'set sftp:connect-program "ssh -a -x {" ".join(QUIET)}"',
                    "set net:max-retries 20",
                    "set net:reconnect-interval-base 1",
                    "set net:reconnect-interval-max 1",
                    f"open -u {login.username},{login.password} sftp://{HOST}:{login.port}",
                    *commands,
                    "",
                ]
            )
        )
        return await run(program("lftp"), "-f", script, folder=self.folder, seconds=self.seconds)

    async def put(self, local: str, remote: str) -> Outcome:
        return await self._script(f"put {local} -o {remote}")

    async def resume(self, local: str, remote: str) -> Outcome:
        return await self._script(f"put -c {local} -o {remote}")

    async def rename(self, old: str, new: str) -> Outcome:
        return await self._script(f"mv {old} {new}")

    async def put_tree(self, folder: str) -> Outcome:
        return await self._script(f"mirror -R {folder} {folder}")

    async def get(self, remote: str, local: str) -> Outcome:
        return await self._script(f"get {remote} -o {local}")

    async def resume_get(self, remote: str, local: str) -> Outcome:
        return await self._script(f"get -c {remote} -o {local}")
