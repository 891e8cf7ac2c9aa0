"""Files on the disk to be sent, and what they should be once they have arrived."""

import hashlib
import random
from pathlib import Path

MIB = 1 << 20
_STEP = 4 * MIB


def big_file(folder: Path, size: int, name: str = "core.dump") -> Path:
    """Make a file of `size` bytes that look like nothing else in it."""
    path = folder / name
    with path.open("wb") as file:
        for start in range(0, size, _STEP):
            file.write(random.randbytes(min(_STEP, size - start)))
    return path


def folder_of_logs(parent: Path, count: int = 200) -> Path:
    """Make a folder of `count` files: in folders, of all sorts of names, one of them empty."""
    logs = parent / "logs"
    for number in range(count):
        name = f"node{number % 10}/trace {number:03d}, Müller & Söhne.log"
        path = logs / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(random.randbytes(number * 97))
    return logs


def size_of(path: Path) -> int:
    """Return the size of a file."""
    return path.stat().st_size


def digests(*paths: Path) -> dict[str, str]:
    """Return the SHA-256 of files, and of all in folders, by the paths that they should get."""
    found = {}
    for path in paths:
        below = sorted(path.rglob("*")) if path.is_dir() else [path]
        for one in below:
            if one.is_file():
                found[one.relative_to(path.parent).as_posix()] = _digest(one)
    return found


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
