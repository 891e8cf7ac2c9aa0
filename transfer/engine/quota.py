"""How many bytes a case may hold, where the operator sets a limit."""

from dataclasses import dataclass

from transfer.core.access import Door, Principal
from transfer.core.cases import CaseNumber
from transfer.core.errors import TooLargeError
from transfer.core.names import CasePath
from transfer.engine.policy import Tools
from transfer.engine.revisable import RevisableWriter


@dataclass(frozen=True, slots=True)
class FileToCount:
    """A file that is to come; `place` is where it takes the place of another, if it does."""

    case_number: CaseNumber
    length: int | None
    place: CasePath | None


def place_of(path: CasePath, door: Door, *, replaces: bool) -> CasePath | None:
    """Return where a file takes the place of another: by SFTP all do, drafts as well."""
    return path if replaces or door is Door.SFTP else None


class Quota:
    """Keeps what customers send to a case within its limit; Customer Care may go beyond it.

    A file that takes the place of another is counted instead of that, not beside it.
    """

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    async def check(self, principal: Principal, file: FileToCount) -> None:
        """Raise unless a file has room in the case, as far as its length is known.

        Raises:
            TooLargeError: it hasn't.
        """
        left = await self._left(principal, file.case_number, file.place)
        if left is not None and left < (1 if file.length is None else file.length):
            raise self._refusal()

    async def bound(self, principal: Principal, writer: RevisableWriter) -> RevisableWriter:
        """Have `writer` take no more than there is room for; return it."""
        upload = writer.upload
        place = place_of(upload.path, upload.door, replaces=upload.replaces)
        left = await self._left(principal, upload.case_number, place)
        if left is not None:
            # What it has already isn't counted where it is one of those that take the place.
            end = left if upload.replaces else left + upload.offset
            writer.bound(max(writer.position, end), self._refusal())
        return writer

    async def _left(
        self, principal: Principal, case_number: CaseNumber, place: CasePath | None
    ) -> int | None:
        limit = self._tools.policy.max_case_bytes
        if limit is None or principal.is_staff:
            return None
        _, used = await self._tools.records.tree.usage(case_number, place)
        return max(0, limit - used)

    def _refusal(self) -> TooLargeError:
        return TooLargeError(
            f"The case holds at most {self._tools.policy.max_case_bytes} bytes, and this would be "
            "more: remove what isn't needed, or ask Customer Care."
        )
