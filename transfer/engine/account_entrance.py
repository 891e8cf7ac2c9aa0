"""Who comes in by an SFTP account: with its password or one of its keys, from where it may."""

import hmac
import secrets

from transfer.core.access import Door, Principal, Role
from transfer.core.accounts import SftpAccount
from transfer.core.errors import NotSignedInError
from transfer.engine.account_presence import AccountPresence
from transfer.engine.attempts import Attempts, Failure
from transfer.engine.policy import Tools
from transfer.engine.secrets import secret_hash
from transfer.ports import AuditEvent, CredentialKind

_NOBODY = secrets.token_bytes(32)
"""In place of a password's hash where there is none: of no password that anybody could send."""

_UNPROVED = frozenset({"unknown-user", "unknown-key"})
_PASSWORD, _KEY = "password", "publickey"


class AccountEntrance:
    """Decides who comes in, and notes it. Every failure looks the same, and takes the same steps.

    A password is good once it is compared. A key is only recognised: whoever has it proves that by
    a signature, which the door checks.
    """

    def __init__(self, tools: Tools, presence: AccountPresence) -> None:
        self._tools = tools
        self._records = tools.records.accounts
        self._presence = presence
        self._attempts = Attempts(tools)

    async def by_password(self, username: str, password: str, address: str | None) -> Principal:
        """Return who `username` is, if the password is right and the account is good now.

        Raises:
            NotSignedInError: no.
        """
        account = await self._records.by_username(username)
        expected = (account.password_hash if account else None) or _NOBODY
        right = hmac.compare_digest(secret_hash(password), expected)
        reason = await self._why_not(account, None if right else "wrong-password", address)
        if account is None or reason is not None:
            raise await self._refused(username, account, f"{reason}", address)
        principal = _principal(account, address)
        await self._note_success(principal, _PASSWORD)
        return principal

    async def by_key(self, username: str, key: bytes, address: str | None) -> Principal:
        """Return who `username` is once they prove that they have a key; `key` as SSH sends it.

        Raises:
            NotSignedInError: nobody.
        """
        account = await self._records.by_username(username)
        known = [hmac.compare_digest(one.blob, key) for one in (account.keys if account else ())]
        reason = await self._why_not(account, None if any(known) else "unknown-key", address)
        if reason in _UNPROVED:  # clients offer all the keys that they have: nobody guesses there
            raise _not_signed_in()
        if account is None or reason is not None:
            raise await self._refused(username, account, f"{reason}", address)
        return _principal(account, address)

    async def key_proved(self, principal: Principal) -> None:
        """Note that somebody has signed in with a key that was recognised."""
        await self._note_success(principal, _KEY)

    async def _why_not(
        self, account: SftpAccount | None, wrong: str | None, address: str | None
    ) -> str | None:
        """Return why nobody comes in; `wrong` is what is wrong with the credential, if anything."""
        if account is None:
            return "unknown-user"
        if wrong is not None:
            return wrong
        if not account.admits(address):
            return "address"
        end = account.ended(self._tools.clock.now()) or await self._presence.end_with_case(
            account.id, account.case_number
        )
        return end.value if end else None

    async def _refused(
        self, username: str, account: SftpAccount | None, reason: str, address: str | None
    ) -> NotSignedInError:
        """Note why somebody doesn't come in, and return what they are told.

        Raises:
            TooManyAttemptsError: there were too many of them, from there or by that name.
        """
        failure = Failure(
            kind=CredentialKind.SFTP,
            address=address,
            reason=reason,
            name=username,
            door=Door.SFTP,
            subject=account.id if account else None,
            case_number=account.case_number if account else None,
            actor=username[:64] if account else "unknown",
        )
        await self._attempts.failed(failure)
        return _not_signed_in()

    async def _note_success(self, principal: Principal, method: str) -> None:
        event = AuditEvent(
            at=self._tools.clock.now(),
            action="sftp.signed-in",
            actor=principal.name,
            case_number=next(iter(principal.cases or ()), None),
            subject=principal.credential,
            door=Door.SFTP,
            address=principal.address,
            details={"method": method},
        )
        await self._tools.records.audit.record(event)
        await self._attempts.forgive(CredentialKind.SFTP, principal.address, principal.name)


def _not_signed_in() -> NotSignedInError:
    return NotSignedInError("User name or password is wrong, or the account has ended.")


def _principal(account: SftpAccount, address: str | None) -> Principal:
    return Principal(
        name=account.username,
        role=Role.DESIGNATED,
        door=Door.SFTP,
        cases=frozenset({account.case_number}),
        credential=account.id,
        credential_issue=account.issue,
        address=address,
    )
