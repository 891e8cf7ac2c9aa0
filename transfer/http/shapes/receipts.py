"""Receipts and the warning, as answers show them."""

from typing import Annotated, Any

from pydantic import Field

from transfer.http.shapes.base import Moment, Next, Shape


class ReceiptShape(Shape):
    """What was received, as it was signed."""

    receipt: Annotated[dict[str, Any], Field(description="What the receipt says.")]
    jws: Annotated[
        str, Field(description="The same, signed: a JWS in compact form (RFC 7515), EdDSA.")
    ]


class ReceiptList(Shape):
    """A page of the receipts of a case, the latest upload first."""

    receipts: list[ReceiptShape]
    next: Next


class KeySet(Shape):
    """The keys of all receipts, as a JWK Set (RFC 7517)."""

    keys: list[dict[str, Any]]


class AcknowledgementShape(Shape):
    """The warning about sensitive data, and whether the caller has acknowledged it."""

    version: Annotated[str, Field(description="Of the text: send it to acknowledge.")]
    text: str
    acknowledged_at: Annotated[Moment | None, Field(description="Null until it is.")]
