"""Master keys: what one wraps, it alone opens, for the same case alone."""

import pytest

from transfer.core.cases import CaseId
from transfer.core.errors import StoreUnavailableError
from transfer.keys.masters import MasterKeyChain, MasterKeyFile
from transfer.ports import WrappedKey

CASE, KEY = CaseId("case"), bytes(range(32))
OLD, NEW = MasterKeyFile(bytes(32)), MasterKeyFile(bytes([7]) * 32)


async def test_what_was_wrapped_is_opened_again() -> None:
    wrapped = await NEW.wrap(CASE, KEY)
    assert wrapped.master == await NEW.current()
    assert KEY not in wrapped.sealed
    assert await NEW.unwrap(CASE, wrapped) == KEY
    assert await NEW.wrap(CASE, KEY) != wrapped


async def test_what_was_wrapped_for_one_case_is_not_opened_for_another() -> None:
    wrapped = await NEW.wrap(CASE, KEY)
    with pytest.raises(StoreUnavailableError):
        await NEW.unwrap(CaseId("another"), wrapped)


@pytest.mark.parametrize("sealed", [b"", b"short", bytes(60)])
async def test_what_is_damaged_is_not_opened(sealed: bytes) -> None:
    with pytest.raises(StoreUnavailableError, match="damaged"):
        await NEW.unwrap(CASE, WrappedKey(master=NEW.id, sealed=sealed))


def test_the_id_of_a_key_is_the_same_on_every_node_and_tells_nothing_of_it() -> None:
    assert MasterKeyFile(bytes(32)).id == OLD.id != NEW.id
    assert bytes(8).hex() not in OLD.id


@pytest.mark.parametrize("size", [0, 16, 31, 33])
def test_a_master_key_has_32_bytes(size: int) -> None:
    with pytest.raises(ValueError, match="32"):
        MasterKeyFile(bytes(size))


async def test_of_several_the_first_wraps_and_each_opens_what_it_has_wrapped() -> None:
    chain = MasterKeyChain([NEW, OLD])
    assert await chain.current() == NEW.id
    assert (await chain.wrap(CASE, KEY)).master == NEW.id
    for each in (NEW, OLD):
        assert chain.opens(each.id)
        assert await chain.unwrap(CASE, await each.wrap(CASE, KEY)) == KEY


class Kms(MasterKeyFile):
    """A KMS as a command asks it: told from another one only by what it can unwrap."""

    asked = 0

    def opens(self, master: str) -> bool:
        return master.startswith("file:")

    async def unwrap(self, case_id: CaseId, wrapped: WrappedKey) -> bytes:
        self.asked += 1
        return await super().unwrap(case_id, wrapped)


async def test_after_a_change_from_one_kms_to_another_both_are_asked() -> None:
    new, old = Kms(bytes(32)), Kms(bytes([7]) * 32)
    chain = MasterKeyChain([new, old])
    for _ in range(3):
        for each in (new, old):
            assert await chain.unwrap(CASE, await each.wrap(CASE, KEY)) == KEY
    assert (new.asked, old.asked) == (4, 3)  # who has opened before is asked first
    with pytest.raises(StoreUnavailableError, match="damaged"):
        await chain.unwrap(CASE, await Kms(bytes([8]) * 32).wrap(CASE, KEY))


async def test_what_a_key_has_wrapped_that_is_not_set_stays_closed() -> None:
    chain, wrapped = MasterKeyChain([NEW]), await OLD.wrap(CASE, KEY)
    assert not chain.opens(OLD.id)
    with pytest.raises(StoreUnavailableError, match=OLD.id):
        await chain.unwrap(CASE, wrapped)
