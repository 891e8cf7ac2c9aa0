"""AES-GCM of SSH packets with the key prepared once, where asyncssh prepares it for each packet."""

from asyncssh.encryption import Encryption, GCMEncryption
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from transfer.ports import Buffer

TAG_BYTES = 16
HEADER_BYTES = 4
"""A packet's length, which AES-GCM authenticates and leaves readable."""

_FIXED_BYTES = 4
_COUNTER_MASK = 2**64 - 1


class KeptGcm(GCMEncryption):
    """AES-GCM for one direction and one key, at the packet where asyncssh's own object is.

    asyncssh goes on calling `encrypt_packet` and `decrypt_packet`; the straight path calls the
    other methods. Both count the same packets, so that they can take turns.

    Source: RFC 5647, 7.1: the nonce is four fixed bytes and a counter of packets.
    """

    def __init__(self, own: GCMEncryption) -> None:
        cipher = own._cipher  # noqa: SLF001 - key and counter are nowhere else
        super().__init__(cipher)
        key, nonce = cipher._key, cipher._iv  # noqa: SLF001 - the same
        self._aead = AESGCM(key)
        self._fixed = nonce[:_FIXED_BYTES]
        self._counter = int.from_bytes(nonce[_FIXED_BYTES:], "big")

    # ── For the straight path ────────────────────────────────────────────────────────────────

    def seal_into(self, header: bytes, packet: Buffer, out: Buffer) -> None:
        """Encrypt `packet` into `out`, which has room for it and its tag."""
        self._aead.encrypt_into(self._nonce(), packet, header, out)
        self.advance()

    def open_into(self, header: Buffer, sealed: Buffer, out: Buffer) -> bool:
        """Decrypt the next packet into `out`, which has its size; it stays the next.

        False if it was tampered with: `out` is worth nothing then.
        """
        try:
            self._aead.decrypt_into(self._nonce(), sealed, header, out)
        except InvalidTag:
            return False
        return True

    def advance(self) -> None:
        """Go on to the packet after the next."""
        self._counter = (self._counter + 1) & _COUNTER_MASK

    # ── For asyncssh ─────────────────────────────────────────────────────────────────────────

    def encrypt_packet(self, seq: int, header: bytes, packet: bytes) -> tuple[bytes, bytes]:  # noqa: ARG002 - asyncssh's signature
        """Encrypt a packet; its tag is behind it already."""
        sealed = self._aead.encrypt(self._nonce(), packet, header)
        self.advance()
        return header + sealed, b""

    def decrypt_packet(
        self,
        seq: int,  # noqa: ARG002 - asyncssh's signature
        first: bytes,
        rest: bytes,
        header_len: int,
        mac: bytes,
    ) -> bytes | None:
        """Decrypt a packet that comes in two pieces and its tag."""
        try:
            packet = self._aead.decrypt(
                self._nonce(), first[header_len:] + rest + mac, first[:header_len]
            )
        except InvalidTag:
            packet = None
        self.advance()
        return packet

    def _nonce(self) -> bytes:
        return self._fixed + self._counter.to_bytes(8, "big")


def kept(encryption: Encryption | None) -> Encryption | None:
    """Return what to use in place of asyncssh's object: itself, unless it is AES-GCM."""
    return KeptGcm(encryption) if type(encryption) is GCMEncryption else encryption
