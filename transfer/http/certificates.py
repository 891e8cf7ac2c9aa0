"""The certificate of a running service: replaced when its files are, without an interruption.

Connections keep what they began with. What can't be used is told loudly and left aside: the
certificate that is in use goes on.
"""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from ssl import SSLContext
from typing import NoReturn

import structlog
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from transfer.http.tls import server_context
from transfer.ports import Clock

_log = structlog.get_logger(__name__)

LOOK_EVERY = timedelta(seconds=5)
_WARN_BEFORE = timedelta(days=14)

_Look = tuple[tuple[int, int, int], ...]
"""What tells a file from the one that it replaces: when it was written, its size, its inode."""


@dataclass(frozen=True, slots=True)
class _Loaded:
    context: SSLContext
    fingerprint: str
    expires_at: datetime


class CertificateFiles:
    """A certificate chain and its key, as they are on the disk, and as they are in use.

    Raises:
        OSError: they can't be used.
    """

    def __init__(self, certificate: Path, key: Path, clock: Clock) -> None:
        self._paths = certificate, key
        self._clock = clock
        self._tried = self._seen = self._look()
        self._loaded = self._load()

    def context(self) -> SSLContext:
        """Return what a handshake uses that begins now."""
        return self._loaded.context

    def reload(self) -> None:
        """Use the files as they are now, if they can be used. Blocking, for a moment."""
        try:
            self._tried = self._look()
            loaded = self._load_unexpired()
        except OSError as exc:
            reason = exc.strerror or str(exc)
            _log.error("tls.certificate-unusable", reason=reason, goes_on=self._loaded.fingerprint)
            return
        self._loaded = loaded
        _log.info(
            "tls.certificate-in-use",
            fingerprint=loaded.fingerprint,
            expires_at=loaded.expires_at.isoformat(),
        )

    async def watch(self) -> NoReturn:
        """Reload whenever the files have changed, and lie still: one is written after the other."""
        warned: datetime | None = None
        while True:
            await self._clock.sleep(LOOK_EVERY.total_seconds())
            await asyncio.to_thread(self._reload_if_changed)
            expires_at = self._loaded.expires_at
            if warned != expires_at and expires_at - self._clock.now() < _WARN_BEFORE:
                _log.warning("tls.certificate-expires", expires_at=expires_at.isoformat())
                warned = expires_at

    def _reload_if_changed(self) -> None:
        before = self._seen
        try:
            self._seen = self._look()
        except OSError:
            return  # while one is replaced it may be away; a reload that is asked for tells
        if self._seen == before and self._seen != self._tried:
            self.reload()

    def _look(self) -> _Look:
        found = [path.stat() for path in self._paths]
        return tuple((one.st_mtime_ns, one.st_size, one.st_ino) for one in found)

    def _load_unexpired(self) -> _Loaded:
        loaded = self._load()
        if loaded.expires_at <= self._clock.now():
            raise OSError("the certificate has expired")
        return loaded

    def _load(self) -> _Loaded:
        context = server_context(*self._paths)
        try:
            leaf = x509.load_pem_x509_certificate(self._paths[0].read_bytes())
        except ValueError as exc:
            raise OSError("the certificate can't be read") from exc
        fingerprint = leaf.fingerprint(hashes.SHA256()).hex(":").upper()
        return _Loaded(context, fingerprint, leaf.not_valid_after_utc)
