"""Digests of received files that clients ask for, whole or block by block.

SHA-256 and CRC-32 of a whole file are in its row. Others are known where they were found while the
file was sent; else they are found by reading the file from the store, once.
"""

import asyncio
import hashlib
from dataclasses import dataclass
from typing import Protocol

from transfer.core.errors import InvalidRequestError, UnsupportedAlgorithmError
from transfer.core.uploads import StoredFile
from transfer.engine.digest import crc32
from transfer.engine.policy import Tools
from transfer.ports import Buffer

ALGORITHMS = ("md5", "sha1", "sha224", "sha256", "sha384", "sha512", "crc32")
MAX_BLOCKS = 2048
MIN_BLOCK_BYTES = 256
_AT_ONCE = 4
"""How many files are read for that side by side: enough, and little beside what is sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HashedRange:
    """What of a file is hashed: `size` bytes from `start`, each `block` of them by itself.

    None for `size` is up to the end of the file, and for `block` all of it at once.
    """

    start: int = 0
    size: int | None = None
    block: int | None = None

    def within(self, file: StoredFile) -> tuple[int, int, int]:
        """Return start, size and block as they are of `file`.

        Raises:
            InvalidRequestError: blocks too small, or too many of them.
        """
        if self.block is not None and self.block < MIN_BLOCK_BYTES:
            raise InvalidRequestError(f"A block to hash has at least {MIN_BLOCK_BYTES} bytes.")
        start = min(self.start, file.size)
        rest = file.size - start
        size = rest if self.size is None else min(self.size, rest)
        block = self.block or max(size, 1)
        if size > block * MAX_BLOCKS:
            raise InvalidRequestError(f"At most {MAX_BLOCKS} blocks are hashed: ask for larger.")
        return start, size, block


WHOLE = HashedRange()


class FileHashes:
    """Finds digests. Whoever asks is authorised before."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._known = tools.known_digests
        self._turns = asyncio.Semaphore(_AT_ONCE)

    async def whole(self, file: StoredFile, algorithm: str) -> bytes:
        """Return the digest of a whole file.

        Raises:
            UnsupportedAlgorithmError: none of ALGORITHMS.
            StoreUnavailableError: it couldn't be read now.
        """
        [digest] = await self.digests(file, algorithm, WHOLE)
        return digest

    async def digests(self, file: StoredFile, algorithm: str, asked: HashedRange) -> list[bytes]:
        """Return the digest of each block of what is asked for, one if it is empty.

        Raises:
            InvalidRequestError: blocks too small, or too many of them.
            UnsupportedAlgorithmError: none of ALGORITHMS.
            StoreUnavailableError: it couldn't be read now.
        """
        if algorithm not in ALGORITHMS:
            raise UnsupportedAlgorithmError(f"A hash is one of: {', '.join(ALGORITHMS)}.")
        start, size, block = asked.within(file)
        if size != file.size or block < size:
            return await self._read(file, start, size, _Blocks(algorithm, block))
        digest = _stored(file, algorithm) or self._known.get(file.id, algorithm)
        if digest is None:
            [digest] = await self._read(file, 0, size, _Blocks(algorithm, block))
            self._known.keep(file.id, algorithm, digest)
        return [digest]

    async def _read(
        self, file: StoredFile, start: int, size: int, blocks: "_Blocks"
    ) -> list[bytes]:
        if not size:
            return blocks.finish()
        async with (
            self._turns,
            self._tools.store.read(file.object_key, start, size) as chunks,
        ):
            async for chunk in chunks:
                await asyncio.to_thread(blocks.update, chunk)
        return blocks.finish()


def _stored(file: StoredFile, algorithm: str) -> bytes | None:
    if algorithm == "sha256":
        return bytes.fromhex(file.sha256)
    if algorithm == "crc32" and file.digest.crc32 is not None:
        return file.digest.crc32.to_bytes(4, "big")
    return None


class _Hash(Protocol):
    def update(self, data: Buffer, /) -> None: ...

    def digest(self) -> bytes: ...


class _Crc32:
    """A CRC-32 with the manners of hashlib."""

    def __init__(self) -> None:
        self._value = 0

    def update(self, data: Buffer, /) -> None:
        self._value = crc32(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(4, "big")


class _Blocks:
    """Hashes a stream block by block."""

    def __init__(self, algorithm: str, block: int) -> None:
        self._algorithm = algorithm
        self._block = block
        self._room = block
        self._hash = self._begin()
        self._digests: list[bytes] = []

    def update(self, data: Buffer) -> None:
        view = memoryview(data)
        while view:
            if not self._room:
                self._end_block()
            part = view[: self._room]
            self._hash.update(part)
            self._room -= len(part)
            view = view[len(part) :]

    def finish(self) -> list[bytes]:
        self._end_block()
        return self._digests

    def _end_block(self) -> None:
        self._digests.append(self._hash.digest())
        self._hash, self._room = self._begin(), self._block

    def _begin(self) -> _Hash:
        if self._algorithm == "crc32":
            return _Crc32()
        # They tell whether bytes arrived; nothing rests on nobody being able to forge them.
        return hashlib.new(self._algorithm, usedforsecurity=False)
