"""A case to try the service with, and a customer's and an analyst's token for it."""

from dataclasses import dataclass

from transfer.core.access import Role
from transfer.core.cases import Case, CaseNumber
from transfer.core.errors import CaseMissingError
from transfer.folder import ServiceFolder
from transfer.wiring.parts import Parts

_NOTE = "demo"
_ACTOR = "transfer serve"


@dataclass(frozen=True, slots=True)
class Demo:
    """The demo case, and fresh tokens; only their hashes are kept."""

    case: CaseNumber
    customer_token: str
    analyst_token: str


async def demo_of(parts: Parts) -> Demo:
    """Return the demo: the case of the last start, unless it has been closed since."""
    case = await _case(parts)
    customer = await _token(parts, Role.DESIGNATED, "demo customer", case)
    analyst = await _token(parts, Role.ANALYST, "demo analyst", None)
    return Demo(case.number, customer, analyst)


async def _case(parts: Parts) -> Case:
    folder = ServiceFolder(parts.settings.data)
    known = (folder.announced(_NOTE) or {}).get("case")
    if known is not None:
        try:
            case = await parts.desk.case(CaseNumber(str(known)))
        except CaseMissingError:
            pass  # the records are others by now
        else:
            if not case.is_closed:
                return case
    case = await parts.desk.open("Demo case", "Demo customer", _ACTOR)
    folder.announce(_NOTE, {"case": case.number})
    return case


async def _token(parts: Parts, role: Role, name: str, case: Case | None) -> str:
    _, secret = await parts.tokens.issue(
        role,
        name,
        case.number if case else None,
        issued_by=_ACTOR,
        lifetime=parts.settings.token_lifetime,
    )
    return secret
