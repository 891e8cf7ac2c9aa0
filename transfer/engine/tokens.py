"""Bearer tokens: who someone is, for the HTTP door."""

import secrets
from datetime import timedelta

from transfer.core.access import CUSTOMER_ROLES, Door, Principal, Role
from transfer.core.cases import CaseNumber
from transfer.core.errors import InvalidRequestError, NotSignedInError
from transfer.engine.policy import Tools
from transfer.engine.secrets import secret_hash
from transfer.ports import AuditEvent, Token

LIFETIME = timedelta(days=30)
_PREFIX = "ctt_"
"""Lets secret scanners recognise a token that was pasted where it doesn't belong."""


class Tokens:
    """Tokens of 256 random bits; only their SHA-256 is kept."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._records = tools.records.tokens

    async def issue(
        self,
        role: Role,
        name: str,
        case_number: CaseNumber | None,
        *,
        issued_by: str,
        lifetime: timedelta = LIFETIME,
    ) -> tuple[Token, str]:
        """Return a new token and its secret, which is shown this once.

        Raises:
            CaseMissingError: no such case.
            InvalidRequestError: a customer's role without a case, or no lifetime.
        """
        if role in CUSTOMER_ROLES and case_number is None:
            raise InvalidRequestError(f"A token for the role {role} needs a case.")
        if case_number is not None:
            await self._tools.core.case(case_number)
        if lifetime <= timedelta(0):
            raise InvalidRequestError("A token lives for some time.")
        now = self._tools.clock.now()
        secret = _PREFIX + secrets.token_urlsafe(32)
        token = Token(
            id=self._tools.new_id(),
            name=name,
            role=role,
            case_number=case_number,
            issued_at=now,
            expires_at=now + lifetime,
        )
        await self._records.insert(token, secret_hash(secret))
        await self._note("token.issued", token, issued_by)
        return token, secret

    async def authenticate(self, secret: str, address: str | None) -> Principal:
        """Return who comes with `secret`.

        Raises:
            NotSignedInError: unknown, expired or revoked; it isn't told which.
        """
        token = await self._records.by_secret(secret_hash(secret))
        now = self._tools.clock.now()
        if token is None or token.revoked_at is not None or now >= token.expires_at:
            raise NotSignedInError("The token is unknown, expired or revoked: ask for a new one.")
        return Principal(
            name=token.name,
            role=token.role,
            door=Door.HTTP,
            cases=None if token.case_number is None else frozenset({token.case_number}),
            credential=token.id,
            address=address,
        )

    async def tokens(self) -> list[Token]:
        """Return all tokens, without their secrets."""
        return await self._records.tokens()

    async def revoke(self, token_id: str, *, revoked_by: str) -> None:
        """Revoke a token.

        Raises:
            TokenMissingError: no such token.
        """
        now = self._tools.clock.now()
        await self._records.revoke(token_id, now)
        event = AuditEvent(at=now, action="token.revoked", actor=revoked_by, subject=token_id)
        await self._tools.records.audit.record(event)

    async def _note(self, action: str, token: Token, actor: str) -> None:
        await self._tools.records.audit.record(
            AuditEvent(
                at=self._tools.clock.now(),
                action=action,
                actor=actor,
                case_number=token.case_number,
                subject=token.id,
                details={"role": token.role.value, "name": token.name},
            )
        )
