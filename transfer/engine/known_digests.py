"""Digests that are in no row: kept in memory, and found beside the SHA-256 for who will ask.

rclone asks for the SHA-1 of each file that it has sent. It is cheaper to find it while the file
streams than to read the file again. Who has asked once, or whether it can be asked for, will again.
Another process, or this one after a restart, reads the file.
"""

from collections import OrderedDict

from transfer.core.uploads import FileId

BESIDE = frozenset({"md5", "sha1"})
"""What is found beside SHA-256 if it is going to be asked for."""

_KEPT_DIGESTS = 20_000
_KEPT_NAMES = 1000


class KnownDigests:
    """What this process knows, the latest of it."""

    def __init__(self) -> None:
        self._digests: OrderedDict[tuple[FileId, str], bytes] = OrderedDict()
        self._wanted: OrderedDict[str, frozenset[str]] = OrderedDict()

    def get(self, file_id: FileId, algorithm: str) -> bytes | None:
        """Return the digest of a file; None if it isn't known."""
        return self._digests.get((file_id, algorithm))

    def keep(self, file_id: FileId, algorithm: str, digest: bytes) -> None:
        """Keep a digest; contents of a file never change."""
        self._digests[file_id, algorithm] = digest
        if len(self._digests) > _KEPT_DIGESTS:
            self._digests.popitem(last=False)

    def want(self, name: str, algorithm: str) -> None:
        """Take note that the principal `name` asks for digests of files."""
        if algorithm in BESIDE:
            self._wanted[name] = self.wanted(name) | {algorithm}
            self._wanted.move_to_end(name)
            if len(self._wanted) > _KEPT_NAMES:
                self._wanted.popitem(last=False)

    def wanted(self, name: str) -> frozenset[str]:
        """Return what the principal `name` will ask for."""
        return self._wanted.get(name, frozenset())
