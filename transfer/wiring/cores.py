"""The case core: built from settings, with what stands between it and the engine."""

from dataclasses import dataclass
from typing import Protocol

from transfer.casebridge.core_client import CoreAccess, CoreClient
from transfer.casebridge.embedded import EmbeddedCaseCore
from transfer.casebridge.known import KnownCases
from transfer.casebridge.mirror_desk import MirrorDesk
from transfer.casebridge.rest import RestCaseCore
from transfer.engine.secrets import new_id
from transfer.ports import CaseCore, CaseDesk, CaseMirror, Clock, Meter, Records
from transfer.settings import Settings
from transfer.wiring.regions import regions_of
from transfer.wiring.roundup import roundup_core
from transfer.wiring.secret_files import read_secret, read_trust

EVENT_SOURCE = "urn:case-transfer"
"""What the service is called in its events, where it has no public URL."""


class ForeignCore(CaseCore, Protocol):
    """Another system, with connections to be closed."""

    async def close(self) -> None:
        """Close the connections; again does no harm."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cores:
    """The authority on cases as the others see it.

    `core` is asked; `desk` is where Customer Care works; `mirror` is there if the core is another
    system, and `foreign` is the way to that.
    """

    core: CaseCore
    desk: CaseDesk
    mirror: CaseMirror | None = None
    foreign: ForeignCore | None = None

    async def close(self) -> None:
        """Close the connections to another system, if there are any."""
        if self.foreign is not None:
            await self.foreign.close()


def foreign_core(settings: Settings, clock: Clock) -> ForeignCore | None:
    """Return the way to the other system that is the case core; None if there is none.

    Nothing is asked yet.

    Raises:
        SettingsError: a file of its secrets or certificates can't be used.
    """
    if settings.case_core == "rest":
        return _rest(settings, clock)
    if settings.case_core == "roundup":
        return roundup_core(settings, clock)
    return None


def cores(
    settings: Settings,
    *,
    records: Records,
    clock: Clock,
    embedded: EmbeddedCaseCore,
    foreign: ForeignCore | None,
    meter: Meter,
) -> Cores:
    """Return the case core: `foreign`, or else the embedded one, which is the desk on our rows."""
    if foreign is None:
        return Cores(core=embedded, desk=embedded)
    mirror = KnownCases(
        core=foreign,
        records=records,
        clock=clock,
        new_id=new_id,
        lifetime=settings.case_core_answer_lifetime,
        meter=meter,
    )
    desk = MirrorDesk(mirror, embedded, regions_of(settings))
    return Cores(core=mirror, desk=desk, mirror=mirror, foreign=foreign)


def _rest(settings: Settings, clock: Clock) -> RestCaseCore:
    token = read_secret(settings, "case_core_token_file")
    access = CoreAccess(
        headers={"Authorization": f"Bearer {token}"},
        tls=read_trust(settings, "case_core_ca_file"),
        timeout=settings.case_core_timeout,
    )
    source = settings.public_url or EVENT_SOURCE
    return RestCaseCore(settings.case_core_url or "", CoreClient(access, clock), source=source)
