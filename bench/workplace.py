"""Where a run keeps its files, and what it sends: all below bench/.work, but for the scratch."""

import hashlib
import os
import random
import shutil
import socket
import tempfile
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

KIB = 1 << 10
MIB = 1 << 20
GIB = 1 << 30

REPOSITORY = Path(__file__).resolve().parent.parent
WORK = REPOSITORY / "bench" / ".work"
_TMPFS = Path("/dev/shm")
# Below what the kernel hands out to clients, so that none of them takes a port before its server.
_PORTS = range(10240, 22000)


@dataclass(frozen=True)
class Source:
    """The file that everybody sends: random bytes, so that nothing can be compressed."""

    path: Path
    size: int
    sha256: str


class Workplace:
    """The folders of one run; what is scratch is removed when the run ends, however it ends."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._scratch: Path | None = None
        self._source: Source | None = None
        self._landing: memoryview | None = None

    def __enter__(self) -> Self:
        WORK.mkdir(exist_ok=True)
        shutil.rmtree(WORK / "run", ignore_errors=True)
        (WORK / "run").mkdir()
        # A landing file and the files of the sshd peer must fit in memory, with room to spare.
        on_tmpfs = _TMPFS.is_dir() and shutil.disk_usage(_TMPFS).free > 4 * self.size + GIB
        self._scratch = Path(
            tempfile.mkdtemp(prefix="transfer-bench-", dir=_TMPFS if on_tmpfs else WORK / "run")
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._scratch:
            shutil.rmtree(self._scratch, ignore_errors=True)
        shutil.rmtree(WORK / "run", ignore_errors=True)

    @property
    def scratch(self) -> Path:
        """A folder in memory where there is one with enough room, else on the disk."""
        if self._scratch is None:
            raise RuntimeError("the workplace is not open")
        return self._scratch

    @property
    def scratch_is_memory(self) -> bool:
        """Whether the scratch folder is on tmpfs."""
        return self.scratch.is_relative_to(_TMPFS)

    @property
    def source(self) -> Source:
        """The file to send, made on first use and kept for the next run."""
        if self._source is None:
            path = WORK / f"source-{self.size}"
            for old in set(WORK.glob("source-*")) - {path}:
                old.unlink()
            if not path.exists() or path.stat().st_size != self.size:
                _write_random(path, self.size)
            self._source = Source(path, self.size, digest_of(path))
        return self._source

    @property
    def landing(self) -> memoryview:
        """Memory that a download fits into, touched beforehand so that no turn pays for that."""
        if self._landing is None:
            self._landing = memoryview(bytearray(self.size))
            for at in range(0, self.size, 4 * KIB):
                self._landing[at] = 1
        return self._landing

    def folder(self, name: str) -> Path:
        """Make an empty folder on the disk, which lives as long as the run."""
        path = WORK / "run" / name
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir(parents=True)
        return path

    def lacks_room(self, size: int) -> str:
        """Return why `size` bytes don't fit on the disk, or nothing."""
        free = shutil.disk_usage(WORK).free
        if free >= size + GIB:
            return ""
        return (
            f"bench/.work has {free // MIB} MiB free where up to {size // MIB} MiB are written:"
            " choose a smaller --size or fewer --rounds"
        )


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def free_port() -> int:
    """Return a loopback port nobody listens on."""
    return free_ports(1, companion=0)[0]


def free_ports(count: int, *, companion: int) -> list[int]:
    """Return ports nobody listens on, each with `port + companion` free for the same server."""
    found: list[int] = []
    taken: set[int] = set()
    for port in random.sample(_PORTS, len(_PORTS)):
        pair = {port, port + companion}
        if not pair & taken and all(_is_free(one) for one in pair):
            found.append(port)
            taken |= pair
        if len(found) == count:
            return found
    raise RuntimeError("found no free ports on 127.0.0.1")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _write_random(path: Path, size: int) -> None:
    with path.open("wb") as file:
        for start in range(0, size, MIB):
            file.write(os.urandom(min(MIB, size - start)))
