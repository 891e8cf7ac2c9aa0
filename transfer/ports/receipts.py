"""What was received, as receipts say it; the keys that sign them; the warning, acknowledged."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from transfer.core.access import Principal
from transfer.core.cases import CaseNumber
from transfer.core.notices import Notice
from transfer.core.uploads import FileId, UploadId


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptReceipt:
    """What the receipt of an upload says, and for whose case; None while nothing is received."""

    case_number: CaseNumber
    statement: str | None


class ReceiptRecords(Protocol):
    """What receipts say, written with the finish that they tell of, and gone with their case."""

    async def of_upload(self, upload_id: UploadId) -> KeptReceipt:
        """Return what is kept of an upload.

        Raises:
            UploadMissingError: no such upload.
        """

    async def of_file(self, file_id: FileId) -> KeptReceipt:
        """Return what is kept of the upload that became a file, be it removed since.

        Raises:
            EntryMissingError: no upload ever became that file.
        """

    async def of_case(
        self, case_number: CaseNumber, *, after: str | None = None, limit: int = 100
    ) -> tuple[list[str], str | None]:
        """Return a page of what the receipts of a case say, the latest upload first.

        Also those of files that were removed since. The cursor of the next page comes with it.

        Raises:
            InvalidRequestError: `after` is not a cursor from here.
        """

    async def add_key(self, key_id: str, public_key: Mapping[str, Any], now: datetime) -> None:
        """Keep a public key for good, so that what it signed can be verified. Repeatable."""

    async def keys(self) -> list[Mapping[str, Any]]:
        """Return all public keys, the newest first."""


class AcknowledgementRecords(Protocol):
    """Who has acknowledged which text, in which case; gone with the case."""

    async def acknowledged_at(
        self, case_number: CaseNumber, person: str, version: str
    ) -> datetime | None:
        """Return when they have, None if not."""

    async def acknowledge(
        self, case_number: CaseNumber, principal: Principal, notice: Notice, now: datetime
    ) -> datetime:
        """Note that they have, and keep the text. Repeatable: the first time stays.

        Raises:
            CaseMissingError, CaseClosedError: no such case, or it takes nothing new.
        """
