"""Regions: a deployment serves one of them, and knows where the others are served."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from transfer.core.errors import CaseElsewhereError, InvalidRequestError, LaunchElsewhereError

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
_UNNAMED = "another"
"""Stands for a region whose name can't be one: nothing of it is repeated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """Where another region is served; `url` is None if that isn't known here."""

    region: str
    url: str | None = None

    def case_page(self, case_number: str) -> str | None:
        """Return where people find a case there."""
        return None if self.url is None else f"{self.url}/cases/{case_number}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Regions:
    """The region that is served here, and the URLs of the others' gateways by their names."""

    own: str
    gateways: Mapping[str, str]

    def elsewhere(self, region: str | None) -> Gateway | None:
        """Return who serves `region`; None if it is served here, as everything is that names none.

        A region that nobody knows is elsewhere too: its data must not be kept here.
        """
        if region is None:
            return None
        try:
            name = parse_region(region)
        except InvalidRequestError:
            return Gateway(region=_UNNAMED)
        if name == self.own:
            return None
        url = self.gateways.get(name)
        return Gateway(region=name, url=None if url is None else url.rstrip("/"))


def parse_region(text: str) -> str:
    """Return the region that `text` names, whatever its case.

    Raises:
        InvalidRequestError: it can't be a region's name.
    """
    name = text.strip().lower()
    if not _NAME.fullmatch(name):
        raise InvalidRequestError("A region's name has 1 to 32 of a-z, 0-9 and hyphen, like emea.")
    return name


def elsewhere(case_number: str, gateway: Gateway) -> CaseElsewhereError:
    """Return what somebody is told who asks here for a case that `gateway` serves."""
    if gateway.url is None:
        message = (
            f"The case is served in the region {gateway.region}, whose address isn't known here: "
            "open it from the portal, or ask the operator."
        )
    else:
        message = (
            f"The case is served in the region {gateway.region}: send the same request to "
            f"{gateway.url}, and sign in there."
        )
    return CaseElsewhereError(
        message, region=gateway.region, gateway=gateway.url, page=gateway.case_page(case_number)
    )


def launch_elsewhere(gateway: Gateway) -> LaunchElsewhereError:
    """Return what sends somebody with a launch link on to `gateway`."""
    message = (
        f"This link leads to the region {gateway.region}, whose address isn't known here: open the "
        "case from the portal, or ask the operator."
        if gateway.url is None
        else f"This link leads to the region {gateway.region}: follow it at {gateway.url}."
    )
    return LaunchElsewhereError(message, region=gateway.region, gateway=gateway.url)
