"""Receipts: statements that were kept, signed with the deployment's own key whenever asked for.

An Ed25519 signature is the same each time, so a receipt is too, on every node: there is nothing to
store that a crash could lose. A key that has signed is published for good, also after the sealing
key that it comes from was changed.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, OKPKey

from transfer.core.access import Action, Principal, authorise
from transfer.core.cases import CaseNumber
from transfer.core.errors import (
    CaseMissingError,
    EntryMissingError,
    InvalidRequestError,
    ReceiptMissingError,
    UploadMissingError,
)
from transfer.core.uploads import FileId, UploadId
from transfer.engine.policy import Tools
from transfer.ports import KeptReceipt

ALGORITHM = "Ed25519"
"""Its own name, as RFC 9864 has it; `EdDSA`, which says less, is deprecated there."""

PURPOSE = "receipts"
"""What the signing key is derived for."""

_TYPE = "case-transfer-receipt"


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a receipt says, as JSON, and the same signed: a JWS in its compact form."""

    statement: str
    jws: str


class ReceiptSigner:
    """Signs statements with one Ed25519 key, named by its thumbprint (RFC 7638)."""

    def __init__(self, seed: bytes) -> None:
        """Take the 32 secret bytes of the key."""
        self._key = OKPKey.import_key(Ed25519PrivateKey.from_private_bytes(seed))
        self.key_id = self._key.thumbprint()

    def public_key(self) -> dict[str, Any]:
        """Return the public key as a JWK."""
        public = self._key.as_dict(private=False)
        return {**public, "kid": self.key_id, "use": "sig", "alg": ALGORITHM}

    def sign(self, statement: str) -> str:
        """Return `statement`, signed."""
        header = {"alg": ALGORITHM, "kid": self.key_id, "typ": _TYPE}
        return jws.serialize_compact(header, statement, self._key, algorithms=[ALGORITHM])


class Receipts:
    """The receipts of uploads, for who may see their case."""

    def __init__(self, tools: Tools, signer: ReceiptSigner) -> None:
        self._tools = tools
        self._records = tools.records.receipts
        self._signer = signer
        self._published = False

    async def of_upload(self, principal: Principal, upload_id: UploadId) -> Receipt:
        """Return the receipt of an upload.

        Raises:
            UploadMissingError: no such upload, as far as they may know.
            ReceiptMissingError: it isn't received.
        """
        kept = await self._records.of_upload(upload_id)
        try:
            return await self._signed(principal, kept)
        except CaseMissingError as exc:
            raise UploadMissingError("No such upload.") from exc

    async def of_file(self, principal: Principal, file_id: FileId) -> Receipt:
        """Return the receipt of the upload that became a file, be it removed since.

        Raises:
            EntryMissingError: no such file, as far as they may know.
        """
        kept = await self._records.of_file(file_id)
        try:
            return await self._signed(principal, kept)
        except CaseMissingError as exc:
            raise EntryMissingError("No such file.") from exc

    async def of_case(
        self,
        principal: Principal,
        case_number: CaseNumber,
        *,
        after: str | None = None,
        limit: int = 100,
    ) -> tuple[list[Receipt], str | None]:
        """Return a page of the receipts of a case, the latest upload first, and the next cursor.

        Raises:
            CaseMissingError: no such case for them.
            InvalidRequestError: `after` is not a cursor that this gave.
        """
        case = await self._tools.core.case(case_number)
        authorise(principal, Action.SEE, case)
        said, following = await self._records.of_case(case.number, after=after, limit=limit)
        if said:
            await self._publish()
        return [Receipt(one, self._signer.sign(one)) for one in said], following

    async def keys(self) -> list[Mapping[str, Any]]:
        """Return the public keys of all receipts ever signed here, the newest first, as JWKs."""
        await self._publish()
        return await self._records.keys()

    async def _signed(self, principal: Principal, kept: KeptReceipt) -> Receipt:
        case = await self._tools.core.case(kept.case_number)
        authorise(principal, Action.SEE, case)
        if kept.statement is None:
            raise ReceiptMissingError("The upload isn't received: there is no receipt of it.")
        await self._publish()
        return Receipt(kept.statement, self._signer.sign(kept.statement))

    async def _publish(self) -> None:
        """Keep the public key before anything that it signed is handed out."""
        if not self._published:
            key, now = self._signer.public_key(), self._tools.clock.now()
            await self._records.add_key(self._signer.key_id, key, now)
            self._published = True


def verify(signed: str, keys: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return what a receipt says, if one of `keys`, public JWKs, has signed just that.

    Raises:
        InvalidRequestError: none has, or it isn't a receipt.
    """
    try:
        known = KeySet.import_key_set({"keys": [dict(key) for key in keys]})
        checked = jws.deserialize_compact(signed, known, algorithms=[ALGORITHM])
    except JoseError as exc:
        raise InvalidRequestError(
            "The receipt was changed, or is signed by none of these keys."
        ) from exc
    if checked.headers().get("typ") != _TYPE:
        raise InvalidRequestError("That is signed by one of these keys, and is no receipt.")
    said: dict[str, Any] = json.loads(checked.payload)
    return said
