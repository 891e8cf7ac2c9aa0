"""A case to try the service with, and how to come in as a customer and as an analyst."""

from dataclasses import dataclass

from transfer.core.access import Role
from transfer.core.cases import Case, CaseNumber
from transfer.core.errors import CaseMissingError
from transfer.folder import ServiceFolder
from transfer.wiring.entrance import launch_url
from transfer.wiring.parts import Parts

_NOTE = "demo"
_ACTOR = "transfer serve"
_CUSTOMER, _ANALYST = "demo customer", "demo analyst"


@dataclass(frozen=True, slots=True)
class Demo:
    """The demo case, and fresh tokens; only their hashes are kept.

    `customer_link` and `analyst_link` sign in at a browser, once. `warning_version` is what its
    customer acknowledges before sending anything.
    """

    case: CaseNumber
    customer_token: str
    analyst_token: str
    warning_version: str
    customer_link: str
    analyst_link: str


async def demo_of(parts: Parts, http_url: str) -> Demo:
    """Return the demo: the case of the last start, unless it has been closed since."""
    case = await _case(parts)
    customer, analyst = (Role.DESIGNATED, _CUSTOMER, case), (Role.ANALYST, _ANALYST, None)
    return Demo(
        case=case.number,
        customer_token=await _token(parts, *customer),
        analyst_token=await _token(parts, *analyst),
        warning_version=parts.tools.notice.version,
        customer_link=await _link(parts, http_url, *customer),
        analyst_link=await _link(parts, http_url, *analyst),
    )


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


async def _link(parts: Parts, http_url: str, role: Role, name: str, case: Case | None) -> str:
    number = case.number if case else None
    return launch_url(http_url, await parts.links.make(role, name, number, made_by=_ACTOR))
