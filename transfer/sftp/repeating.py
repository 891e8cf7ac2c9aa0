"""What a client sends again, since more of its file is here by now than it was told."""

from dataclasses import dataclass

from transfer.core.errors import ConflictError
from transfer.core.uploads import Upload
from transfer.engine.digest import crc64nvme
from transfer.ports import Buffer


@dataclass(frozen=True, slots=True)
class Told:
    """The size of an unfinished upload as a client was told it.

    `crc64nvme` is that of as many bytes; None if they weren't durable yet, so that no row has it.
    """

    size: int
    crc64nvme: int | None = None


class Repeating:
    """The bytes from where a client was told to go on, up to where the upload stands.

    A client asks for the size, then opens the file, which has the writer before it hand over what
    it still held. What the client sends again of that, in order, is passed over. Parts can't be
    read, but the row's checksum of all bytes says at the end whether these are the same.
    """

    def __init__(self, told: Told | None, upload: Upload) -> None:
        self._end = upload.offset
        self._at = None if told is None or told.size >= self._end else told.size
        self._crc = told.crc64nvme if told else None
        self._expected_crc = upload.digest.crc64nvme
        self._is_begun = False

    def skip(self, offset: int, data: Buffer) -> int:
        """Return how many bytes of a WRITE are passed over.

        Raises:
            ConflictError: they aren't those that are here.
        """
        if self._at is None or offset > self._end:
            return 0  # what comes too early says nothing: it waits
        if offset != self._at:
            self.end()
            return 0
        view = memoryview(data)[: self._end - offset]
        self._is_begun = True
        self._at += len(view)
        if self._crc is not None:
            self._crc = crc64nvme(view, self._crc)
        if self._at == self._end:
            self._compare()
            self.end()
        return len(view)

    def end(self) -> None:
        """Pass over nothing more: the client goes on elsewhere."""
        self._at, self._is_begun = None, False

    def check_whole(self) -> None:
        """Raise if the client has sent again a part of it, as if its file ended there.

        Raises:
            ConflictError: then it isn't the file that is here.
        """
        if self._is_begun:
            raise _other_bytes()

    def _compare(self) -> None:
        if self._crc is not None and self._crc != self._expected_crc:
            raise _other_bytes()


def _other_bytes() -> ConflictError:
    return ConflictError(
        "The file isn't the one whose beginning is here: send all of it again, without resuming."
    )
