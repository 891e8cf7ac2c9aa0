"""The ways to sign in, as pages offer them."""

from dataclasses import dataclass
from urllib.parse import urlencode

from aiohttp import hdrs, web

from transfer.core.errors import InvalidRequestError
from transfer.http.policy import HttpPolicy, public_path
from transfer.http.return_paths import return_path

_WAYS_IN = ("/sign-in", "/launch")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entrances:
    """Where customers get their links, and where Customer Care signs in; None if nowhere."""

    portal_url: str | None
    staff_url: str | None


def entrances(request: web.Request, policy: HttpPolicy) -> Entrances:
    """Return the ways in. Staff get back by theirs to the page that they have asked for."""
    staff_url = None
    if policy.staff_sign_in is not None:
        staff_url = public_path(policy, policy.staff_sign_in) + _way_back(request, policy)
    return Entrances(portal_url=policy.portal_url, staff_url=staff_url)


def is_way_in(request: web.Request) -> bool:
    """Whether somebody is about to sign in by `request`."""
    return request.path.startswith(_WAYS_IN)


def _way_back(request: web.Request, policy: HttpPolicy) -> str:
    if request.method != hdrs.METH_GET or is_way_in(request):
        return ""
    wanted = public_path(policy, request.rel_url.raw_path_qs)
    try:
        return "?" + urlencode({"return_to": return_path(wanted, public_path(policy, ""))})
    except InvalidRequestError:
        return ""  # no path that a sign-in would lead back to: the first page does
