from tests.e2e.sftp.gateway import Gateway, data_of
from tests.engine_room import KIB

SIZE = 700 * KIB
"""Several WRITEs, whatever their length."""


async def test_who_counts_each_piece_from_0_appends_it_in_several_writes(
    gateway: Gateway,
) -> None:
    """What asyncssh does, as the offset of an APPEND is the server's to choose."""
    data = data_of(1000 + 2 * SIZE)
    await gateway.room.send("trace.log", data[:1000])
    async with gateway.opened("trace.log", "ab") as file:
        await file.write(data[1000 : 1000 + SIZE])
        await file.write(data[1000 + SIZE :])
    assert await gateway.content("trace.log") == data
