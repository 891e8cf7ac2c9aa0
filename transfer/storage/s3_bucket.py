"""What is in a bucket, down to the last version: listing and deleting. Blocking."""

from collections.abc import Iterator, Sequence
from itertools import chain, islice
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from transfer.core.errors import StoreUnavailableError
from transfer.ports import StoredItem, StoredKind
from transfer.storage.s3_client import S3Settings
from transfer.storage.s3_errors import error_code

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client
    from types_boto3_s3.type_defs import DeletedObjectTypeDef, ObjectIdentifierTypeDef

_BATCH = 1000
"""As many as S3 lists in one page, and deletes in one request."""

_PASSES = 10
_GONE_ALREADY = frozenset({"NoSuchKey", "NoSuchVersion", "NoSuchUpload"})
_OURS_ALREADY = frozenset({"BucketAlreadyOwnedByYou"})


def ensure_bucket(client: "S3Client", settings: S3Settings) -> None:
    """Create the bucket of `settings` unless it is there."""
    try:
        client.head_bucket(Bucket=settings.bucket)
    except ClientError as exc:
        if error_code(exc) not in {"404", "NoSuchBucket"}:
            raise
        _create_bucket(client, settings)


def list_everything(client: "S3Client", bucket: str, prefix: str, limit: int) -> list[StoredItem]:
    """List up to `limit` versions, delete markers and open multipart uploads below `prefix`.

    An empty list is the truth. One that took more than a page may lack items: SeaweedFS skips
    versions between pages where one key is the beginning of another (`a` and `a-b`). So who wants
    everything gone deletes what is listed and lists again, until nothing is.
    """
    page_size = max(1, min(limit, _BATCH))
    found = chain(
        _versions(client, bucket, prefix, page_size),
        _multiparts(client, bucket, prefix, page_size),
    )
    return list(islice(found, limit))


def delete_items(client: "S3Client", bucket: str, items: Sequence[StoredItem]) -> None:
    """Delete exactly `items`, those that are gone already aside."""
    _delete(
        client,
        bucket,
        [
            {"Key": item.key, "VersionId": item.id}
            for item in items
            if item.kind is not StoredKind.MULTIPART
        ],
    )
    for item in items:
        if item.kind is StoredKind.MULTIPART:
            _abort(client, bucket, item)


def delete_every_version(client: "S3Client", bucket: str, keys: Sequence[str]) -> None:
    """Delete `keys`, and their former versions if the bucket keeps any.

    Raises:
        StoreUnavailableError: some can't be deleted now.
    """
    for deleted in _delete(client, bucket, [{"Key": key} for key in keys]):
        # Only where versions are kept does a deletion leave a marker; elsewhere we are done.
        if deleted.get("DeleteMarker") or deleted.get("DeleteMarkerVersionId"):
            _delete_versions(client, bucket, deleted["Key"])


def _delete_versions(client: "S3Client", bucket: str, key: str) -> None:
    for _ in range(_PASSES):
        found = [item for item in _versions(client, bucket, key, _BATCH) if item.key == key]
        if not found:
            return
        delete_items(client, bucket, found)
    raise StoreUnavailableError("The object store keeps versions that were deleted.")


def _delete(
    client: "S3Client", bucket: str, objects: "Sequence[ObjectIdentifierTypeDef]"
) -> "list[DeletedObjectTypeDef]":
    deleted: list[DeletedObjectTypeDef] = []
    for start in range(0, len(objects), _BATCH):
        batch = objects[start : start + _BATCH]
        answer = client.delete_objects(Bucket=bucket, Delete={"Objects": batch})
        for error in answer.get("Errors", ()):
            if error.get("Code") not in _GONE_ALREADY:
                raise StoreUnavailableError(f"The object store did not delete: {error.get('Code')}")
        deleted += answer.get("Deleted", ())
    return deleted


def _abort(client: "S3Client", bucket: str, item: StoredItem) -> None:
    try:
        client.abort_multipart_upload(Bucket=bucket, Key=item.key, UploadId=item.id)
    except ClientError as exc:
        if error_code(exc) not in _GONE_ALREADY:
            raise


def _versions(client: "S3Client", bucket: str, prefix: str, page_size: int) -> Iterator[StoredItem]:
    pages = client.get_paginator("list_object_versions").paginate(
        Bucket=bucket, Prefix=prefix, PaginationConfig={"PageSize": page_size}
    )
    for page in pages:
        for version in page.get("Versions", ()):
            yield StoredItem(
                StoredKind.VERSION, version["Key"], version["VersionId"], version["Size"]
            )
        for marker in page.get("DeleteMarkers", ()):
            yield StoredItem(StoredKind.DELETE_MARKER, marker["Key"], marker["VersionId"])


def _multiparts(
    client: "S3Client", bucket: str, prefix: str, page_size: int
) -> Iterator[StoredItem]:
    pages = client.get_paginator("list_multipart_uploads").paginate(
        Bucket=bucket, Prefix=prefix, PaginationConfig={"PageSize": page_size}
    )
    for page in pages:
        for upload in page.get("Uploads", ()):
            yield StoredItem(StoredKind.MULTIPART, upload["Key"], upload["UploadId"])


def _create_bucket(client: "S3Client", settings: S3Settings) -> None:
    try:
        if settings.endpoint_url is None and settings.region != "us-east-1":
            # AWS alone wants to be told what it knows from the address already.
            client.create_bucket(
                Bucket=settings.bucket,
                CreateBucketConfiguration={"LocationConstraint": settings.region},  # type: ignore[typeddict-item]  # a list of today's regions
            )
        else:
            client.create_bucket(Bucket=settings.bucket)
    except ClientError as exc:
        if error_code(exc) not in _OURS_ALREADY:  # another node was faster
            raise
