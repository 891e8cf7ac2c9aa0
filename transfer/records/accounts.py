"""SFTP accounts in rows."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, case, exists, func, insert, literal, or_, select, tuple_, update
from sqlalchemy.exc import IntegrityError

from transfer.core.access import Principal
from transfer.core.accounts import (
    AccountEnd,
    AccountId,
    AccountStanding,
    AccountUse,
    SftpAccount,
)
from transfer.core.cases import CaseNumber
from transfer.core.errors import AccountMissingError, NameTakenError, TooManyAccountsError
from transfer.ports import CaseEvent
from transfer.records import audit, cases, outbox
from transfer.records.account_rows import account_of, issue_of, values_of
from transfer.records.columns import UtcDateTime, is_storable
from transfer.records.cursors import cursor, parse_cursor
from transfer.records.database import Database
from transfer.records.rows import AnyRow
from transfer.records.tables import cases as case_table
from transfer.records.tables import sftp_accounts

_TAKEN = "The user name is in use."
_MISSING = "No such SFTP account."


class SqlAccountRecords:
    """The rows of SFTP accounts; plays the role `transfer.ports.AccountRecords`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def insert(
        self, account: SftpAccount, principal: Principal, *, most: int | None = None
    ) -> None:
        """Insert an account.

        Raises:
            NameTakenError: the user name is in use.
            CaseMissingError, CaseClosedError: its case takes nothing new.
            TooManyAccountsError: its case has `most` that are good when this one is issued.
        """
        try:
            await self._database.write(_insert, account, principal, most)
        except IntegrityError as exc:
            raise NameTakenError(_TAKEN) from exc

    async def reissue(self, account: SftpAccount, principal: Principal) -> SftpAccount:
        """Write the secrets and times of `account`, as its next issue; return it as it is then.

        Raises:
            AccountMissingError: no such account, or it had ended when this issue begins.
            CaseMissingError, CaseClosedError: its case takes nothing new.
        """
        return await self._database.write(_reissue, account, principal)

    async def use(self, account_id: AccountId, use: AccountUse) -> None:
        """Add to what is known of an account's use; the last time and address are replaced."""
        await self._database.jot(_use, account_id, use)

    async def account(self, account_id: AccountId) -> SftpAccount:
        """Return an account, ended or not.

        Raises:
            AccountMissingError: no such account.
        """
        return await self._database.read(_one, account_id)

    async def by_username(self, username: str) -> SftpAccount | None:
        """Return the account of a user name."""
        if not is_storable(username):  # whatever strangers send at a login
            return None
        return await self._database.read(_by_username, username)

    async def of_case(self, number: CaseNumber, *, active_at: datetime | None) -> list[SftpAccount]:
        """Return a case's accounts, newest first; only those that are good then, if given."""
        return await self._database.read(_of_case, number, active_at)

    async def page(
        self, number: CaseNumber, *, active_at: datetime, after: str | None, limit: int
    ) -> tuple[list[SftpAccount], str | None]:
        """Return a page of a case's accounts that are good then, newest first, and the next cursor.

        Raises:
            InvalidRequestError: `after` is not a cursor from here.
        """
        return await self._database.read(_page, number, active_at, after, limit)

    async def end(
        self, account_id: AccountId, end: AccountEnd, principal: Principal | None, now: datetime
    ) -> SftpAccount:
        """End an account and destroy its sealed password. Repeatable: the first end stays.

        Raises:
            AccountMissingError: no such account.
        """
        return await self._database.write(_end, account_id, end, principal, now)

    async def end_expired(self, now: datetime) -> list[AccountId]:
        """End all accounts that have expired by `now`; return them."""
        return await self._database.write(_end_expired, now)

    async def standing(self, ids: Sequence[AccountId]) -> dict[AccountId, AccountStanding]:
        """Tell how each account stands; absent means revoked. An expiry may not be noted yet."""
        return await self._database.read(_standing, ids)


def _insert(
    connection: Connection, account: SftpAccount, principal: Principal, most: int | None
) -> None:
    cases.lock_open(connection, account.case_number)
    if most is not None and _count_good(connection, account) >= most:
        raise TooManyAccountsError(most)
    taken = select(sftp_accounts.c.id).where(
        or_(sftp_accounts.c.username == account.username, sftp_accounts.c.id == account.id)
    )
    if connection.execute(taken).first() is not None:
        raise NameTakenError(_TAKEN)
    connection.execute(insert(sftp_accounts).values(values_of(account)))
    _tell_issued(connection, account, principal)


def _count_good(connection: Connection, account: SftpAccount) -> int:
    """Return how many accounts of its case are good when `account` is issued."""
    good = select(func.count()).where(
        sftp_accounts.c.case_number == account.case_number,
        sftp_accounts.c.end.is_(None),
        sftp_accounts.c.expires_at > account.issued_at,
    )
    return connection.scalar(good) or 0


def _reissue(connection: Connection, account: SftpAccount, principal: Principal) -> SftpAccount:
    cases.lock_open(connection, account.case_number)
    of_it = sftp_accounts.c.id == account.id
    row = connection.execute(select(sftp_accounts).where(of_it).with_for_update()).one_or_none()
    if row is None or account_of(row).ended(account.issued_at) is not None:
        raise AccountMissingError("No such SFTP account, or it has ended: issue another one.")
    changed = issue_of(account) | {"issue": row.issue + 1}
    issued = account_of(
        connection.execute(
            update(sftp_accounts).where(of_it).values(changed).returning(sftp_accounts)
        ).one()
    )
    _tell_issued(connection, issued, principal)
    return issued


def _use(connection: Connection, account_id: AccountId, use: AccountUse) -> None:
    columns = sftp_accounts.c
    is_going = exists().where(
        case_table.c.number == columns.case_number, case_table.c.purge_started_at.is_not(None)
    )
    connection.execute(
        update(sftp_accounts)
        .where(columns.id == account_id)
        .values(
            sessions=columns.sessions + use.sessions,
            bytes_received=columns.bytes_received + use.bytes_received,
            bytes_sent=columns.bytes_sent + use.bytes_sent,
            last_seen_at=use.last_seen_at,
            # Where its people are from has gone with the data of the case, and doesn't come back.
            last_address=case((is_going, None), else_=use.last_address),
        )
    )


def _tell_issued(connection: Connection, account: SftpAccount, principal: Principal) -> None:
    is_first = account.issue == 1
    details = {"username": account.username, "expires_at": account.expires_at.isoformat()}
    conditions = {
        "label": account.label,
        "password": account.password_hash is not None,
        "keys": [key.fingerprint for key in account.keys],
        "networks": [str(network) for network in account.networks],
        "attested_version": account.attested_version,
    }
    audit.add(
        connection,
        audit.done_by(
            principal,
            "account.issued" if is_first else "account.reissued",
            account.issued_at,
            account.case_number,
            account.id,
            details | conditions,
        ),
    )
    again = "" if is_first else f"-{account.issue}"
    outbox.add(
        connection,
        CaseEvent(
            id=f"account-issued-{account.id}{again}",
            type="account.issued",
            case_number=account.case_number,
            at=account.issued_at,
            data={"account_id": account.id, "actor": account.issued_by, **details},
        ),
    )


def _end(
    connection: Connection,
    account_id: AccountId,
    end: AccountEnd,
    principal: Principal | None,
    now: datetime,
) -> SftpAccount:
    query = select(sftp_accounts).where(sftp_accounts.c.id == account_id)
    present = connection.execute(query).one_or_none()
    if present is None:
        raise AccountMissingError(_MISSING)
    outbox.lock_case(connection, present.case_number)
    row = connection.execute(query.with_for_update()).one()
    if row.end is None:
        # Who comes after its expiry finds it ended: that is what is noted.
        over = account_of(row).ended(now) or end
        row = _note_end(connection, row, over, principal, now)
    return account_of(row)


def end_with_case(connection: Connection, number: CaseNumber, now: datetime) -> None:
    """End all accounts of a case that is closed, within a transaction."""
    of_case = select(sftp_accounts).where(
        sftp_accounts.c.case_number == number, sftp_accounts.c.end.is_(None)
    )
    for row in connection.execute(of_case.with_for_update()).all():
        over = account_of(row).ended(now) or AccountEnd.CASE_CLOSED
        _note_end(connection, row, over, None, now)


def _end_expired(connection: Connection, now: datetime) -> list[AccountId]:
    is_over = (sftp_accounts.c.end.is_(None), sftp_accounts.c.expires_at <= now)
    numbers = connection.scalars(select(sftp_accounts.c.case_number).where(*is_over).distinct())
    for number in sorted(numbers):  # in one order, whoever else does the same
        outbox.lock_case(connection, number)
    expired = connection.execute(
        select(sftp_accounts)
        .where(*is_over)
        .order_by(sftp_accounts.c.expires_at)
        .with_for_update(skip_locked=True)
    ).all()
    for row in expired:
        _note_end(connection, row, AccountEnd.EXPIRED, None, now)
    return [row.id for row in expired]


def _note_end(
    connection: Connection,
    row: AnyRow,
    end: AccountEnd,
    principal: Principal | None,
    now: datetime,
) -> AnyRow:
    ended_at = row.expires_at if end is AccountEnd.EXPIRED else now
    ended = connection.execute(
        update(sftp_accounts)
        .where(sftp_accounts.c.id == row.id)
        .values(end=end, ended_at=ended_at, sealed_password=None)
        .returning(sftp_accounts)
    ).one()
    details = {"username": row.username, "end": end.value}
    audit.add(
        connection,
        audit.done_by(principal, "account.ended", now, row.case_number, row.id, details),
    )
    _tell_ended(connection, ended, principal, now)
    return ended


def _tell_ended(
    connection: Connection, row: AnyRow, principal: Principal | None, now: datetime
) -> None:
    is_expired = row.end is AccountEnd.EXPIRED
    data = {"account_id": row.id, "username": row.username, "end": row.end.value}
    if principal is not None:
        data["actor"] = principal.name
    outbox.add(
        connection,
        CaseEvent(
            id=f"account-ended-{row.id}",
            type="account.expired" if is_expired else "account.revoked",
            case_number=row.case_number,
            at=now,
            data=data,
        ),
    )


def _one(connection: Connection, account_id: AccountId) -> SftpAccount:
    query = select(sftp_accounts).where(sftp_accounts.c.id == account_id)
    row = connection.execute(query).one_or_none()
    if row is None:
        raise AccountMissingError(_MISSING)
    return account_of(row)


def _by_username(connection: Connection, username: str) -> SftpAccount | None:
    query = select(sftp_accounts).where(sftp_accounts.c.username == username)
    row = connection.execute(query).one_or_none()
    return None if row is None else account_of(row)


def _of_case(
    connection: Connection, number: CaseNumber, active_at: datetime | None
) -> list[SftpAccount]:
    query = (
        select(sftp_accounts)
        .where(sftp_accounts.c.case_number == number)
        .order_by(sftp_accounts.c.issued_at.desc(), sftp_accounts.c.id.desc())
    )
    if active_at is not None:
        query = query.where(sftp_accounts.c.end.is_(None), sftp_accounts.c.expires_at > active_at)
    return [account_of(row) for row in connection.execute(query)]


def _page(
    connection: Connection, number: CaseNumber, active_at: datetime, after: str | None, limit: int
) -> tuple[list[SftpAccount], str | None]:
    issued = (sftp_accounts.c.issued_at, sftp_accounts.c.id)
    query = (
        select(sftp_accounts)
        .where(
            sftp_accounts.c.case_number == number,
            sftp_accounts.c.end.is_(None),
            sftp_accounts.c.expires_at > active_at,
        )
        .order_by(*(column.desc() for column in issued))
    )
    if after is not None:
        moment, account_id = parse_cursor(after)
        query = query.where(tuple_(*issued) < tuple_(literal(moment, UtcDateTime), account_id))
    rows = connection.execute(query.limit(limit + 1)).all()
    shown = rows[:limit]
    more = len(rows) > len(shown)
    following = cursor(shown[-1].issued_at, shown[-1].id) if more else None
    return [account_of(row) for row in shown], following


def _standing(connection: Connection, ids: Sequence[AccountId]) -> dict[AccountId, AccountStanding]:
    query = select(
        sftp_accounts.c.id,
        sftp_accounts.c.case_number,
        sftp_accounts.c.issue,
        sftp_accounts.c.end,
    ).where(sftp_accounts.c.id.in_(ids))
    return {
        row.id: AccountStanding(case_number=row.case_number, issue=row.issue, end=row.end)
        for row in connection.execute(query)
    }
