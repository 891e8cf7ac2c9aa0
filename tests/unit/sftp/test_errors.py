import inspect

import pytest
from asyncssh import SFTPError

from transfer.core import errors
from transfer.core.errors import TransferError
from transfer.sftp.errors import STATUS, sftp_error

ALL = [
    kind
    for _, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, TransferError)
]


def test_every_error_of_the_core_has_its_status() -> None:
    assert set(STATUS) == set(ALL)


@pytest.mark.parametrize("kind", ALL)
def test_a_status_is_one_of_version_3_and_keeps_the_message(kind: type[TransferError]) -> None:
    error = kind(7) if kind is errors.OffsetMismatchError else kind("Do it like this.")
    told = sftp_error(error)
    assert isinstance(told, SFTPError)
    assert 2 <= told.code <= 8
    assert told.reason == error.message


def test_an_error_that_is_none_of_the_core_s_own_goes_as_its_parent() -> None:
    class SpecialMissingError(errors.EntryMissingError):
        pass

    assert sftp_error(SpecialMissingError("No.")).code == 2
