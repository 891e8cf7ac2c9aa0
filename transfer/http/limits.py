"""How many requests run at once: of one client, and of one case's customers.

Each process counts its own. Requests that end others are not counted: a HEAD, a DELETE or a
discovery lasts no time, and a client whose uploads all stall needs one to go on.
"""

from collections import Counter
from collections.abc import Hashable, Iterator
from contextlib import contextmanager, nullcontext

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware

from transfer.core.access import Principal
from transfer.http.policy import HttpPolicy
from transfer.http.proxies import site_of
from transfer.http.requests import PRINCIPAL, client_address, effective_method

STREAMS = "case-events"
"""The route whose requests are counted by themselves: they stay for long and cost little."""

_RETRY_AFTER_SECONDS = 2
_FREE = frozenset({hdrs.METH_HEAD, hdrs.METH_DELETE, hdrs.METH_OPTIONS})


class Slots:
    """As many at once as `most`, of each owner."""

    def __init__(self, most: int, reason: str) -> None:
        self._most = most
        self._reason = reason
        self._taken: Counter[Hashable] = Counter()

    @property
    def owners(self) -> int:
        """How many owners hold any."""
        return len(self._taken)

    @contextmanager
    def held_by(self, owner: Hashable) -> Iterator[None]:
        """Hold one meanwhile.

        Raises:
            HTTPTooManyRequests: the owner has all of theirs.
        """
        if self._taken[owner] >= self._most:
            raise web.HTTPTooManyRequests(
                text=self._reason, headers={hdrs.RETRY_AFTER: str(_RETRY_AFTER_SECONDS)}
            )
        self._taken[owner] += 1
        try:
            yield
        finally:
            self._taken[owner] -= 1
            if not self._taken[owner]:
                del self._taken[owner]


def concurrency(policy: HttpPolicy) -> Middleware:
    """Return the middleware that refuses a client or a case what would crowd out the others."""
    clients = Slots(policy.max_requests_per_client, "Too many requests at once: finish some first.")
    cases = Slots(policy.max_requests_per_case, "Too many requests at once for this case.")

    @web.middleware
    async def limit(request: web.Request, handler: Handler) -> web.StreamResponse:
        if _is_free(request):
            return await handler(request)
        principal = request.get(PRINCIPAL)
        client = site_of(client_address(request)), principal and principal.credential
        case = _customers_case(request, principal)
        with clients.held_by(client), cases.held_by(case) if case is not None else nullcontext():
            return await handler(request)

    return limit


def _is_free(request: web.Request) -> bool:
    if request.match_info.route.name == STREAMS:
        return True
    if request.method == hdrs.METH_POST:
        return effective_method(request) in _FREE
    return request.method in _FREE


def _customers_case(request: web.Request, principal: Principal | None) -> Hashable:
    """Return the case that a customer's request is about, as far as it can be told at no cost.

    An upload's address names no case, but most customers see only one.
    """
    if principal is None or principal.cases is None:
        return None
    if len(principal.cases) == 1:
        return next(iter(principal.cases))
    return request.match_info.get("number") or principal.cases
