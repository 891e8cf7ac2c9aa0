"""Where a sign-in leads: for now a page that says so much, and that the API is there."""

from aiohttp import web

from transfer.core.access import Principal
from transfer.http.bearer import is_by_token
from transfer.http.cookie import cookie_secret
from transfer.http.csrf import CSRF_FIELD, csrf_token
from transfer.http.operations import HTML, Tag, gives, operation
from transfer.http.pages import Html, button, link, page
from transfer.http.policy import Services, public_path
from transfer.http.requests import PRINCIPAL
from transfer.http.sign_in import SIGN_OUT_PATH


class LandingRoutes:
    """The first pages that somebody sees who has signed in."""

    def __init__(self, services: Services) -> None:
        self._policy = services.policy

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [web.get("/", self.first)]

    @operation(
        "Show who is signed in, and to which cases", tag=Tag.SIGN_IN, gives=gives(200, media=HTML)
    )
    async def first(self, request: web.Request) -> web.Response:
        """Show who is signed in, and to which cases."""
        principal = request[PRINCIPAL]
        theirs = sorted(principal.cases or ())
        links = [link(self._path(f"/cases/{number}"), f"Case {number}") for number in theirs]
        if principal.cases is None:
            links = [link(self._path("/api/v1/cases"), "All cases, as JSON")]
        return page("Case Transfer", [_who(principal), *links, *self._way_out(request)])

    def _way_out(self, request: web.Request) -> list[Html]:
        secret = cookie_secret(request)
        if secret is None or is_by_token(request):
            return []
        return [button(self._path(SIGN_OUT_PATH), "Sign out", **{CSRF_FIELD: csrf_token(secret)})]

    def _path(self, path: str) -> str:
        return public_path(self._policy, path)


def _who(principal: Principal) -> str:
    return f"You are signed in as {principal.name}, {principal.role}."
