import asyncio
import signal
from pathlib import Path

import pytest

from tests.cutting_proxy import CuttingProxy, cutting_proxy
from tests.e2e.sftp.gateway import Gateway, data_of, eventually
from tests.engine_room import KIB, MIB, NUMBER, customer
from tests.openssh import OpenSsh

PART = 64 * KIB
BLOCK = 255 * KIB
"""What OpenSSH sends at once, since 8.5."""


@pytest.fixture
def client(gateway: Gateway, tmp_path: Path) -> OpenSsh:
    return OpenSsh(gateway.username, gateway.password, gateway.port, tmp_path)


async def test_sftp_puts_and_gets(gateway: Gateway, client: OpenSsh) -> None:
    for size in (0, PART, 5 * MIB + 7):
        sent = data_of(size)
        (client.folder / "sent").write_bytes(sent)
        done = await client.sftp("put sent trace.log", "get trace.log fetched")
        assert done.code == 0, done.output
        assert (client.folder / "fetched").read_bytes() == sent
        assert await gateway.content("trace.log") == sent


async def test_sftp_sends_a_tree_with_its_times(gateway: Gateway, client: OpenSsh) -> None:
    for path in ("tree/a.log", "tree/below/b.log", "tree/below/deep/c.log"):
        (client.folder / path).parent.mkdir(parents=True, exist_ok=True)
        (client.folder / path).write_text(path)
    done = await client.sftp("put -pR tree", "ls -la", "get -pR tree back", "df -h")
    assert done.code == 0, done.output
    for path in ("a.log", "below/b.log", "below/deep/c.log"):
        sent, back = client.folder / "tree" / path, client.folder / "back" / path
        assert back.read_text() == f"tree/{path}" == sent.read_text()
        assert int(back.stat().st_mtime) == int(sent.stat().st_mtime)


async def test_sftp_arranges_files(gateway: Gateway, client: OpenSsh) -> None:
    (client.folder / "sent").write_text("some")
    done = await client.sftp(
        "mkdir logs",
        "put -f sent logs/one",  # with fsync
        "rename logs/one logs/two",
        "put sent logs/one",
        "rename logs/one logs/two",  # over the other one
        "chmod 600 logs/two",
        "rm logs/two",
        "rmdir logs",
        "ls",
    )
    assert done.code == 0, done.output
    assert done.output.split()[-1] == "shared"


async def test_a_failure_is_told_to_the_user(gateway: Gateway, client: OpenSsh) -> None:
    (client.folder / "sent").write_text("some")
    for command, told in (
        ("get nowhere", "not found"),
        ("put sent shared/mine", "Permission denied"),
        ("put sent nowhere/sent", "No such file"),
        ("rmdir shared", "Permission denied"),
        ("ln -s a b", "Operation unsupported"),
    ):
        done = await client.sftp(command)
        assert done.code == 1
        assert told in done.output


async def test_a_transfer_that_is_cut_twice_is_completed_by_reput(
    gateway: Gateway, client: OpenSsh
) -> None:
    data = data_of(4 * MIB + 321)
    (client.folder / "sent").write_bytes(data)
    async with cutting_proxy(gateway.port) as proxy:
        for command in ("put sent trace.log", "reput sent trace.log"):
            proxy.cut_after(1500 * KIB)
            cut = await client.sftp(command, port=proxy.port)
            assert cut.code != 0
            await eventually(lambda: gateway.is_interrupted("trace.log"))
            listing = await gateway.room.files.listing(customer(), NUMBER)
            assert [one.state for one in listing.uploads] == ["interrupted"]
            assert not listing.files
    done = await client.sftp("reput sent trace.log")
    assert done.code == 0, done.output
    assert await gateway.content("trace.log") == data


async def test_reget_goes_on_with_a_download(gateway: Gateway, client: OpenSsh) -> None:
    data = data_of(2 * MIB)
    await gateway.room.send("trace.log", data)
    (client.folder / "fetched").write_bytes(data[: MIB + 17])
    done = await client.sftp("reget trace.log fetched")
    assert done.code == 0, done.output
    assert (client.folder / "fetched").read_bytes() == data


async def test_reput_appends_to_a_received_file(gateway: Gateway, client: OpenSsh) -> None:
    data = data_of(6 * MIB)
    await gateway.room.send("trace.log", data[: 6 * MIB - 1000])
    gateway.store.calls.clear()
    (client.folder / "sent").write_bytes(data)
    done = await client.sftp("reput sent trace.log")
    assert done.code == 0, done.output
    assert gateway.calls("read") == 0
    assert await gateway.content("trace.log") == data


async def test_ctrl_c_while_a_transfer_is_resumed_leaves_it_interrupted(
    gateway: Gateway, client: OpenSsh
) -> None:
    """OpenSSH then closes the file as ever, but for the size that it sets before."""
    data = data_of(30 * MIB)
    (client.folder / "sent").write_bytes(data)
    async with cutting_proxy(gateway.port) as proxy:
        proxy.cut_after(2 * MIB)
        assert (await client.sftp("put sent trace.log", port=proxy.port)).code != 0
        await eventually(lambda: gateway.is_interrupted("trace.log"))
        held = (await gateway.upload("trace.log")).offset
        await _press_ctrl_c(client, proxy, "reput sent trace.log")
    assert await gateway.is_interrupted("trace.log")
    assert held < (await gateway.upload("trace.log")).offset < len(data)
    done = await client.sftp("reput sent trace.log")
    assert done.code == 0, done.output
    assert await gateway.content("trace.log") == data


@pytest.mark.parametrize("options", ["", " -pf"], ids=["plain", "with time and fsync"])
async def test_ctrl_c_leaves_a_put_interrupted(
    gateway: Gateway, client: OpenSsh, options: str
) -> None:
    """OpenSSH then closes the file as if that were all of it."""
    data = data_of(30 * MIB)
    (client.folder / "sent").write_bytes(data)
    async with cutting_proxy(gateway.port) as proxy:
        await _press_ctrl_c(client, proxy, f"put{options} sent trace.log")
    assert await gateway.is_interrupted("trace.log")
    held = (await gateway.upload("trace.log")).offset
    assert MIB / 2 < held < len(data)
    assert not held % BLOCK
    done = await client.sftp("reput sent trace.log")
    assert done.code == 0, done.output
    assert await gateway.content("trace.log") == data


async def test_a_put_that_ends_with_a_whole_block_is_sent_twice_to_be_believed(
    gateway: Gateway, client: OpenSsh
) -> None:
    (client.folder / "sent").write_bytes(data_of(2 * BLOCK))
    done = await client.sftp("put sent trace.log")
    assert done.code != 0, "it may have been stopped there, for all that is known"
    assert await gateway.is_interrupted("trace.log")
    (client.folder / "other").write_bytes(data_of(2 * BLOCK, 2))
    assert (await client.sftp("put other trace.log")).code != 0
    assert await gateway.is_interrupted("trace.log")
    for sent in ("other", "sent"):
        done = await client.sftp(f"put {sent} again.log")
        assert done.code != 0
    done = await client.sftp("put sent again.log")
    assert done.code == 0, done.output
    assert await gateway.content("again.log") == data_of(2 * BLOCK)


async def test_a_put_that_ends_with_a_whole_block_is_believed_once_it_is_renamed(
    gateway: Gateway, client: OpenSsh
) -> None:
    (client.folder / "sent").write_bytes(data_of(BLOCK))
    done = await client.sftp("-put sent trace.part", "rename trace.part trace.log")
    assert done.code == 0, done.output
    assert await gateway.content("trace.log") == data_of(BLOCK)
    done = await client.sftp("-put sent trace.part")
    done = await client.sftp("rename trace.part other.log")
    assert done.code == 0, done.output
    assert await gateway.is_interrupted("other.log"), "another session says nothing of it"


async def test_scp_says_how_long_its_file_is(gateway: Gateway, client: OpenSsh) -> None:
    (client.folder / "sent").write_bytes(data_of(2 * BLOCK))
    done = await client.scp("sent", "trace.log")
    assert done.code == 0, done.output
    assert await gateway.content("trace.log") == data_of(2 * BLOCK)


async def _press_ctrl_c(client: OpenSsh, proxy: CuttingProxy, command: str) -> None:
    """Type `command`, and stop it when it has sent a little of its file."""
    async with client.typing(proxy.port) as typing:
        proxy.slow_down(2 * MIB)
        start = proxy.sent_bytes

        async def is_under_way() -> bool:
            return proxy.sent_bytes > start + MIB

        typing.type(command)
        await eventually(is_under_way)
        typing.process.send_signal(signal.SIGINT)
        proxy.slow_down(None)
        typing.type("bye")
        async with asyncio.timeout(30):
            await typing.process.wait()


@pytest.mark.parametrize("size", [1000, 3 * PART], ids=["shorter", "longer"])
async def test_scp_overwrites_a_file(gateway: Gateway, client: OpenSsh, size: int) -> None:
    await gateway.room.send("trace.log", data_of(2 * PART))
    (client.folder / "sent").write_bytes(data_of(size, 2))
    done = await client.scp("sent", "trace.log", options="-p")
    assert done.code == 0, done.output
    assert await gateway.content("trace.log") == data_of(size, 2)


async def test_the_old_protocol_of_scp_is_refused(gateway: Gateway, client: OpenSsh) -> None:
    (client.folder / "sent").write_text("some")
    assert (await client.scp("sent", "trace.log", options="-O")).code != 0
    assert not (await gateway.room.files.listing(customer(), NUMBER)).files


async def test_ssh_gets_nothing_but_sftp(client: OpenSsh) -> None:
    for arguments in (("ls",), (), ("-N", "-L0:127.0.0.1:1", "-oExitOnForwardFailure=yes", "ls")):
        assert (await client.ssh(*arguments)).code == 255


async def test_sftp_copies_inside_the_store(gateway: Gateway, client: OpenSsh) -> None:
    for size in (0, PART, 5 * MIB, 5 * MIB + 7):  # among them what a `put` might be stopped at
        sent = data_of(size)
        await gateway.room.send("trace.log", sent, replaces=True)
        done = await client.sftp("cp trace.log copy.log", "ls copy.log")
        assert done.code == 0, done.output
        assert await gateway.content("copy.log") == sent
    assert gateway.calls("copy_part") == 2
