"""The sealing of the audit log, as the settings and the folder say."""

from collections.abc import Callable

from transfer.engine.audit_sealing import AuditSealer
from transfer.engine.audit_signatures import PURPOSE, SealSigner
from transfer.engine.secrets import Sealer
from transfer.folder import ServiceFolder
from transfer.ports import Clock, KeptSeal, Meter, Records
from transfer.settings import Settings

HEAD = "audit-head"
"""The last seal that was made here is kept under this name in the folder: `audit-head.json`."""


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
        keep=_keeper(ServiceFolder(settings.data)),
        meter=meter,
    )


def head_kept(settings: Settings) -> str | None:
    """Return the last seal that was made here, signed; None if there was none."""
    kept = ServiceFolder(settings.data).announced(HEAD)
    return None if kept is None else str(kept.get("jws"))


def _keeper(folder: ServiceFolder) -> Callable[[KeptSeal], None]:
    def keep(seal: KeptSeal) -> None:
        folder.announce(HEAD, {"number": seal.number, "jws": seal.jws})

    return keep
