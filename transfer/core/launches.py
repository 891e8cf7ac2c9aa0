"""Launch links: what a signed one has to say to let somebody in."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from transfer.core.access import CUSTOMER_ROLES, Role
from transfer.core.cases import CaseNumber, parse_case_number
from transfer.core.errors import InvalidRequestError, LaunchRefusedError

LONGEST = timedelta(minutes=5)
"""From a link's making, and from now, to its expiry: it was asked for to be followed at once."""

CLOCK_SKEW = timedelta(seconds=30)
"""How much the issuer's clock may be ahead of ours."""

_MOST_CHARACTERS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchRules:
    """What is asked of the links of one issuer: who it is, whom they are for, what they may give.

    `longest` is how long a link may be good.
    """

    issuer: str
    audience: str
    roles: frozenset[Role] = CUSTOMER_ROLES
    longest: timedelta = LONGEST


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """What a link says: who follows it, in which role, and for which case; None is all cases.

    `id` is the issuer's own, and used once.
    """

    id: str
    subject: str
    name: str
    role: Role
    case_number: CaseNumber | None
    expires_at: datetime


def read_launch(claims: Mapping[str, Any], rules: LaunchRules, now: datetime) -> Launch:
    """Return what the claims of a link say whose signature is good.

    Raises:
        LaunchRefusedError: they don't let anybody in, or not now.

    Source: RFC 7519, 4.1.
    """
    if claims.get("iss") != rules.issuer:
        raise LaunchRefusedError("wrong-issuer")
    audience = claims.get("aud")
    if rules.audience not in (audience if isinstance(audience, list) else [audience]):
        raise LaunchRefusedError("wrong-audience")
    expires_at = _check_times(claims, rules.longest, now)
    role = _role(claims, rules)
    subject = _text(claims, "sub")
    return Launch(
        id=_text(claims, "jti"),
        subject=subject,
        name=_text(claims, "name") if "name" in claims else subject,
        role=role,
        case_number=_case_number(claims, role),
        expires_at=expires_at,
    )


def _check_times(claims: Mapping[str, Any], longest: timedelta, now: datetime) -> datetime:
    issued_at, expires_at = _moment(claims, "iat"), _moment(claims, "exp")
    begins_at = _moment(claims, "nbf") if "nbf" in claims else issued_at
    if now >= expires_at:
        raise LaunchRefusedError("expired")
    if max(issued_at, begins_at) > now + CLOCK_SKEW:
        raise LaunchRefusedError("from-the-future")
    if expires_at - issued_at > longest or expires_at - now > longest + CLOCK_SKEW:
        raise LaunchRefusedError("too-long-lived")
    return expires_at


def _role(claims: Mapping[str, Any], rules: LaunchRules) -> Role:
    told = claims.get("role")
    if told not in [role.value for role in rules.roles]:
        raise LaunchRefusedError("role")
    return Role(told)


def _case_number(claims: Mapping[str, Any], role: Role) -> CaseNumber | None:
    if "case" not in claims and role not in CUSTOMER_ROLES:
        return None
    try:
        return parse_case_number(_text(claims, "case"))
    except InvalidRequestError as exc:
        raise LaunchRefusedError("case") from exc


def _text(claims: Mapping[str, Any], name: str) -> str:
    """Return a claim that is a line of text."""
    told = claims.get(name)
    if not isinstance(told, str) or not told.isprintable():
        raise LaunchRefusedError(f"claim-{name}")
    if not told.strip() or len(told) > _MOST_CHARACTERS:
        raise LaunchRefusedError(f"claim-{name}")
    return told.strip()


def _moment(claims: Mapping[str, Any], name: str) -> datetime:
    """Return a claim that is a NumericDate."""
    told = claims.get(name)
    if isinstance(told, bool) or not isinstance(told, int | float):
        raise LaunchRefusedError(f"claim-{name}")
    try:
        return datetime.fromtimestamp(told, UTC)
    except (ValueError, OverflowError, OSError) as exc:
        raise LaunchRefusedError(f"claim-{name}") from exc
