import pytest
from asyncssh.encryption import GCMEncryption, get_encryption

from transfer.sftp.gcm import KeptGcm, kept

HEADER = (48).to_bytes(4, "big")
PACKET = bytes(range(48))


def stock(nonce: bytes = bytes(12)) -> GCMEncryption:
    made = get_encryption(b"aes128-gcm@openssh.com", bytes(16), nonce)
    assert isinstance(made, GCMEncryption)
    return made


def sealed_by(encryption: GCMEncryption) -> bytes:
    return b"".join(encryption.encrypt_packet(0, HEADER, PACKET))


def opened_into(encryption: KeptGcm, header: bytes, sealed: bytes) -> bytes | None:
    out = bytearray(len(sealed) - 16)
    return bytes(out) if encryption.open_into(header, sealed, out) else None


def opened_by(encryption: GCMEncryption, sealed: bytes) -> bytes | None:
    return encryption.decrypt_packet(0, sealed[:16], sealed[16:-16], 4, sealed[-16:])


@pytest.mark.parametrize("nonce", [bytes(12), bytes(4) + b"\xff" * 8])
def test_packets_are_those_of_asyncssh_also_when_the_counter_wraps(nonce: bytes) -> None:
    own, other = stock(nonce), KeptGcm(stock(nonce))
    for _ in range(3):
        assert sealed_by(own) == sealed_by(other)


def test_it_goes_on_where_asyncssh_has_counted_to() -> None:
    own, other = stock(), stock()
    sealed_by(own), sealed_by(other)
    assert sealed_by(own) == sealed_by(KeptGcm(other))


def test_both_ways_of_sealing_take_turns() -> None:
    own, other = stock(), KeptGcm(stock())
    for _ in range(2):
        out = bytearray(4 + len(PACKET) + 16)
        out[:4] = HEADER
        other.seal_into(HEADER, PACKET, memoryview(out)[4:])
        assert sealed_by(own) == bytes(out)
        assert sealed_by(own) == sealed_by(other)


def test_both_ways_of_opening_take_turns() -> None:
    own, other = stock(), KeptGcm(stock())
    for _ in range(2):
        sealed = sealed_by(own)
        assert opened_into(other, sealed[:4], sealed[4:]) == PACKET
        other.advance()
        assert opened_by(other, sealed_by(own)) == PACKET


def test_a_packet_that_was_tampered_with_is_not_opened_and_stays_the_next() -> None:
    own, other = stock(), KeptGcm(stock())
    sealed = sealed_by(own)
    tampered = sealed[:-1] + bytes((sealed[-1] ^ 1,))
    assert opened_into(other, tampered[:4], tampered[4:]) is None
    assert opened_into(other, b"\0\0\0\x31", sealed[4:]) is None  # nor with another length
    assert opened_into(other, sealed[:4], sealed[4:]) == PACKET
    assert opened_by(other, tampered) is None


def test_other_ciphers_are_left_as_they_are() -> None:
    counter = get_encryption(b"aes128-ctr", bytes(16), bytes(16), b"hmac-sha2-256", bytes(32))
    assert kept(counter) is counter
    assert kept(None) is None
    assert isinstance(kept(stock()), KeptGcm)
