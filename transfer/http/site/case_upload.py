"""Where files are sent: by the customer into their case, by Customer Care to the customer."""

from dataclasses import dataclass
from enum import StrEnum

from aiohttp import web

from transfer.core.access import Action, Principal, allowed_to, may
from transfer.core.cases import Case
from transfer.core.names import SHARED_FOLDER
from transfer.core.parts import MAX_FILE_BYTES
from transfer.http.policy import HttpPolicy
from transfer.http.requests import PRINCIPAL
from transfer.http.site.sections import Section


class Sending(StrEnum):
    """Whether a reader may send files to a case, and why not."""

    OPEN = "open"
    CLOSED = "closed"
    READ_ONLY = "read-only"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Upload:
    """What the section tells its script.

    `folder` is where files of this reader's go, whatever they say; empty is anywhere. `max_bytes`
    is there only where the operator has set a limit.
    """

    sending: Sending
    is_sharing: bool
    folder: str
    max_bytes: int | None


class CaseUpload:
    """The section of the page that takes files."""

    def __init__(self, policy: HttpPolicy) -> None:
        self._policy = policy

    async def section(self, request: web.Request, case: Case) -> Section:
        """Return the section: the drop zone, or why there is none."""
        principal = request[PRINCIPAL]
        sending = _sending(principal, case)
        limit = self._policy.max_file_bytes
        shown = _Upload(
            sending=sending,
            is_sharing=principal.is_staff,
            folder=SHARED_FOLDER if principal.is_staff else "",
            max_bytes=limit if limit < MAX_FILE_BYTES else None,
        )
        is_open = sending is Sending.OPEN
        return Section("case/upload.html", shown, scripts=("upload",) if is_open else ())


def _sending(principal: Principal, case: Case) -> Sending:
    if may(principal, Action.UPLOAD, case):
        return Sending.OPEN
    is_limited = principal.actions is not None and Action.UPLOAD not in principal.actions
    if Action.UPLOAD not in allowed_to(principal.role) or is_limited:
        return Sending.READ_ONLY
    return Sending.CLOSED
