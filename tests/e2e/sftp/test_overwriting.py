import asyncssh
import pytest
from asyncssh import FXF_APPEND, FXF_CREAT, FXF_EXCL, FXF_TRUNC, FXF_WRITE, SFTPAttrs

from tests.e2e.sftp.gateway import Gateway, data_of, eventually
from tests.engine_room import KIB, MIB, NUMBER, customer
from transfer.core.errors import RecordsUnavailableError

PART = 64 * KIB
IN_PLACE = FXF_WRITE | FXF_CREAT
"""The flags of scp, which overwrites in place."""


async def test_put_over_a_file_replaces_it(gateway: Gateway) -> None:
    await gateway.room.send("trace.log", data_of(3 * PART))
    async with gateway.client() as client, client.open("trace.log", "wb") as file:
        await file.write(b"new")
    assert await gateway.content("trace.log") == b"new"
    assert len((await gateway.room.files.listing(customer(), NUMBER)).files) == 1


async def test_the_old_file_stays_until_the_new_one_is_whole(gateway: Gateway) -> None:
    await gateway.room.send("trace.log", b"old")
    async with gateway.opened("trace.log", "wb") as file:
        await file.write(b"new")
        listing = await gateway.room.files.listing(customer(), NUMBER)
        assert [one.size for one in listing.files] == [3]
        assert await gateway.room.content_of(listing.files[0]) == b"old"
    assert await gateway.content("trace.log") == b"new"


async def test_a_file_that_a_hold_keeps_is_neither_replaced_nor_changed_nor_removed(
    gateway: Gateway,
) -> None:
    await gateway.room.send("trace.log", b"old")
    await gateway.room.core.hold(NUMBER, "litigation", "admin")
    async with gateway.client() as client:
        for flags in (IN_PLACE | FXF_TRUNC, IN_PLACE, FXF_WRITE | FXF_APPEND):
            with pytest.raises(asyncssh.SFTPPermissionDenied, match="hold"):
                await client.open("trace.log", flags)
        async with client.open("new.log", "wb") as file:
            await file.write(b"new")
        with pytest.raises(asyncssh.SFTPPermissionDenied, match="hold"):
            await client.posix_rename("new.log", "trace.log")
        for change in (client.remove("trace.log"), client.truncate("trace.log", 1)):
            with pytest.raises(asyncssh.SFTPPermissionDenied, match="hold"):
                await change
        await client.rename("new.log", "newer.log")
    assert await gateway.content("trace.log") == b"old"
    assert await gateway.content("newer.log") == b"new"
    assert not (await gateway.room.files.listing(customer(), NUMBER)).uploads


async def test_a_removed_partial_upload_gives_way_to_the_file_that_it_would_have_replaced(
    gateway: Gateway,
) -> None:
    await gateway.room.send("trace.log", b"old")
    async with gateway.connect() as connection:
        async with connection.start_sftp_client() as client:
            await (await client.open("trace.log", "wb")).write(b"new")
        await eventually(lambda: gateway.is_interrupted("trace.log"))
        async with connection.start_sftp_client() as client:
            await client.remove("trace.log")
    assert await gateway.content("trace.log") == b"old"


async def test_put_over_a_partial_upload_leaves_nothing_of_it(gateway: Gateway) -> None:
    async with gateway.connect() as connection:
        async with connection.start_sftp_client() as client:
            await (await client.open("trace.log", "wb")).write(b"partial")
        await eventually(lambda: gateway.is_interrupted("trace.log"))
        async with connection.start_sftp_client() as client, client.open("trace.log", "wb") as file:
            await file.write(b"whole")
    listing = await gateway.room.files.listing(customer(), NUMBER)
    assert await gateway.content("trace.log") == b"whole"
    assert not listing.uploads


async def test_an_unfinished_upload_that_scp_sends_anew_is_given_up(gateway: Gateway) -> None:
    async with gateway.connect() as connection:
        async with connection.start_sftp_client() as client:
            await (await client.open("trace.log", "wb")).write(b"partial")
        await eventually(lambda: gateway.is_interrupted("trace.log"))
        async with connection.start_sftp_client() as client:
            file = await client.open("trace.log", IN_PLACE, encoding=None)
            await file.write(b"all of it", 0)
            [upload] = (await gateway.room.files.listing(customer(), NUMBER)).uploads
            assert [writer.upload.id for writer in gateway.room.leases.writers] == [upload.id]
            await file.close()
    assert await gateway.content("trace.log") == b"all of it"


async def test_a_put_that_cannot_be_begun_after_all_leaves_no_empty_upload(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with gateway.connect() as connection:
        async with connection.start_sftp_client() as client:
            await (await client.open("trace.log", "wb")).write(b"partial")
        await eventually(lambda: gateway.is_interrupted("trace.log"))
        async with connection.start_sftp_client() as client:
            with monkeypatch.context() as patch:
                patch.setattr(gateway.room.records.uploads, "unfinished", _away)
                with pytest.raises(asyncssh.SFTPError):
                    await client.open("trace.log", "wb")
    listing = await gateway.room.files.listing(customer(), NUMBER)
    assert [upload.offset for upload in listing.uploads] == [len(b"partial")]


async def test_a_file_that_cannot_be_overwritten_after_all_stays_without_an_empty_upload(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    await gateway.room.send("trace.log", b"old")
    async with gateway.client() as client:
        file = await client.open("trace.log", IN_PLACE, encoding=None)
        await client.utime("trace.log", (1_700_000_000, 1_700_000_000))
        with monkeypatch.context() as patch:
            patch.setattr(gateway.room.records.tree, "touch", _away)
            with pytest.raises(asyncssh.SFTPError):
                await file.write(b"new", 0)
        with pytest.raises(asyncssh.SFTPError):
            await file.close()
    assert await gateway.content("trace.log") == b"old"
    assert not (await gateway.room.files.listing(customer(), NUMBER)).uploads


async def _away(*_: object) -> None:
    raise RecordsUnavailableError("not now")


async def test_of_two_that_put_the_same_file_the_later_wins_and_the_other_is_told(
    gateway: Gateway,
) -> None:
    async with gateway.client() as first, gateway.client() as second:
        early = await first.open("trace.log", "wb")
        await early.write(b"early")
        late = await second.open("trace.log", "wb")
        await late.write(b"late")
        await late.close()
        with pytest.raises(asyncssh.SFTPFailure):
            await early.close()
    assert await gateway.content("trace.log") == b"late"
    assert not (await gateway.room.files.listing(customer(), NUMBER)).uploads


async def test_an_exclusive_open_takes_no_name_that_is_taken(gateway: Gateway) -> None:
    async with gateway.client() as client:
        async with client.open("trace.log", "xb") as file:
            await file.write(b"first")
        for flags in (FXF_EXCL, FXF_EXCL | FXF_TRUNC):
            with pytest.raises(asyncssh.SFTPFailure, match="already there"):
                await client.open("trace.log", FXF_WRITE | FXF_CREAT | flags, encoding=None)
    assert await gateway.content("trace.log") == b"first"


async def test_a_file_that_is_opened_and_closed_untouched_stays_as_it_is(gateway: Gateway) -> None:
    await gateway.room.send("trace.log", b"some")
    before = await gateway.file("trace.log")
    async with gateway.client() as client:
        for flags in (FXF_WRITE, IN_PLACE, IN_PLACE | FXF_APPEND):
            async with client.open("trace.log", flags, encoding=None) as file:
                assert (await file.stat()).size == 4
    assert await gateway.file("trace.log") == before


async def test_to_append_to_a_received_file_downloads_nothing(gateway: Gateway) -> None:
    data = data_of(6 * MIB + 1000)
    await gateway.room.send("trace.log", data)
    gateway.store.calls.clear()
    async with gateway.client() as client:
        async with client.open("trace.log", IN_PLACE | FXF_APPEND, encoding=None) as file:
            await file.write(b"and more", len(data))
        async with client.open("trace.log", FXF_WRITE, encoding=None) as file:
            await file.write(b" and more", (await file.stat()).size)
    assert gateway.calls("read") == 0
    assert gateway.calls("copy_part") == 2
    assert await gateway.content("trace.log") == data + b"and more and more"


async def test_a_small_file_is_appended_to_as_well(gateway: Gateway) -> None:
    await gateway.room.send("trace.log", b"some")
    async with gateway.opened("trace.log", "ab") as file:
        await file.write(b" and")
        await file.write(b" more")
    assert await gateway.content("trace.log") == b"some and more"


@pytest.mark.parametrize("size", [3, 2 * PART + 5, 2 * PART + 50], ids=str)
async def test_scp_overwrites_in_place_and_sets_the_size(gateway: Gateway, size: int) -> None:
    await gateway.room.send("trace.log", data_of(2 * PART + 5))
    data = data_of(size, 2)
    async with gateway.opened("trace.log", IN_PLACE) as file:
        await file.write(data, 0)
        await file.truncate(len(data))
    assert await gateway.content("trace.log") == data


async def test_an_overwrite_in_place_that_ends_early_is_interrupted(gateway: Gateway) -> None:
    await gateway.room.send("trace.log", data_of(2 * PART))
    async with gateway.client() as client:
        file = await client.open("trace.log", IN_PLACE, encoding=None)
        await file.write(data_of(PART, 2), 0)
        with pytest.raises(asyncssh.SFTPFailure, match=f"{PART} bytes are missing of {2 * PART}"):
            await file.close()
    assert await gateway.is_interrupted("trace.log")
    [file_before] = (await gateway.room.files.listing(customer(), NUMBER)).files
    assert await gateway.room.content_of(file_before) == data_of(2 * PART)


async def test_an_overwrite_in_place_that_reaches_the_old_size_is_whole(gateway: Gateway) -> None:
    await gateway.room.send("trace.log", data_of(2 * PART))
    async with gateway.opened("trace.log", IN_PLACE) as file:
        await file.write(data_of(2 * PART, 2), 0)
    assert await gateway.content("trace.log") == data_of(2 * PART, 2)


async def test_a_size_that_is_set_ahead_must_be_reached(gateway: Gateway) -> None:
    async with gateway.client() as client:
        file = await client.open("trace.log", "wb")
        await file.truncate(10)
        await file.write(b"01234", 0)
        with pytest.raises(asyncssh.SFTPFailure, match="5 bytes are missing of 10"):
            await file.close()
        async with client.open("trace.log", IN_PLACE, encoding=None) as file:
            await file.write(b"56789", 5)
    assert await gateway.content("trace.log") == b"0123456789"


@pytest.mark.parametrize("size", [0, 4, 3 * PART - 1], ids=str)
async def test_a_received_file_is_shortened_by_its_path(gateway: Gateway, size: int) -> None:
    data = data_of(3 * PART)
    await gateway.room.send("trace.log", data)
    async with gateway.client() as client:
        await client.truncate("trace.log", size)
    assert await gateway.content("trace.log") == data[:size]


async def test_a_received_file_is_shortened_by_its_handle(gateway: Gateway) -> None:
    await gateway.room.send("trace.log", b"0123456789")
    async with gateway.opened("trace.log", FXF_WRITE) as file:
        await file.truncate(4)
        await file.write(b"x", 4)
    assert await gateway.content("trace.log") == b"0123x"


async def test_a_client_that_was_stopped_before_it_appended_anything_changes_nothing(
    gateway: Gateway,
) -> None:
    """OpenSSH then sets the size that was acknowledged in its session: 0."""
    await gateway.room.send("trace.log", b"some")
    async with gateway.opened("trace.log", IN_PLACE | FXF_APPEND) as file:
        with pytest.raises(asyncssh.SFTPOpUnsupported):
            await file.truncate(0)
    assert await gateway.content("trace.log") == b"some"


async def test_a_received_file_is_not_lengthened_by_what_has_yet_to_be_sent(
    gateway: Gateway,
) -> None:
    await gateway.room.send("trace.log", b"some")
    async with gateway.client() as client:
        await client.truncate("trace.log", 4)
        file = await client.open("trace.log", FXF_WRITE, encoding=None)
        await file.truncate(6)
        with pytest.raises(asyncssh.SFTPFailure, match="2 bytes are missing of 6"):
            await file.close()
    assert await gateway.content("trace.log") == b"some"


async def test_an_announced_size_that_is_too_large_is_refused_at_once(gateway: Gateway) -> None:
    flags = FXF_WRITE | FXF_CREAT | FXF_TRUNC
    async with gateway.client() as client:
        with pytest.raises(asyncssh.SFTPFailure, match="at most"):
            await client.open("trace.log", flags, SFTPAttrs(size=2**60), encoding=None)
        assert not await client.exists("trace.log")
