"""The sealing of the audit log, as the settings and the folder say."""

from pathlib import Path

from transfer.core.audit_chain import Seal
from transfer.engine.audit_sealing import AuditSealer
from transfer.engine.audit_signatures import PURPOSE, SealSigner
from transfer.engine.secrets import Sealer
from transfer.folder import ServiceFolder
from transfer.ports import Clock, KeptSeal, Meter, Records
from transfer.settings import Settings

HEAD = "audit-head"
"""The last seal that was made here is kept under this name in the folder: `audit-head.json`."""

_DIGEST_LETTERS = 8


def audit_sealer(
    settings: Settings,
    sealer: Sealer,
    *,
    records: Records,
    clock: Clock,
    meter: Meter | None = None,
) -> AuditSealer:
    """Return what puts seals on the audit log."""
    return AuditSealer(
        records.audit_chain,
        SealSigner(sealer.derive(PURPOSE)),
        clock,
        heads=FolderHeads(ServiceFolder(settings.data)),
        meter=meter,
    )


class FolderHeads:
    """The last seal in the service's folder; plays the role `transfer.ports.AuditHeads`."""

    def __init__(self, folder: ServiceFolder) -> None:
        self._folder = folder

    def newest(self) -> str | None:
        """Return the seal that is kept, a JWS; None if there is none."""
        kept = self._folder.announced(HEAD)
        return None if kept is None else str(kept.get("jws"))

    def keep(self, seal: KeptSeal) -> None:
        """Keep a seal in place of a lower one; others may seal for the same folder."""
        number = (self._folder.announced(HEAD) or {}).get("number")
        if not isinstance(number, int) or number < seal.number:
            self._folder.announce(HEAD, {"number": seal.number, "jws": seal.jws})

    def set_aside(self, signed: str, seal: Seal) -> None:
        """Keep `seal`, as it was `signed`, for good, whatever is kept later. Repeatable."""
        name = f"{HEAD}-{seal.number}-{seal.digest()[:_DIGEST_LETTERS]}"
        self._folder.announce(name, {"number": seal.number, "jws": signed})
        if self.newest() == signed:
            self._folder.withdraw(HEAD)


def heads_kept(settings: Settings) -> list[Path]:
    """Return the files of seals that were made here: the last one, and those set aside."""
    return sorted(ServiceFolder(settings.data).path.glob(f"{HEAD}*.json"))
