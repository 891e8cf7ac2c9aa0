"""The terms of accounts, and what proves deletions, as answers show them."""

from typing import Annotated

from pydantic import Field

from transfer.http.shapes.base import Moment, Next, Number, Shape
from transfer.http.shapes.oversight import Count, HoldShape
from transfer.http.shapes.receipts import ReceiptShape


class AccountTermsShape(Shape):
    """What holds for the cases of an account."""

    account: str
    period_seconds: Annotated[
        int | None,
        Field(ge=0, description="From closure to deletion; null is as for all, 0 at closure."),
    ]
    hold: HoldShape | None
    changed_by: str
    changed_at: Moment


class AccountTermsList(Shape):
    """A page of the terms that aren't the usual ones, the latest changed first."""

    accounts: list[AccountTermsShape]
    next: Next


class DeletionReceiptShape(ReceiptShape):
    """What proves that a case's data was deleted, as it was signed."""

    written_at: Moment
    key_id: Annotated[str, Field(description="Which of the receipts' keys has signed.")]


class DeletionReceiptList(Shape):
    """The receipts of the deletions of a case's data, the latest first."""

    receipts: list[DeletionReceiptShape]


class StuckShape(Shape):
    """A deletion that can't go on."""

    case: Number
    since: Moment
    left: Annotated[Count, Field(description="What is left in the store.")]
    problem: Annotated[str, Field(description="What the store says.")]


class StuckList(Shape):
    """A page of the deletions that can't go on, the longest stuck first."""

    deletions: list[StuckShape]
    next: Next
