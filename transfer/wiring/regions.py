"""Regions: which one is served here, as the settings say."""

from transfer.casebridge.regions import RegionalCaseCore
from transfer.core.regions import Regions
from transfer.ports import CaseCore
from transfer.settings import Settings


def regions_of(settings: Settings) -> Regions | None:
    """Return the region that is served here and the others' gateways; None without regions."""
    if settings.region is None:
        return None
    return Regions(own=settings.region, gateways=settings.region_gateways)


def regional(core: CaseCore, settings: Settings) -> CaseCore:
    """Return `core` as the engine sees it: it says of each case who serves it, if not we."""
    regions = regions_of(settings)
    return core if regions is None else RegionalCaseCore(core, regions)
