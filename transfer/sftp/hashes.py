"""The digests of a case's files, as SFTP clients ask for them.

    request             of        reply                        sent by
    check-file-name     a path    algorithm, digests           WinSCP
    check-file-handle   a handle  algorithm, digests
    check-file          a handle  "check-file", algorithm, …   paramiko
    md5-hash, …-handle  either    "md5-hash", digest

Source: draft-ietf-secsh-filexfer-13, section 9.1, and what these clients read of a reply.
"""

from dataclasses import dataclass

from asyncssh.packet import SSHPacket, String

from transfer.core.access import Principal
from transfer.core.cases import CaseNumber
from transfer.core.errors import (
    ConflictError,
    IsAFolderError,
    UnsupportedAlgorithmError,
    UnsupportedError,
)
from transfer.core.uploads import Folder, StoredFile, Upload
from transfer.engine.files import Files
from transfer.engine.hashes import ALGORITHMS, WHOLE, HashedRange
from transfer.sftp.paths import case_path

_QUICK_CHECK_BYTES = 2048


@dataclass(frozen=True, slots=True)
class HashReply:
    """Digests as they are sent; asyncssh asks it for its bytes."""

    encoded: bytes

    def encode(self, _version: int) -> bytes:
        """Return what follows the request's number."""
        return self.encoded


class CaseHashes:
    """Finds digests of the files of one case, for one session."""

    def __init__(self, files: Files, principal: Principal, case_number: CaseNumber) -> None:
        self._files = files
        self._principal = principal
        self._case_number = case_number

    async def received(self, path: bytes) -> StoredFile:
        """Return the file that is at `path`.

        Raises:
            EntryMissingError, IsAFolderError: there is no file.
            ConflictError: it isn't received yet.
        """
        entry = await self._files.entry(self._principal, self._case_number, case_path(path))
        if isinstance(entry, Folder):
            raise IsAFolderError("That is a folder.")
        if isinstance(entry, Upload):
            raise ConflictError("The file is still on its way: ask once it is received.")
        return entry

    async def digest(self, file: StoredFile, algorithm: str) -> str:
        """Return the digest of a whole file in hex."""
        [digest] = await self._files.digests(self._principal, file, algorithm, WHOLE)
        return digest.hex()

    def expect(self, algorithm: str) -> None:
        """Take note that the client will ask for such digests of what it sends."""
        self._files.expect_digests(self._principal, algorithm)

    async def check_file(self, file: StoredFile, packet: SSHPacket, *prefix: str) -> HashReply:
        """Answer a check-file request, of which `packet` has what follows the file.

        Raises:
            UnsupportedAlgorithmError: none of those that the client knows.
            InvalidRequestError: blocks too small, or too many of them.
        """
        algorithm = _choose(packet.get_string())
        asked = _range(packet)
        block = packet.get_uint32()
        packet.check_end()
        asked = HashedRange(start=asked.start, size=asked.size, block=block or None)
        digests = await self._files.digests(self._principal, file, algorithm, asked)
        names = b"".join(String(name) for name in (*prefix, algorithm))
        return HashReply(names + b"".join(digests))

    async def md5_hash(self, file: StoredFile, packet: SSHPacket) -> HashReply:
        """Answer an md5-hash request; with an empty digest if the client has other first bytes."""
        asked = _range(packet)
        quick_check = packet.get_string()
        packet.check_end()
        if quick_check:
            first = min(_QUICK_CHECK_BYTES, asked.size or _QUICK_CHECK_BYTES)
            head = HashedRange(start=asked.start, size=first)
            if await self._md5(file, head) != quick_check:
                return HashReply(String("md5-hash") + String(b""))
        return HashReply(String("md5-hash") + String(await self._md5(file, asked)))

    async def _md5(self, file: StoredFile, asked: HashedRange) -> bytes:
        [digest] = await self._files.digests(self._principal, file, "md5", asked)
        return digest


def received_by(handle: object) -> StoredFile:
    """Return the received file that an open one is.

    Raises:
        UnsupportedError: it is being written.
    """
    file = getattr(handle, "received", None)
    if not isinstance(file, StoredFile):
        raise UnsupportedError("A file that is being written is hashed once it is closed.")
    return file


def _range(packet: SSHPacket) -> HashedRange:
    start, size = packet.get_uint64(), packet.get_uint64()
    return HashedRange(start=start, size=size or None)


def _choose(algorithms: bytes) -> str:
    """Return the first of a client's algorithms that there is here."""
    asked = algorithms.decode("ascii", "replace").lower().split(",")
    for algorithm in asked:
        if algorithm in ALGORITHMS:
            return algorithm
    raise UnsupportedAlgorithmError(f"A hash is one of: {', '.join(ALGORITHMS)}.")
