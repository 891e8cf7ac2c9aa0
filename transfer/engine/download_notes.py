"""What is noted of a download, and who is told that Customer Care has fetched something."""

import hashlib
from collections.abc import Mapping
from typing import Any

from transfer.core.access import Principal
from transfer.core.cases import CaseNumber
from transfer.engine.policy import Tools
from transfer.ports import AuditEvent, CaseEvent

_ACTOR_DIGITS = 16


async def note_download(  # noqa: PLR0913 - all but the tools and the person by name
    tools: Tools,
    principal: Principal,
    *,
    action: str,
    case_number: CaseNumber,
    subject: str,
    details: Mapping[str, Any],
    told: Mapping[str, Any],
) -> None:
    """Add a download to the audit log; an analyst's is told as well, with what `told` has.

    It is told once of what each of them fetches on a day, however many requests that takes.
    """
    now = tools.clock.now()
    audited = AuditEvent(
        at=now,
        action=action,
        actor=principal.name,
        case_number=case_number,
        subject=subject,
        door=principal.door,
        address=principal.address,
        details=details,
    )
    if not principal.is_staff:
        await tools.records.audit.record(audited)
        return
    actor = hashlib.sha256(principal.name.encode()).hexdigest()[:_ACTOR_DIGITS]
    event = CaseEvent(
        id=f"{action.replace('.', '-')}-{case_number}-{subject}-{actor}-{now:%Y%m%d}",
        type=action,
        case_number=case_number,
        at=now,
        data={"actor": principal.name, "door": principal.door.value, **told},
    )
    await tools.records.outbox.record(audited, event)
