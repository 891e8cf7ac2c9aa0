"""Cases of several regions, and a deployment that serves one of them."""

from dataclasses import dataclass, field, replace

from transfer.casebridge.regions import RegionalCaseCore
from transfer.core.cases import Case, CaseNumber
from transfer.core.regions import Regions
from transfer.ports import CaseChanges, CaseCore, CaseEvent

EMEA = "https://emea.example.com/transfer"
REGIONS = Regions(own="us", gateways={"us": "https://us.example.com", "emea": f"{EMEA}/"})


@dataclass(kw_only=True)
class PlacedCases:
    """A case core that says of some cases which region they are of."""

    regions: dict[CaseNumber, str] = field(default_factory=dict)
    core: CaseCore | None = None

    def regional(self, core: CaseCore) -> CaseCore:
        """Return `core` as the engine of the region us sees it."""
        self.core = core
        return RegionalCaseCore(self, REGIONS)

    async def case(self, number: CaseNumber, *, fresh: bool = False) -> Case:
        return self._placed(await self._known.case(number, fresh=fresh))

    async def changes(self, since: str | None = None, *, limit: int = 100) -> CaseChanges:
        page = await self._known.changes(since, limit=limit)
        return replace(page, cases=tuple(map(self._placed, page.cases)))

    async def tell(self, *events: CaseEvent) -> None:
        await self._known.tell(*events)

    @property
    def _known(self) -> CaseCore:
        assert self.core is not None
        return self.core

    def _placed(self, case: Case) -> Case:
        return replace(case, region=self.regions.get(case.number))
