from datetime import UTC, datetime, timedelta

import pytest
from asyncssh import SFTPAttrs

from transfer.core.names import CasePath
from transfer.core.uploads import Folder
from transfer.engine.files import Usage
from transfer.sftp.attributes import attributes_of, modified_at_of, name_of, space_of

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def _folder(path: str, modified_at: datetime = NOW) -> Folder:
    return Folder(path=CasePath(path), modified_at=modified_at)


@pytest.mark.parametrize(
    ("modified_at", "shown"),
    [
        (NOW, "Mar  2 09:00"),
        (NOW - timedelta(days=181), "Sep  2 09:00"),
        (NOW - timedelta(days=183), "Aug 31  2025"),
        (NOW + timedelta(minutes=1), "Mar  2  2026"),
        (datetime(1970, 1, 1, tzinfo=UTC), "Jan  1  1970"),
    ],
)
def test_a_list_shows_the_hour_of_what_is_recent_and_the_year_of_the_rest(
    modified_at: datetime, shown: str
) -> None:
    line = name_of(_folder("logs/deep", modified_at), NOW).longname
    assert line == f"drwxr-xr-x    1 case     case                0 {shown} deep".encode()


@pytest.mark.parametrize(
    ("modified_at", "second"),
    [
        (datetime(1960, 1, 1, tzinfo=UTC), 0),
        (datetime(2200, 1, 1, tzinfo=UTC), 2**32 - 1),
        (NOW + timedelta(microseconds=999_999), int(NOW.timestamp())),
    ],
)
def test_times_are_whole_seconds_within_what_version_3_has_room_for(
    modified_at: datetime, second: int
) -> None:
    assert attributes_of(_folder("logs", modified_at)).mtime == second


def test_the_time_that_a_client_sets_is_one_in_utc() -> None:
    assert modified_at_of(SFTPAttrs()) is None
    assert modified_at_of(SFTPAttrs(mtime=2**32 - 1)) == datetime(2106, 2, 7, 6, 28, 15, tzinfo=UTC)


def test_there_is_room_for_the_largest_file_however_much_is_used() -> None:
    space = space_of(Usage(files=3, size_bytes=10**15))
    assert (space.blocks - space.bfree) * space.frsize >= 10**15
    assert space.bavail * space.bsize > 48 * 2**40
