"""Which ciphers a client is offered: the fast ones alone, if it knows them."""

import asyncio
from collections.abc import Sequence

from asyncssh import SSHServerConnection, SSHServerConnectionOptions
from asyncssh.constants import MSG_KEXINIT
from asyncssh.packet import SSHPacket

from transfer.sftp.backpressure import PatientConnection

_PATIENCE_SECONDS = 1.0
"""How long a client may wait for the server's offer before it makes its own; none does."""

_COOKIE_BYTES = 16


class OfferingConnection(PatientConnection):
    """Makes its offer once it has seen the client's.

    The order of the client decides which cipher is used, and OpenSSH's before 10.0 puts AES-CTR,
    which costs both sides a multiple, before AES-GCM. So who offers AES-GCM is offered that alone;
    who doesn't, or waits for our offer, gets all there is.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, options: SSHServerConnectionOptions
    ) -> None:
        super().__init__(loop, options)
        self._has_offered = False
        self._patience: asyncio.TimerHandle | None = None

    def _send_kexinit(self) -> None:
        if self._has_offered:
            super()._send_kexinit()
        elif self._patience is None:
            self._patience = self._loop.call_later(_PATIENCE_SECONDS, self._offer)

    def _offer(self) -> None:
        """Make the first offer."""
        if self._patience is not None:
            self._patience.cancel()
        if not self._has_offered and self._transport is not None:
            self._has_offered = True
            super()._send_kexinit()

    async def _process_kexinit(self, pkttype: int, pktid: int, packet: SSHPacket) -> None:
        if not self._has_offered:
            self._enc_algs = _tailored(self._enc_algs, SSHPacket(packet.get_full_payload()))
            self._offer()
        await super()._process_kexinit(pkttype, pktid, packet)

    def connection_lost(self, exc: Exception | None = None) -> None:
        """Offer nothing to a client that is gone."""
        if self._patience is not None:
            self._patience.cancel()
        super().connection_lost(exc)

    _packet_handlers = {  # noqa: RUF012 - asyncssh declares it as an instance's
        **SSHServerConnection._packet_handlers,  # noqa: SLF001 - a subclass reads its parent's
        MSG_KEXINIT: _process_kexinit,
    }


def _tailored(ciphers: Sequence[bytes], offer: SSHPacket) -> Sequence[bytes]:
    """Return what to offer of `ciphers` to a client that makes `offer`. Source: RFC 4253, 7.1."""
    offer.get_bytes(1 + _COOKIE_BYTES)
    offer.get_namelist()  # key exchange
    offer.get_namelist()  # host keys
    sending, receiving = offer.get_namelist(), offer.get_namelist()
    gcm = [cipher for cipher in ciphers if b"-gcm@" in cipher]
    knows = not set(gcm).isdisjoint(sending) and not set(gcm).isdisjoint(receiving)
    return gcm if knows else ciphers
