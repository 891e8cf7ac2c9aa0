"""How many bytes a case may hold, where the operator sets a limit."""

from transfer.core.access import Principal
from transfer.core.cases import CaseNumber
from transfer.core.errors import TooLargeError
from transfer.engine.policy import Tools
from transfer.engine.revisable import RevisableWriter


class Quota:
    """Keeps what customers send to a case within its limit; Customer Care may go beyond it."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    async def check(
        self, principal: Principal, case_number: CaseNumber, length: int | None
    ) -> None:
        """Raise unless a file of `length` bytes, if that is known, has room in the case.

        Raises:
            TooLargeError: it hasn't.
        """
        left = await self._left(principal, case_number)
        if left is not None and left < (1 if length is None else length):
            raise self._refusal()

    async def bound(self, principal: Principal, writer: RevisableWriter) -> RevisableWriter:
        """Have `writer` take no more than there is room for; return it."""
        left = await self._left(principal, writer.upload.case_number)
        if left is not None:
            writer.bound(writer.position + left, self._refusal())
        return writer

    async def _left(self, principal: Principal, case_number: CaseNumber) -> int | None:
        limit = self._tools.policy.max_case_bytes
        if limit is None or principal.is_staff:
            return None
        _, used = await self._tools.records.tree.usage(case_number)
        return max(0, limit - used)

    def _refusal(self) -> TooLargeError:
        return TooLargeError(
            f"The case holds at most {self._tools.policy.max_case_bytes} bytes, and this would be "
            "more: remove what isn't needed, or ask Customer Care."
        )
