"""SHA-256 and CRCs of a file while it streams, with a state that can be saved and resumed.

`hashlib` can't save its state, so OpenSSL's low-level functions are called in the libcrypto that
the interpreter itself has loaded. They are deprecated there: a self-test decides once whether to
use them. Where they fail, `hashlib` hashes on, its state is never saved, and a file that was
resumed is read back once at its end.

Source: facts/s3.md, "SHA-256 whose state can be saved".
"""

import _hashlib
import ctypes
import hashlib
import struct
from collections.abc import Iterable
from functools import cache
from typing import Protocol

from awscrt import checksums
from isal import isal_zlib

from transfer.core.uploads import DigestState
from transfer.ports import Buffer

_BLOCK_BYTES = 64
_HEADER = struct.Struct(">8IQ")


class _Context(ctypes.Structure):
    """SHA256_CTX of OpenSSL: <openssl/sha.h>."""

    _fields_ = (
        ("h", ctypes.c_uint32 * 8),
        ("bits_low", ctypes.c_uint32),
        ("bits_high", ctypes.c_uint32),
        ("block", ctypes.c_ubyte * _BLOCK_BYTES),
        ("pending", ctypes.c_uint),
        ("digest_length", ctypes.c_uint),
    )


@cache
def _library() -> ctypes.CDLL:
    library = ctypes.CDLL(_hashlib.__file__)
    pointer = ctypes.c_void_p
    library.SHA256_Init.argtypes = [pointer]
    library.SHA256_Update.argtypes = [pointer, pointer, ctypes.c_size_t]
    library.SHA256_Final.argtypes = [pointer, pointer]
    return library


class _Sha256(Protocol):
    def update(self, data: Buffer) -> None: ...

    def hexdigest(self) -> str: ...

    def save(self) -> bytes | None: ...


class SavableSha256:
    """SHA-256 that can be stopped and taken up again, by another process too.

    The saved state is the eight words, the count of bytes and the unfinished block, big-endian: it
    depends on neither the library nor the machine.
    """

    def __init__(self) -> None:
        self._context = _Context()
        _library().SHA256_Init(ctypes.byref(self._context))

    def update(self, data: Buffer) -> None:
        """Hash `data`, without the interpreter's lock."""
        view = memoryview(data).cast("B")
        if view.readonly:
            plain = data if isinstance(data, bytes) else bytes(view)
            _library().SHA256_Update(ctypes.byref(self._context), plain, len(plain))
        elif len(view):
            array = (ctypes.c_char * len(view)).from_buffer(view)
            _library().SHA256_Update(ctypes.byref(self._context), array, len(view))

    def hexdigest(self) -> str:
        """Return the digest so far, in lower-case hex."""
        copy = _Context.from_buffer_copy(self._context)
        out = ctypes.create_string_buffer(32)
        _library().SHA256_Final(out, ctypes.byref(copy))
        return out.raw.hex()

    def save(self) -> bytes:
        """Return the state: 40 bytes and the unfinished block."""
        context = self._context
        count = ((context.bits_high << 32) | context.bits_low) // 8
        return _HEADER.pack(*context.h, count) + bytes(context.block)[: context.pending]

    @classmethod
    def load(cls, state: bytes) -> "SavableSha256":
        """Return a hash that goes on from `state`.

        Raises:
            ValueError: not a saved state.
        """
        if len(state) < _HEADER.size:
            raise ValueError("a saved SHA-256 state has at least 40 bytes")
        *words, count = _HEADER.unpack_from(state)
        block = state[_HEADER.size :]
        if len(block) != count % _BLOCK_BYTES:
            raise ValueError("a saved SHA-256 state whose block doesn't fit its count")
        loaded = cls()
        context = loaded._context
        context.h[:] = words
        context.bits_low = count * 8 & 0xFFFFFFFF
        context.bits_high = count * 8 >> 32
        context.block[: len(block)] = block
        context.pending = len(block)
        return loaded


class PlainSha256:
    """hashlib's SHA-256, for a platform where no state can be saved."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()

    def update(self, data: Buffer) -> None:
        """Hash `data`."""
        self._hash.update(data)

    def hexdigest(self) -> str:
        """Return the digest so far, in lower-case hex."""
        return self._hash.hexdigest()

    def save(self) -> None:
        """Return nothing: this state stays in the process."""
        return


@cache
def can_save_state() -> bool:
    """Whether saved states are right on this platform: a self-test, run once."""
    try:
        for cut in (0, 1, 55, 64, 65, 1000):
            data = bytearray(range(256)) * 5
            first = SavableSha256()
            first.update(memoryview(data)[:cut])
            second = SavableSha256.load(first.save())
            second.update(bytes(data[cut:]))
            if second.hexdigest() != hashlib.sha256(data).hexdigest():
                return False
    except (AttributeError, OSError, ValueError):
        return False
    return True


class StreamDigest:
    """All digests of the bytes from 0 to an offset.

    `known` is False when the SHA-256 can't be told any more: the state of an earlier process could
    not be saved, so the file has to be read back. A CRC-32 that nobody knows stays unknown.
    """

    def __init__(self, state: DigestState | None = None, *, offset: int = 0) -> None:
        """Go on from `state`, which holds for the first `offset` bytes."""
        self._crc64nvme = state.crc64nvme if state else 0
        self._crc32 = state.crc32 if state and offset else 0
        self._sha256: _Sha256 | None
        saved = state.sha256 if state else None
        if saved is not None and can_save_state():
            self._sha256 = SavableSha256.load(saved)
        elif offset == 0:
            self._sha256 = SavableSha256() if can_save_state() else PlainSha256()
        else:
            self._sha256 = None
        self._beside: dict[str, hashlib._Hash] = {}

    def hash_beside(self, algorithms: Iterable[str]) -> None:
        """Find these digests too; nothing was hashed yet."""
        self._beside = {
            algorithm: hashlib.new(algorithm, usedforsecurity=False) for algorithm in algorithms
        }

    @property
    def beside(self) -> dict[str, bytes]:
        """The digests that were asked for besides."""
        return {algorithm: one.digest() for algorithm, one in self._beside.items()}

    @property
    def known(self) -> bool:
        """Whether the SHA-256 can be told."""
        return self._sha256 is not None

    def update(self, data: Buffer, crc: int | None = None) -> None:
        """Add the next bytes; `crc` is their own CRC64NVME, if it is known already."""
        if crc is None:
            self._crc64nvme = crc64nvme(data, self._crc64nvme)
        else:
            size = memoryview(data).nbytes
            self._crc64nvme = int(checksums.combine_crc64nvme(self._crc64nvme, crc, size))
        if self._crc32 is not None:
            self._crc32 = crc32(data, self._crc32)
        if self._sha256 is not None:
            self._sha256.update(data)
        for one in self._beside.values():
            one.update(data)

    def state(self) -> DigestState:
        """Return what a row keeps."""
        saved = self._sha256.save() if self._sha256 is not None else None
        return DigestState(sha256=saved, crc64nvme=self._crc64nvme, crc32=self._crc32)

    def sha256(self) -> str | None:
        """Return the SHA-256 so far in lower-case hex, None if it isn't known."""
        return self._sha256.hexdigest() if self._sha256 is not None else None


def crc64nvme(data: Buffer, previous: int = 0) -> int:
    """Return the CRC64NVME of `data`, going on from that of the bytes before it."""
    return int(checksums.crc64nvme(data, previous))


def crc32(data: Buffer, previous: int = 0) -> int:
    """Return the CRC-32, as zip has it, of `data`, going on from that of the bytes before it."""
    return isal_zlib.crc32(data, previous)
