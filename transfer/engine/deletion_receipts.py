"""Receipts of deletions: signed once, when a case's data is proved gone, and kept for good."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from transfer.core.access import Action, Principal, authorise
from transfer.core.cases import CaseNumber
from transfer.core.deletion_receipts import DeletionFacts, Doomed, deletion_statement, keys_digest
from transfer.core.errors import InvalidRequestError
from transfer.core.receipts import ReceiptKind
from transfer.engine.receipts import ReceiptSigner, verify
from transfer.ports import CaseCore, Clock, DeletionReceipt, Records


class DeletionReceipts:
    """Writes the receipts of deletions, and shows them to who may see their case."""

    def __init__(
        self, *, records: Records, core: CaseCore, clock: Clock, signer: ReceiptSigner
    ) -> None:
        self._records = records
        self._core = core
        self._clock = clock
        self._signer = signer

    @property
    def key_id(self) -> str:
        """What the key is named by that signs now."""
        return self._signer.key_id

    async def write(self, facts: DeletionFacts, gone: Doomed) -> DeletionReceipt:
        """Return the receipt of a deletion, signed; the key that verifies it is kept before."""
        key, now = self._signer.public_key(), self._clock.now()
        await self._records.receipts.add_key(self._signer.key_id, key, now)
        said = deletion_statement(facts, gone)
        return DeletionReceipt(
            case_number=facts.case_number,
            written_at=facts.proved_at,
            statement=said,
            jws=self._signer.sign(said),
            key_id=self._signer.key_id,
            keys=gone.keys,
        )

    async def of_case(self, principal: Principal, number: CaseNumber) -> list[DeletionReceipt]:
        """Return the receipts of a case's deletions, the latest first; none while it has its data.

        Raises:
            CaseMissingError: no such case for them.
        """
        case = await self._core.case(number)
        authorise(principal, Action.SEE, case)
        return await self._records.deletions.receipts(case.number)


def check(receipt: DeletionReceipt, keys: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return what the receipt of a deletion says, if it is what one of `keys` has signed.

    Raises:
        InvalidRequestError: none has signed it, or what is kept beside it isn't what was signed.
    """
    said = verify(receipt.jws, keys)
    is_it = said.get("kind") == ReceiptKind.DELETION and said.get("case") == receipt.case_number
    if not is_it or json.loads(receipt.statement) != said:
        raise InvalidRequestError("The receipt is of something else than what is kept with it.")
    if said["keys"]["sha256"] != keys_digest(receipt.keys):
        raise InvalidRequestError("The digests of the objects' keys aren't those of the receipt.")
    return said
