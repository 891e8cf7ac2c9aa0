import asyncio

import pytest
from asyncssh.packet import SSHPacket

from tests.e2e.sftp.gateway import HOST, Gateway
from tests.unit.sftp.test_fastpath import round_trip

GCM, CTR = "aes128-gcm@openssh.com", "aes128-ctr"


@pytest.mark.parametrize(
    ("offered", "agreed"),
    [
        ([CTR, "aes256-ctr", GCM], GCM),
        (["aes256-gcm@openssh.com", GCM], "aes256-gcm@openssh.com"),
        (["chacha20-poly1305@openssh.com", CTR, "aes256-ctr"], CTR),
    ],
)
async def test_who_knows_aes_gcm_uses_it_whatever_comes_first(
    gateway: Gateway, offered: list[str], agreed: str
) -> None:
    async with gateway.connect(encryption_algs=offered) as connection:
        assert connection.get_extra_info("send_cipher") == agreed
        assert connection.get_extra_info("recv_cipher") == agreed
        await round_trip(connection, "trace.log")


async def test_who_waits_for_the_offer_gets_all_of_it(gateway: Gateway) -> None:
    reader, writer = await asyncio.open_connection(HOST, gateway.port)
    assert (await reader.readline()).startswith(b"SSH-2.0-")
    writer.write(b"SSH-2.0-patient\r\n")
    async with asyncio.timeout(10):
        size = int.from_bytes(await reader.readexactly(4), "big")
        content = await reader.readexactly(size)
    offer = SSHPacket(content[1 : -content[0]])
    offer.get_bytes(1 + 16)
    offer.get_namelist(), offer.get_namelist()
    assert {GCM.encode(), CTR.encode()} <= set(offer.get_namelist())
    writer.close()


async def test_who_leaves_before_the_offer_is_let_go(gateway: Gateway) -> None:
    reader, writer = await asyncio.open_connection(HOST, gateway.port)
    await reader.readline()
    writer.write(b"SSH-2.0-hasty\r\n")
    writer.close()
    await writer.wait_closed()
    async with gateway.connect() as connection:
        await round_trip(connection, "trace.log")
