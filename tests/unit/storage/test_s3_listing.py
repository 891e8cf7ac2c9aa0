"""Pages of a bucket, of stores that aren't quite right."""

import json
from typing import Any

import pytest

from transfer.core.errors import StoreUnavailableError
from transfer.storage.s3_listing import list_page


class Answers:
    """A client that gives one answer, and remembers what it was asked."""

    def __init__(self, **answer: Any) -> None:  # noqa: ANN401 -- as the store says
        self._answer = answer
        self.asked: dict[str, Any] = {}

    def list_object_versions(self, **asked: Any) -> dict[str, Any]:  # noqa: ANN401 -- the same
        self.asked = asked
        return self._answer

    list_multipart_uploads = list_object_versions


def page(client: Any, after: str | None = None) -> tuple[list[Any], str | None]:  # noqa: ANN401 -- the same
    return list_page(client, "bucket", "c/", after, 10)


def test_a_page_begins_behind_what_the_store_said() -> None:
    client = Answers(IsTruncated=True, NextKeyMarker="c/k", NextVersionIdMarker="v")
    _, following = page(client)
    assert client.asked == {"Bucket": "bucket", "Prefix": "c/", "MaxKeys": 10}
    page(Answers(IsTruncated=False), following)
    client = Answers(IsTruncated=False)
    page(client, following)
    assert (client.asked["KeyMarker"], client.asked["VersionIdMarker"]) == ("c/k", "v")


def test_a_marker_without_a_version_is_given_back_without_one() -> None:
    _, following = page(Answers(IsTruncated=True, NextKeyMarker="c/k"))
    client = Answers(IsTruncated=False)
    page(client, following)
    assert client.asked["KeyMarker"] == "c/k"
    assert "VersionIdMarker" not in client.asked


@pytest.mark.parametrize("what", ["objects", "multiparts"])
def test_a_list_that_does_not_move_on_is_not_followed_for_ever(what: str) -> None:
    cursor = json.dumps((what, "c/k", "v"))
    client = Answers(
        IsTruncated=True,
        NextKeyMarker="c/k",
        NextVersionIdMarker="v",
        NextUploadIdMarker="v",
    )
    with pytest.raises(StoreUnavailableError, match="move on"):
        page(client, cursor)


def test_multipart_uploads_follow_the_objects_and_end_the_list() -> None:
    items, following = page(Answers(Versions=[{"Key": "c/k", "VersionId": "v", "Size": 1}]))
    assert len(items) == 1
    items, following = page(Answers(Uploads=[{"Key": "c/k", "UploadId": "u"}]), following)
    assert (items[0].id, following) == ("u", None)
