"""Bearer tokens: who someone is, and how much of their role they may use, for the HTTP door."""

import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta

import structlog

from transfer.core.access import (
    AT_LARGE_ALONE,
    CUSTOMER_ROLES,
    Action,
    Door,
    Principal,
    Role,
    allowed_to,
    authorise_at_large,
    check_here,
    may_at_large,
)
from transfer.core.cases import CaseNumber, confirmed
from transfer.core.errors import (
    ForbiddenError,
    InvalidRequestError,
    NotSignedInError,
    RecordsUnavailableError,
    TokenMissingError,
)
from transfer.engine.policy import Tools
from transfer.engine.secrets import secret_hash
from transfer.ports import AuditEvent, Token

_log = structlog.get_logger(__name__)
_PREFIX = "ctt_"
"""Lets secret scanners recognise a token that was pasted where it doesn't belong."""
_USE_NOTED_EVERY = timedelta(minutes=5)
_REMEMBERED_USES = 10_000
_MOST_CASES = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenPolicy:
    """How long tokens live: unless they are asked to, admins' own, and at the most."""

    lifetime: timedelta = timedelta(days=30)
    admin_lifetime: timedelta = timedelta(hours=12)
    longest: timedelta = timedelta(days=90)


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRequest:
    """A token that is asked for.

    `cases` None means every case, `actions` None all that the role allows.
    """

    role: Role
    name: str
    cases: Collection[CaseNumber] | None = None
    actions: Collection[Action] | None = None
    lifetime: timedelta | None = None


class Tokens:
    """Tokens of 256 random bits; only their SHA-256 is kept.

    Nothing of them is remembered between requests but when their use was noted: what is revoked
    opens nothing from the next request on, on every node.
    """

    def __init__(self, tools: Tools, policy: TokenPolicy | None = None) -> None:
        self._tools = tools
        self._records = tools.records.tokens
        self._policy = policy or TokenPolicy()
        self._uses: dict[str, float] = {}

    @property
    def longest_lifetime(self) -> timedelta:
        """How long a token may live at the most."""
        return self._policy.longest

    async def issue(
        self,
        role: Role,
        name: str,
        case_number: CaseNumber | None,
        *,
        issued_by: str,
        lifetime: timedelta | None = None,
    ) -> tuple[Token, str]:
        """Issue a token by the service itself; see `grant`."""
        request = TokenRequest(
            role=role,
            name=name,
            cases=None if case_number is None else (case_number,),
            lifetime=lifetime,
        )
        return await self._issue(request, Principal(name=issued_by, role=Role.ADMIN, door=Door.CLI))

    async def grant(self, principal: Principal, request: TokenRequest) -> tuple[Token, str]:
        """Return a new token and its secret, which is shown this once.

        Raises:
            ForbiddenError: `principal` may not issue tokens, or not one that may do more.
            CaseMissingError: no such case.
            InvalidRequestError: a customer's role without a case, an action that the role doesn't
                have, no lifetime, or too long a one.
        """
        authorise_at_large(principal, Action.MANAGE_TOKENS)
        if principal.actions is not None:
            wanted = allowed_to(request.role) if request.actions is None else request.actions
            if not set(wanted) <= principal.actions:
                raise ForbiddenError("A limited sign-in issues no token that may do more than it.")
        return await self._issue(request, principal)

    async def authenticate(self, secret: str, address: str | None) -> Principal:
        """Return who comes with `secret`.

        Raises:
            NotSignedInError: unknown, expired or revoked; it isn't told which.
        """
        token = await self._records.by_secret(secret_hash(secret))
        now = self._tools.clock.now()
        if token is None or not token.is_good(now):
            raise NotSignedInError("The token is unknown, expired or revoked: ask for a new one.")
        await self._note_use(token)
        return Principal(
            name=token.name,
            role=token.role,
            door=Door.HTTP,
            cases=token.cases,
            actions=token.actions,
            credential=token.id,
            address=address,
            grants=self._tools.grants.get(token.role, frozenset()),
        )

    async def page(
        self, principal: Principal, *, after: str | None = None, limit: int = 100
    ) -> tuple[list[Token], str | None]:
        """Return tokens, newest first, and the cursor of the next page: all to who manages them.

        Others see the one that they came with.

        Raises:
            InvalidRequestError: `after` is not a cursor from here.
        """
        if may_at_large(principal, Action.MANAGE_TOKENS):
            return await self._records.page(after, limit)
        try:
            return [await self.token(principal, principal.credential or "")], None
        except TokenMissingError:
            return [], None

    async def token(self, principal: Principal, token_id: str) -> Token:
        """Return one token.

        Raises:
            TokenMissingError: none of that id, or not theirs.
        """
        manages = may_at_large(principal, Action.MANAGE_TOKENS)
        if token_id != principal.credential and not manages:
            raise TokenMissingError("No such token.")
        return await self._records.token(token_id)

    async def revoke(self, principal: Principal, token_id: str) -> Token:
        """Revoke a token: it opens nothing from the next request on. Repeatable.

        Raises:
            TokenMissingError: none of that id, or not theirs.
        """
        token = await self.token(principal, token_id)
        event = self._event("token.revoked", token, principal)
        return await self._records.revoke(token_id, event.at, event)

    async def _issue(self, request: TokenRequest, issuer: Principal) -> tuple[Token, str]:
        await self._check_cases(request)
        actions = _checked_actions(request)
        now = self._tools.clock.now()
        secret = _PREFIX + secrets.token_urlsafe(32)
        token = Token(
            id=self._tools.new_id(),
            name=request.name,
            role=request.role,
            cases=None if request.cases is None else frozenset(request.cases),
            actions=actions,
            issued_by=issuer.name,
            issued_at=now,
            expires_at=now + self._lifetime(request),
        )
        event = self._event("token.issued", token, issuer)
        await self._records.insert(token, secret_hash(secret), event)
        return token, secret

    async def _check_cases(self, request: TokenRequest) -> None:
        if request.cases is None:
            if request.role in CUSTOMER_ROLES:
                raise InvalidRequestError(f"A token for the role {request.role} needs a case.")
            return
        if not 1 <= len(request.cases) <= _MOST_CASES:
            raise InvalidRequestError(f"A token is for 1 to {_MOST_CASES} cases, or for all.")
        for number in sorted(set(request.cases)):
            check_here(confirmed(await self._tools.core.case(number)))

    def _lifetime(self, request: TokenRequest) -> timedelta:
        lifetime = request.lifetime
        if lifetime is None:
            lifetime = self._policy.lifetime
            if request.role is Role.ADMIN:
                lifetime = self._policy.admin_lifetime
            return min(lifetime, self._policy.longest)
        if not timedelta(0) < lifetime <= self._policy.longest:
            raise InvalidRequestError(
                f"A token lives for some time, here at most {self._policy.longest}."
            )
        return lifetime

    async def _note_use(self, token: Token) -> None:
        """Keep when a token was used, roughly: no write a request, and none that fails one."""
        clock = self._tools.clock
        now = clock.now()
        since = now - _USE_NOTED_EVERY
        if token.last_used_at is not None and token.last_used_at > since:
            return
        # Of many requests that come at once, each with the row as it was, one writes.
        mark = clock.monotonic() - _USE_NOTED_EVERY.total_seconds()
        if self._uses.get(token.id, mark) > mark:
            return
        if len(self._uses) >= _REMEMBERED_USES:
            self._uses.clear()
        self._uses[token.id] = clock.monotonic()
        try:
            await self._records.used(token.id, now, unless_after=since)
        except RecordsUnavailableError as exc:
            _log.warning("token-use-not-noted", token=token.id, problem=exc.code)

    def _event(self, action: str, token: Token, by: Principal) -> AuditEvent:
        [only] = token.cases if token.cases is not None and len(token.cases) == 1 else [None]
        return AuditEvent(
            at=self._tools.clock.now(),
            action=action,
            actor=by.name,
            case_number=only,
            subject=token.id,
            door=by.door,
            address=by.address,
            details={
                "role": token.role.value,
                "name": token.name,
                "cases": None if token.cases is None else sorted(token.cases),
                "actions": None if token.actions is None else sorted(token.actions),
                "expires_at": token.expires_at.isoformat(),
                "credential": by.credential,
            },
        )


def _checked_actions(request: TokenRequest) -> frozenset[Action] | None:
    """Return the actions that a token is limited to; who may do a thing to a case may see it.

    Raises:
        InvalidRequestError: none, or one that the role doesn't have.
    """
    if request.actions is None:
        return None
    actions = frozenset(request.actions)
    foreign = actions - allowed_to(request.role)
    if foreign or not actions:
        allowed = ", ".join(sorted(allowed_to(request.role)))
        raise InvalidRequestError(
            f"A token for the role {request.role} is limited to some of: {allowed}."
        )
    return actions if actions <= AT_LARGE_ALONE else actions | {Action.SEE}


async def check_still_good(tools: Tools, principal: Principal) -> None:
    """Raise if the token by which `principal` came was revoked, or has expired, since.

    Who came otherwise passes: sessions and accounts end by themselves what goes on under them.

    Raises:
        NotSignedInError: it was; what was received until then is kept.
    """
    if principal.credential is None or principal.door is Door.SFTP:
        return
    now = tools.clock.now()
    for token in await tools.records.tokens.standing([principal.credential]):
        if not token.is_good(now):
            raise NotSignedInError("The token has ended meanwhile: go on with another one.")
