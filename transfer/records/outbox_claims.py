"""Claiming events of the outbox: in order a case, and those of one drop together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

from sqlalchemy import Connection, and_, exists, or_, select, update

from transfer.core.cases import CaseNumber
from transfer.core.uploads import UploadState
from transfer.ports import Destination, DropPolicy, OutgoingEvent
from transfer.records.moments import has_come
from transfer.records.rows import AnyRow
from transfer.records.tables import outbox, uploads

IS_LIVE = and_(outbox.c.delivered_at.is_(None), outbox.c.dead_at.is_(None))
"""Whether an event is still to be told."""

_LARGEST_DROP = 1000
"""Events told as one, at most. What more there is makes another one."""

_LONGEST_WAIT = timedelta(hours=1)
"""For so long a destination may ask to be left alone."""

_Run = Sequence[AnyRow]
"""Events of a case that follow each other and are told as one, or are to be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What is to be claimed, by whom; see the port."""

    worker: str
    now: datetime
    until: datetime
    limit: int
    destination: Destination
    drops: DropPolicy | None


def claim(connection: Connection, wanted: Claim) -> list[OutgoingEvent]:
    """Claim events; see the port."""
    while cases := _cases_due(connection, wanted):
        rows = _rows_of(connection, wanted, cases)
        if wanted.drops is None:
            return _claimed(connection, wanted, {row.sequence: None for row in rows}, rows)
        rows = sorted(_by_drop(rows), key=lambda row: row.case_number)
        drops = _drops_among(connection, wanted, wanted.drops, rows)
        if drops:
            ready = [row for row in rows if row.sequence in drops]
            return _claimed(connection, wanted, drops, ready)
        # All that was found waits for the rest of its drop, and isn't due any more: look further.
    return []


def _cases_due(connection: Connection, wanted: Claim) -> Sequence[CaseNumber]:
    """Return the cases whose first event is due, and hold those events' rows."""
    now, claim = wanted.now, wanted.until - wanted.now
    wait = max(_LONGEST_WAIT, wanted.drops.longest if wanted.drops else _LONGEST_WAIT)
    earlier = outbox.alias("earlier")
    is_first = ~exists(
        select(earlier.c.sequence).where(
            earlier.c.destination == wanted.destination,
            earlier.c.case_number == outbox.c.case_number,
            earlier.c.sequence < outbox.c.sequence,
            earlier.c.delivered_at.is_(None),
            earlier.c.dead_at.is_(None),
        )
    )
    return connection.scalars(
        select(outbox.c.case_number)
        .where(
            outbox.c.destination == wanted.destination,
            IS_LIVE,
            has_come(outbox.c.run_at, now, wait),
            or_(outbox.c.claimed_until.is_(None), has_come(outbox.c.claimed_until, now, claim)),
            is_first,
        )
        .order_by(outbox.c.sequence)
        .limit(wanted.limit)
        .with_for_update(skip_locked=True, of=outbox)
    ).all()


def _rows_of(connection: Connection, wanted: Claim, cases: Sequence[CaseNumber]) -> _Run:
    """Return the events of cases, by case and order.

    Of the last case only if they are all here, or there is no other: half a drop is none. Then what
    is still missing of its drops comes with them.
    """
    # Whoever holds the first of a case holds what follows it: nobody claims that meanwhile.
    most = wanted.limit if wanted.drops is None else max(wanted.limit, _LARGEST_DROP)
    rows = connection.execute(
        select(outbox)
        .where(outbox.c.destination == wanted.destination, outbox.c.case_number.in_(cases), IS_LIVE)
        .order_by(outbox.c.case_number, outbox.c.sequence)
        .limit(most + 1)
    ).all()
    if len(rows) <= most:
        return rows
    cut = rows[-1].case_number
    whole = [row for row in rows if row.case_number != cut]
    return whole or [*rows[:most], *_rest_of_drops(connection, wanted, rows[:most])]


def _rest_of_drops(connection: Connection, wanted: Claim, rows: _Run) -> _Run:
    """Return what is behind events of a case and belongs to a drop that was told before.

    Its event has a name for good, so whoever has taken note of it once takes it for told.
    """
    if wanted.drops is None:
        return []
    last = rows[-1]
    return connection.execute(
        select(outbox)
        .where(
            outbox.c.destination == wanted.destination,
            outbox.c.case_number == last.case_number,
            outbox.c.sequence > last.sequence,
            outbox.c.drop_id.in_({row.drop_id for row in rows if row.drop_id is not None}),
            IS_LIVE,
        )
        .order_by(outbox.c.sequence)
    ).all()


def _by_drop(rows: _Run) -> _Run:
    """Return events in their order, but those of a drop that was told before where it begins.

    What was dead when the drop was first told may stand in between by now, if it was replayed.
    """
    rows = sorted(rows, key=lambda row: int(row.sequence))
    begins: dict[str | None, int] = {}
    for row in rows:
        begins.setdefault(row.drop_id, row.sequence)
    begins.pop(None, None)
    return sorted(rows, key=lambda row: begins.get(row.drop_id, row.sequence))


def _drops_among(
    connection: Connection, wanted: Claim, policy: DropPolicy, rows: _Run
) -> dict[int, str]:
    """Return the drops that events are told in, by their sequence; not of those that wait.

    The first of a case that waits isn't due before its drop may be whole.
    """
    busy = _receiving(connection, wanted.now, {row.case_number for row in rows})
    drops: dict[int, str] = {}
    for number, of_case in groupby(rows, key=lambda row: row.case_number):
        runs = [list(run) for _, run in groupby(of_case, key=lambda row: _kind(row, policy))]
        for run in runs:
            whole_at = _whole_at(run, policy, wanted.now, is_busy=number in busy)
            if run is runs[-1] and whole_at > wanted.now:
                if run is runs[0]:
                    _wait(connection, run[0].sequence, whole_at)
                break
            drops |= {row.sequence: row.drop_id or run[0].id for row in run}
    return drops


def _kind(row: AnyRow, policy: DropPolicy) -> tuple[object, ...]:
    """Return what events share that are told as one."""
    if row.drop_id is not None:
        return ("drop", row.drop_id)
    if row.type in policy.types:
        return ("new", row.type, *(row.data.get(name) for name in policy.same))
    return ("alone", row.sequence)


def _whole_at(run: _Run, policy: DropPolicy, now: datetime, *, is_busy: bool) -> datetime:
    """Return when a run that nothing follows may be told."""
    first = run[0]
    is_told_alone = first.drop_id is not None or first.type not in policy.types
    if is_told_alone or first.at > now + policy.longest:  # then the clock was set back
        return now
    last_at: datetime = now if is_busy else run[-1].at
    longest: datetime = first.at + policy.longest
    return min(last_at + policy.quiet, longest)


def _receiving(connection: Connection, now: datetime, cases: set[CaseNumber]) -> set[CaseNumber]:
    """Return those of the cases to which somebody is just sending."""
    is_sending = or_(
        uploads.c.state == UploadState.COMPLETING,
        and_(uploads.c.state == UploadState.RECEIVING, uploads.c.lease_until > now),
    )
    query = select(uploads.c.case_number).where(uploads.c.case_number.in_(cases), is_sending)
    return set(connection.scalars(query.distinct()))


def _wait(connection: Connection, sequence: int, until: datetime) -> None:
    connection.execute(update(outbox).where(outbox.c.sequence == sequence).values(run_at=until))


def _claimed(
    connection: Connection, wanted: Claim, drops: Mapping[int, str | None], rows: _Run
) -> list[OutgoingEvent]:
    connection.execute(
        update(outbox)
        .where(outbox.c.sequence.in_(list(drops)))
        .values(claimed_by=wanted.worker, claimed_until=wanted.until)
    )
    new: dict[str, list[int]] = {}
    for row in rows:
        drop = drops[row.sequence]
        if drop is not None and row.drop_id is None:
            new.setdefault(drop, []).append(row.sequence)
    for drop, sequences in new.items():
        connection.execute(
            update(outbox).where(outbox.c.sequence.in_(sequences)).values(drop_id=drop)
        )
    return [
        OutgoingEvent(
            id=row.id,
            type=row.type,
            case_number=row.case_number,
            at=row.at,
            data=row.data,
            drop=drops[row.sequence],
            failures=row.failures,
            refusals=row.refusals,
        )
        for row in _by_drop(rows)
    ]
