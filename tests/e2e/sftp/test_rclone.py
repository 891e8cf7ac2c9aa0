"""rclone compares each file that it has sent with what is here, by SHA-1 unless told otherwise."""

import asyncio
import re
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.sftp.gateway import HOST, Gateway, data_of
from tests.engine_room import KIB
from tests.programs import program


def _rclone() -> str:
    ours = Path(sys.executable).with_name("rclone")
    return str(ours) if ours.exists() else program("rclone")


@dataclass(frozen=True)
class Done:
    code: int
    output: str


Rclone = Callable[..., Awaitable[Done]]


async def run(folder: Path, *words: str, **env: str) -> Done:
    process = await asyncio.create_subprocess_exec(
        _rclone(),
        *words,
        cwd=folder,
        env={"RCLONE_CONFIG": "/dev/null", "HOME": str(folder), **env},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(90):
            output, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return Done(process.returncode or 0, output.decode())


@pytest.fixture
async def rclone(gateway: Gateway, tmp_path: Path) -> Rclone:
    """rclone with `case:` as its remote, in a folder with a tree to send."""
    hidden = await run(tmp_path, "obscure", gateway.password)
    remote = {
        "RCLONE_CONFIG_CASE_TYPE": "sftp",
        "RCLONE_CONFIG_CASE_HOST": HOST,
        "RCLONE_CONFIG_CASE_PORT": str(gateway.port),
        "RCLONE_CONFIG_CASE_USER": gateway.username,
        "RCLONE_CONFIG_CASE_PASS": hidden.output.strip(),
    }
    for path, size in (("a.log", 10 * KIB), ("below/b (1).log", 300 * KIB), ("empty", 0)):
        file = tmp_path / "tree" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data_of(size, seed=size))

    async def rclone(*words: str) -> Done:
        return await run(tmp_path, *words, **remote)

    return rclone


async def test_what_was_copied_is_compared_without_being_read_again(
    gateway: Gateway, rclone: Rclone
) -> None:
    done = await rclone("copy", "-vv", "tree", "case:tree")
    assert done.code == 0, done.output
    assert done.output.count("sha1 = ") == 3, done.output
    assert gateway.calls("read") == 0
    done = await rclone("check", "tree", "case:tree")
    assert done.code == 0, done.output
    assert "0 differences found" in done.output
    assert "could not be checked" not in done.output
    assert gateway.calls("read") == 0


async def test_a_check_finds_what_differs_though_it_has_the_same_size(
    gateway: Gateway, rclone: Rclone
) -> None:
    assert (await rclone("copy", "tree", "case:tree")).code == 0
    await gateway.room.send("tree/a.log", data_of(10 * KIB, seed=7), replaces=True)
    done = await rclone("check", "tree", "case:tree")
    assert done.code == 1
    assert "1 differences found" in done.output, done.output


async def test_sha256_is_compared_with_the_records(gateway: Gateway, rclone: Rclone) -> None:
    done = await rclone("copy", "-vv", "--sftp-hashes", "sha256", "tree", "case:tree")
    assert done.code == 0, done.output
    assert done.output.count("sha256 = ") == 3, done.output
    # One checker: rclone's others take what it hasn't found out yet for unsupported.
    done = await rclone(
        *("hashsum", "sha256", "--checkers", "1", "--sftp-hashes", "sha256", "case:tree")
    )
    assert done.code == 0, done.output
    lines = re.findall(r"^([0-9a-f]{64})  (.+)$", done.output, re.MULTILINE)
    told = {path: digest for digest, path in lines}
    assert told == {
        path: (await gateway.file(f"tree/{path}")).sha256
        for path in ("a.log", "below/b (1).log", "empty")
    }
    assert gateway.calls("read") == 0
