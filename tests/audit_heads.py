"""Seals of the audit log that are kept out of reach of its database, for tests."""

from transfer.core.audit_chain import Seal
from transfer.ports import KeptSeal


class MemoryHeads:
    """Seals in memory; plays the role `transfer.ports.AuditHeads`."""

    def __init__(self) -> None:
        self.kept: list[KeptSeal] = []
        self.aside: list[Seal] = []
        self._newest: str | None = None

    def newest(self) -> str | None:
        """Return the seal that was kept last."""
        return self._newest

    def keep(self, seal: KeptSeal) -> None:
        """Keep a seal."""
        self.kept.append(seal)
        self._newest = seal.jws

    def set_aside(self, signed: str, seal: Seal) -> None:
        """Keep a seal for good."""
        self.aside.append(seal)
        if self._newest == signed:
            self._newest = None
