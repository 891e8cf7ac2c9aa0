"""The sweeper, as settings have it."""

from transfer.core.cases import CaseNumber
from transfer.ports import CaseCore, Clock, Meter, ObjectStore, Records
from transfer.retention.sweeper import Sweeper, SweepPolicy
from transfer.settings import Settings


def sweeper_of(
    settings: Settings,
    *,
    records: Records,
    store: ObjectStore,
    core: CaseCore,
    clock: Clock,
    meter: Meter,
) -> Sweeper:
    """Return what compares rows and store."""

    async def is_held(number: CaseNumber) -> bool:
        case = await core.case(number)
        return case.keeping is not None or case.is_stale

    return Sweeper(
        records=records,
        store=store,
        clock=clock,
        is_held=is_held,
        policy=SweepPolicy(every=settings.sweep_interval, grace=settings.sweep_grace),
        meter=meter,
    )
