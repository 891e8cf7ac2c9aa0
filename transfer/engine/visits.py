"""What came of SFTP sessions, in the audit log: what failed in them, and their end.

What succeeds is noted where it is done, whichever door it came by.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import structlog

from transfer.core.access import Principal
from transfer.core.cases import CaseNumber
from transfer.core.errors import TransferError
from transfer.engine.policy import Tools
from transfer.ports import AuditEvent

_log = structlog.get_logger(__name__)

_FAILED, _LEFT = "sftp.request-failed", "sftp.signed-out"


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """A session that is over.

    `received` and `sent` are bytes of files; `requests` counts by kind, without READs and WRITEs;
    `failures` are those that failed, with them; `end` is why it is over, in a word; `client` is
    what it called itself.
    """

    seconds: float
    received: int
    sent: int
    end: str
    client: str
    requests: Mapping[str, int] = field(default_factory=dict)
    failures: int = 0


class Visits:
    """Writes down what came of sessions; that this fails is no reason to fail anything else."""

    def __init__(self, tools: Tools) -> None:
        self._clock = tools.clock
        self._audit = tools.records.audit

    async def failed(
        self, principal: Principal, operation: str, problem: str, paths: tuple[str, ...]
    ) -> None:
        """Note that an `operation` on `paths` failed; `problem` is the code of the error."""
        details = {"operation": operation, "problem": problem, "paths": list(paths)}
        await self._note(_FAILED, principal, details)

    async def ended(self, principal: Principal, visit: Visit) -> None:
        """Note the end of a session."""
        details = {
            "seconds": round(visit.seconds, 1),
            "received": visit.received,
            "sent": visit.sent,
            "end": visit.end,
            "client": visit.client,
            "requests": dict(visit.requests),
            "failures": visit.failures,
        }
        await self._note(_LEFT, principal, details)

    async def _note(self, action: str, principal: Principal, details: Mapping[str, object]) -> None:
        for case_number in principal.cases or ():
            await self._record(action, principal, case_number, details)

    async def _record(
        self,
        action: str,
        principal: Principal,
        case_number: CaseNumber,
        details: Mapping[str, object],
    ) -> None:
        event = AuditEvent(
            at=self._clock.now(),
            action=action,
            actor=principal.name,
            case_number=case_number,
            subject=principal.credential,
            door=principal.door,
            address=principal.address,
            details=details,
        )
        try:
            await self._audit.record(event)
        except TransferError as exc:
            _log.warning("visit-not-noted", account=principal.credential, problem=exc.code)
