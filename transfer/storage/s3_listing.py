"""A bucket page by page, with a cursor that another process can go on from. Blocking."""

import json
from typing import TYPE_CHECKING, Any

from transfer.core.errors import StoreUnavailableError
from transfer.ports import StoredItem, StoredKind

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

_OBJECTS = "objects"
_MULTIPARTS = "multiparts"


def list_page(
    client: "S3Client", bucket: str, prefix: str, after: str | None, limit: int
) -> tuple[list[StoredItem], str | None]:
    """Return a page of what is below `prefix`, and the next cursor if any; see the port.

    Raises:
        StoreUnavailableError: the store gives the same page again.
    """
    # Each cursor is what the store itself said the next page begins behind.
    what, key, item_id = json.loads(after) if after else (_OBJECTS, None, None)
    page = _objects if what == _OBJECTS else _multiparts
    items, following = page(client, {"Bucket": bucket, "Prefix": prefix}, (key, item_id), limit)
    if following is not None and following == (key, item_id):
        raise StoreUnavailableError("The object store's list doesn't move on.")
    if following is not None:
        return items, json.dumps((what, *following))
    return items, json.dumps((_MULTIPARTS, None, None)) if what == _OBJECTS else None


_Marker = tuple[str | None, str | None]


def _objects(
    client: "S3Client", place: dict[str, Any], marker: _Marker, limit: int
) -> tuple[list[StoredItem], _Marker | None]:
    answer = client.list_object_versions(
        **place, **_markers("KeyMarker", "VersionIdMarker", marker), MaxKeys=limit
    )
    items = [
        StoredItem(StoredKind.VERSION, version["Key"], version["VersionId"], version["Size"])
        for version in answer.get("Versions", ())
    ]
    items += [
        StoredItem(StoredKind.DELETE_MARKER, marker["Key"], marker["VersionId"])
        for marker in answer.get("DeleteMarkers", ())
    ]
    if not answer.get("IsTruncated"):
        return items, None
    return items, (answer.get("NextKeyMarker"), answer.get("NextVersionIdMarker"))


def _multiparts(
    client: "S3Client", place: dict[str, Any], marker: _Marker, limit: int
) -> tuple[list[StoredItem], _Marker | None]:
    answer = client.list_multipart_uploads(
        **place, **_markers("KeyMarker", "UploadIdMarker", marker), MaxUploads=limit
    )
    items = [
        StoredItem(StoredKind.MULTIPART, upload["Key"], upload["UploadId"])
        for upload in answer.get("Uploads", ())
    ]
    if not answer.get("IsTruncated"):
        return items, None
    return items, (answer.get("NextKeyMarker"), answer.get("NextUploadIdMarker"))


def _markers(key_name: str, id_name: str, marker: _Marker) -> dict[str, Any]:
    """Return the parameters for a marker; S3 refuses an empty one."""
    named = {key_name: marker[0], id_name: marker[1]}
    return {name: value for name, value in named.items() if value}
