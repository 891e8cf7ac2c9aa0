"""What an operator may set of retention, and what its parts work with."""

from dataclasses import dataclass, field
from datetime import timedelta

from transfer.core.retention import NOTICE, PERIOD
from transfer.engine.deletion_receipts import DeletionReceipts
from transfer.ports import CaseCore, CaseKeys, Clock, Meter, NoMeter, ObjectStore, Records


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionPolicy:
    """When data goes, and how fast.

    `period` is from closure to deletion where an account has no terms of its own, `notice` how long
    before a deletion its case core is told. `deletes_per_second` bounds what one process deletes
    from the store; None is as fast as it takes it. `claim` is how long a case stays with a worker
    of which nothing is heard.
    """

    period: timedelta = PERIOD
    notice: timedelta = NOTICE
    deletes_per_second: float | None = None
    claim: timedelta = timedelta(minutes=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeletionTools:
    """What the parts of retention work with. `keys` is there where objects are encrypted."""

    records: Records
    store: ObjectStore
    core: CaseCore
    clock: Clock
    receipts: DeletionReceipts
    keys: CaseKeys | None = None
    meter: Meter = field(default_factory=NoMeter)
