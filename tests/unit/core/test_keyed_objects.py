"""What an object's key says of its encryption."""

import pytest

from transfer.core.cases import CaseId
from transfer.core.object_keys import case_of_key, owner_of_key
from transfer.core.uploads import UploadId, keyed_case, object_key, tail_key

CASE, UPLOAD = CaseId("5f0c"), UploadId("a1b2")


def test_an_object_that_is_encrypted_says_so_and_of_which_case_it_is() -> None:
    key = object_key(CASE, UPLOAD, 3, keyed=True)
    tail = tail_key(CASE, UPLOAD, 3, 1000, keyed=True)
    assert keyed_case(key) == keyed_case(tail) == keyed_case(f"{tail}.aside") == CASE
    assert len({key, tail, object_key(CASE, UPLOAD, 3)}) == 3


def test_its_key_tells_case_upload_and_fence_like_any_other() -> None:
    for keyed in (False, True):
        for key in (
            object_key(CASE, UPLOAD, 3, keyed=keyed),
            tail_key(CASE, UPLOAD, 3, 1000, keyed=keyed),
        ):
            owner = owner_of_key(key)
            assert owner is not None
            assert (case_of_key(key), owner.upload_id, owner.fence) == (CASE, UPLOAD, 3)


@pytest.mark.parametrize(
    "key",
    [
        "",
        "c/5f0c/",
        "c/5f0c/a1b2.3",
        "c/5f0c/a1b2.3.tail.1000",
        "c/5f0c/a1b2.3.tail.1000.k",
        "c/5f0c/a1b2.3.kk",
        "c/5f0c/a1b2.3.k/x",
        "c/5f0c/a1b2.k",
        "x/c/5f0c/a1b2.3.k",
        "c/5f/0c/a1b2.3.k",
        "probe/key",
    ],
)
def test_any_other_key_is_of_an_object_that_is_not_encrypted(key: str) -> None:
    assert keyed_case(key) is None
