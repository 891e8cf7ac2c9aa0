"""Retention: the terms of accounts, deletions that can't go on, and what proves the others."""

import json
from datetime import timedelta
from typing import Annotated

from aiohttp import web
from pydantic import Field

from transfer.core import errors
from transfer.core.account_terms import LONGEST_PERIOD, AccountTerms
from transfer.http.json_bodies import JsonBody, Line, read_json
from transfer.http.operations import Tag, gives, operation, takes
from transfer.http.paging import asked_page
from transfer.http.parameters import PAGE_OF_LIST
from transfer.http.policy import Services
from transfer.http.rendering import json_response, moment
from transfer.http.requests import PRINCIPAL, case_number
from transfer.http.shapes.oversight import HoldShape
from transfer.http.shapes.retention import (
    AccountTermsList,
    AccountTermsShape,
    DeletionReceiptList,
    DeletionReceiptShape,
    StuckList,
    StuckShape,
)
from transfer.ports import DeletionReceipt

_TERMS = "/api/v1/account-terms"
_RECEIPTS = "/api/v1/cases/{number}/deletion-receipts"
_STUCK = "/api/v1/stuck-deletions"
_MOST_SECONDS = int(LONGEST_PERIOD.total_seconds())


class NewPeriod(JsonBody):
    """How long the data of an account's cases is kept after closure; without it, as for all."""

    account: Line
    period_seconds: Annotated[int, Field(ge=0, le=_MOST_SECONDS)] | None = None


class NewHold(JsonBody):
    """Which account's data is held, and why."""

    account: Line
    reason: Line


class OfAccount(JsonBody):
    """An account."""

    account: Line


class RetentionRoutes:
    """What admins agree on with customers, and what all who see a case may ask for."""

    def __init__(self, services: Services) -> None:
        self._terms = services.account_terms
        self._receipts = services.deletion_receipts
        self._oversight = services.oversight
        self._policy = services.policy
        self._clock = services.clock

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.get(_TERMS, self.listing),
            web.post(f"{_TERMS}/period", self.set_period),
            web.post(f"{_TERMS}/hold", self.hold),
            web.post(f"{_TERMS}/unhold", self.unhold),
            web.get(_STUCK, self.stuck),
            web.get(_RECEIPTS, self.receipts),
        ]

    @operation(
        "List the accounts with terms of their own",
        tag=Tag.ADMINISTRATION,
        text="For admins. The latest changed first.",
        parameters=PAGE_OF_LIST,
        gives=gives(200, AccountTermsList),
        errors=(errors.InvalidRequestError,),
    )
    async def listing(self, request: web.Request) -> web.Response:
        """List the terms that aren't the usual ones."""
        page = asked_page(request)
        found, following = await self._terms.page(
            request[PRINCIPAL], after=page.after, limit=page.limit
        )
        shown = AccountTermsList(accounts=[_terms_shape(one) for one in found], next=following)
        return json_response(shown.json_object())

    @operation(
        "Set how long the data of an account's cases is kept",
        tag=Tag.ADMINISTRATION,
        text="By admins. It holds at once, also for cases that are closed: a shorter period may "
        "make some due now.",
        takes=takes(NewPeriod),
        gives=gives(200, AccountTermsShape),
        errors=(errors.InvalidRequestError,),
    )
    async def set_period(self, request: web.Request) -> web.Response:
        """Set how long the data of an account's cases is kept."""
        new = await read_json(request, NewPeriod, policy=self._policy, clock=self._clock)
        seconds = new.period_seconds
        period = None if seconds is None else timedelta(seconds=seconds)
        terms = await self._terms.set_period(request[PRINCIPAL], new.account, period)
        return json_response(_terms_shape(terms).json_object())

    @operation(
        "Keep the data of all of an account's cases from deletion",
        tag=Tag.ADMINISTRATION,
        text="By admins. Also of cases to come, whether it is their End User or who bought.",
        takes=takes(NewHold),
        gives=gives(200, AccountTermsShape),
        errors=(errors.InvalidRequestError, errors.CaseStateError),
    )
    async def hold(self, request: web.Request) -> web.Response:
        """Hold the data of an account."""
        new = await read_json(request, NewHold, policy=self._policy, clock=self._clock)
        terms = await self._terms.hold(request[PRINCIPAL], new.account, new.reason)
        return json_response(_terms_shape(terms).json_object())

    @operation(
        "Lift the hold of an account",
        tag=Tag.ADMINISTRATION,
        text="By admins. Holds of single cases stay.",
        takes=takes(OfAccount),
        gives=gives(200, AccountTermsShape),
        errors=(errors.InvalidRequestError, errors.CaseStateError),
    )
    async def unhold(self, request: web.Request) -> web.Response:
        """Lift the hold of an account."""
        of = await read_json(request, OfAccount, policy=self._policy, clock=self._clock)
        terms = await self._terms.unhold(request[PRINCIPAL], of.account)
        return json_response(_terms_shape(terms).json_object())

    @operation(
        "List the deletions that can't go on",
        tag=Tag.ADMINISTRATION,
        text="For admins. The longest stuck first: the store keeps what should go, as by a legal "
        "hold or a lock of its own.",
        parameters=PAGE_OF_LIST,
        gives=gives(200, StuckList),
        errors=(errors.InvalidRequestError,),
    )
    async def stuck(self, request: web.Request) -> web.Response:
        """List the deletions that can't go on."""
        page = asked_page(request)
        found, following = await self._oversight.stuck(
            request[PRINCIPAL], after=page.after, limit=page.limit
        )
        shown = [
            StuckShape(
                case=one.case_number, since=moment(one.since), left=one.left, problem=one.problem
            )
            for one in found
        ]
        return json_response(StuckList(deletions=shown, next=following).json_object())

    @operation(
        "Show what proves that the data of a case was deleted",
        tag=Tag.RECEIPTS,
        text="Nothing as long as it isn't. Counts, times and digests, signed with the keys of all "
        "receipts.",
        gives=gives(200, DeletionReceiptList),
    )
    async def receipts(self, request: web.Request) -> web.Response:
        """Show the receipts of a case's deletions."""
        found = await self._receipts.of_case(request[PRINCIPAL], case_number(request))
        shown = DeletionReceiptList(receipts=[_receipt_shape(one) for one in found])
        return json_response(shown.json_object())


def _terms_shape(terms: AccountTerms) -> AccountTermsShape:
    hold, period = terms.hold, terms.period
    shown = None
    if hold is not None:
        at = moment(hold.placed_at)
        shown = HoldShape(reason=hold.reason, placed_by=hold.placed_by, placed_at=at)
    return AccountTermsShape(
        account=terms.account,
        period_seconds=None if period is None else int(period.total_seconds()),
        hold=shown,
        changed_by=terms.changed_by,
        changed_at=moment(terms.changed_at),
    )


def _receipt_shape(receipt: DeletionReceipt) -> DeletionReceiptShape:
    return DeletionReceiptShape(
        receipt=json.loads(receipt.statement),
        jws=receipt.jws,
        written_at=moment(receipt.written_at),
        key_id=receipt.key_id,
    )
