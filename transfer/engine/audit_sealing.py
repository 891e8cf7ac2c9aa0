"""Sealing the audit log: after those who write to it, never in their way."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import structlog

from transfer.core.audit_chain import Seal, next_seal, packed
from transfer.core.audit_entries import AuditEntry, digest_of
from transfer.core.errors import ConflictError, TransferError
from transfer.engine.audit_signatures import SealKeys, SealSigner, read
from transfer.ports import AuditChain, AuditHeads, Clock, KeptSeal, Measure, Meter, NoMeter

_log = structlog.get_logger(__name__)

EVERY = timedelta(seconds=10)
MOST_ENTRIES = 1000

_SEALED = Measure("audit_entries_sealed", "Entries of the audit log that were sealed here.")
_FAILED = Measure("audit_seals_failed", "Rounds of sealing the audit log that failed.")
_CUTS = Measure("audit_cuts", "Times that a seal made here was found gone from the audit log.")


@dataclass(frozen=True, slots=True)
class Sealed:
    """What one step has come to: how many entries it sealed, and whether there may be more."""

    entries: int
    has_more: bool


class AuditSealer:
    """Puts seals on what was committed; any number of nodes may do so at once.

    `heads` is given each seal that was made here, to be kept out of reach of the database. Before
    the next one is made, that one has to be in the database still: otherwise what came behind it
    would be sealed anew, whatever somebody has made of it, and nothing would tell.
    """

    def __init__(
        self,
        chain: AuditChain,
        signer: SealSigner,
        clock: Clock,
        *,
        heads: AuditHeads,
        meter: Meter | None = None,
    ) -> None:
        self._chain = chain
        self._signer = signer
        self._clock = clock
        self._heads = heads
        self._own = SealKeys([signer.public_key()])
        self._meter = meter or NoMeter()
        self._last: tuple[KeptSeal, Seal] | None = None
        self._witnessed: str | None = None
        self._meter.count(_SEALED, 0)
        self._meter.count(_FAILED, 0)
        self._meter.count(_CUTS, 0)

    def public_key(self) -> dict[str, Any]:
        """Return the key that tells seals made here, as a JWK."""
        return self._signer.public_key()

    async def run(self) -> None:
        """Seal now and then, until cancelled."""
        while True:
            try:
                await self.seal_all()
            except TransferError as exc:
                self._meter.count(_FAILED)
                _log.error("audit.not-sealed", problem=exc.code)
            except OSError as exc:
                self._meter.count(_FAILED)
                _log.error("audit.seal-not-kept", problem=exc.strerror)
            except Exception:  # noqa: BLE001 -- what is in the rows may be anything: go on later
                self._meter.count(_FAILED)
                _log.exception("audit.sealing-crashed")
            await self._clock.sleep(EVERY.total_seconds())

    async def seal_all(self) -> int:
        """Seal what has no seal yet; return how many entries that were.

        Raises:
            ConflictError: what stands as the last seal is none.
        """
        count = 0
        while True:
            sealed = await self.seal_some()
            count += sealed.entries
            if not sealed.has_more:
                return count

    async def seal_some(self) -> Sealed:
        """Put one seal on the first entries that have none."""
        await self._look_for_cuts()
        before = await self._head()
        horizon, gaps = (before.horizon, before.gaps) if before else (0, ())
        entries = await self._chain.unsealed(horizon, gaps, MOST_ENTRIES)
        if not entries:
            return Sealed(0, has_more=False)
        seal, kept = await asyncio.to_thread(self._made, before, entries)
        if not await self._chain.add(kept):
            return Sealed(0, has_more=True)  # another node was faster, perhaps with less
        self._last, self._witnessed = (kept, seal), kept.jws
        self._meter.count(_SEALED, len(entries))
        _log.info("audit.sealed", seal=seal.number, entries=seal.entries, digest=seal.digest())
        await asyncio.to_thread(self._heads.keep, kept)
        return Sealed(len(entries), has_more=len(entries) == MOST_ENTRIES)

    async def _look_for_cuts(self) -> None:
        """See that the seals that are known to have been made are there; tell and keep, if not."""
        for signed in {await asyncio.to_thread(self._heads.newest), self._witnessed}:
            seal = None if signed is None else read(signed)
            if signed is None or seal is None or await self._is_there(seal):
                continue
            self._meter.count(_CUTS)
            _log.error("audit.cut", seal=seal.number, digest=seal.digest())
            await asyncio.to_thread(self._heads.set_aside, signed, seal)
            self._witnessed = None

    async def _is_there(self, seal: Seal) -> bool:
        page = await self._chain.seals(seal.number - 1, 1)
        return bool(page) and read(page[0].jws) == seal

    async def _head(self) -> Seal | None:
        kept = await self._chain.head()
        if kept is None:
            return None
        if self._last is None or self._last[0] != kept:
            seal = read(kept.jws)
            if seal is None or seal.number != kept.number:
                raise ConflictError(
                    "What stands as the last seal of the audit log is none: look at it with "
                    "`transfer audit verify`."
                )
            if self._own.open(kept.jws) is None:
                # The chain goes on all the same: which keys are right is for who verifies it.
                _log.warning("audit.sealed-by-another-key", seal=seal.number)
            else:
                self._witnessed = kept.jws
            self._last = (kept, seal)
        return self._last[1]

    def _made(self, before: Seal | None, entries: list[AuditEntry]) -> tuple[Seal, KeptSeal]:
        found = [(entry.sequence, digest_of(entry)) for entry in entries]
        seal = next_seal(before, found, self._clock.now())
        digests = packed(found)
        return seal, KeptSeal(number=seal.number, jws=self._signer.sign(seal), digests=digests)
