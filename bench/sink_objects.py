"""What the body-discarding S3 remembers: enough for boto3, the JavaScript SDK and rclone."""

import hashlib
import itertools
import re
import threading
from base64 import b64decode
from dataclasses import replace
from xml.etree import ElementTree

from awscrt.checksums import crc64nvme

from bench.sink_requests import KEPT_BYTES, Multipart, Reply, Request, Stored
from bench.sink_xml import element, error, listing, text_of

_LAST_MODIFIED = "Sat, 01 Nov 2025 00:00:00 GMT"
_STORED_HEADERS = ("content-type", "cache-control", "content-disposition", "content-encoding")


class Objects:
    """Every bucket's objects and multipart uploads; one lock, held for moments."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._serial = itertools.count(1)
        self._buckets: dict[str, dict[str, Stored]] = {}
        self._uploads: dict[str, tuple[str, Multipart]] = {}

    def answer(self, request: Request) -> Reply:
        """Do what a request asks."""
        with self._lock:
            if not request.bucket:
                return Reply(body=listing("ListAllMyBucketsResult", Buckets=""))
            if not request.key:
                return self._bucket(request)
            if "uploadId" in request.query or "uploads" in request.query:
                return self._multipart(request)
            return self._object(request)

    def _bucket(self, request: Request) -> Reply:
        query = request.query
        if request.method == "PUT":
            self._buckets.setdefault(request.bucket, {})
            return Reply(headers={"Location": f"/{request.bucket}"})
        if request.bucket not in self._buckets:
            return Reply(404, body=error("NoSuchBucket"))
        if request.method == "HEAD":
            return Reply()
        if request.method == "POST" and "delete" in query:
            return self._delete_many(request)
        if request.method != "GET":
            return Reply(501, body=error("NotImplemented"))
        if "location" in query:
            return Reply(body=listing("LocationConstraint"))
        if "versioning" in query:
            return Reply(body=listing("VersioningConfiguration"))
        if "uploads" in query:
            return self._list_uploads(request)
        return self._list_objects(request)

    def _list_objects(self, request: Request) -> Reply:
        query = request.query
        prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
        after = max(
            query.get(name, "")
            for name in ("marker", "start-after", "continuation-token", "key-marker")
        )
        limit = int(query.get("max-keys", "1000"))
        entries: list[str] = []
        folders: set[str] = set()
        kind = "Version" if "versions" in query else "Contents"
        last, truncated = "", False
        for key, stored in sorted(self._buckets[request.bucket].items()):
            if not key.startswith(prefix) or key <= after:
                continue
            if len(entries) + len(folders) == limit:
                truncated = True
                break
            last = key
            head, found, _ = key[len(prefix) :].partition(delimiter) if delimiter else (key, "", "")
            if found:
                folders.add(prefix + head + delimiter)
                continue
            entries.append(
                element(
                    kind,
                    Key=key,
                    Size=stored.size,
                    ETag=stored.etag,
                    LastModified="2025-11-01T00:00:00.000Z",
                    StorageClass="STANDARD",
                    **({"VersionId": "null", "IsLatest": "true"} if kind == "Version" else {}),
                )
            )
        common = [element("CommonPrefixes", Prefix=folder) for folder in sorted(folders)]
        body = listing(
            "ListVersionsResult" if kind == "Version" else "ListBucketResult",
            *entries,
            *common,
            Name=request.bucket,
            Prefix=prefix,
            KeyCount=len(entries) + len(common),
            MaxKeys=limit,
            IsTruncated=str(truncated).lower(),
            NextMarker=last,
            NextKeyMarker=last,
            NextContinuationToken=last,
        )
        return Reply(body=body)

    def _list_uploads(self, request: Request) -> Reply:
        prefix = request.query.get("prefix", "")
        found = [
            element(
                "Upload", Key=upload.key, UploadId=upload_id, Initiated="2025-11-01T00:00:00.000Z"
            )
            for upload_id, (bucket, upload) in self._uploads.items()
            if bucket == request.bucket and upload.key.startswith(prefix)
        ]
        return Reply(
            body=listing(
                "ListMultipartUploadsResult", *found, Bucket=request.bucket, IsTruncated="false"
            )
        )

    def _delete_many(self, request: Request) -> Reply:
        tree = ElementTree.fromstring(request.body.kept or b"<Delete/>")
        keys = [text_of(item, "Key") for item in tree if item.tag.endswith("Object")]
        for key in keys:
            self._buckets[request.bucket].pop(key, None)
        return Reply(body=listing("DeleteResult", *(element("Deleted", Key=key) for key in keys)))

    def _object(self, request: Request) -> Reply:
        bucket = self._buckets.get(request.bucket)
        if bucket is None:
            return Reply(404, body=error("NoSuchBucket"))
        if "tagging" in request.query:
            return Reply(body=listing("Tagging", TagSet=""))
        if request.method == "PUT":
            return self._put(bucket, request)
        if request.method == "DELETE":
            bucket.pop(request.key, None)
            return Reply(204)
        if request.method not in ("GET", "HEAD"):
            return Reply(501, body=error("NotImplemented"))
        stored = bucket.get(request.key)
        if stored is None:
            return Reply(404, body=b"" if request.method == "HEAD" else error("NoSuchKey"))
        return _read(request, stored)

    def _put(self, bucket: dict[str, Stored], request: Request) -> Reply:
        if _is_damaged(request):
            return Reply(400, body=error("BadDigest"))
        if request.headers.get("if-none-match") == "*" and request.key in bucket:
            return Reply(412, body=error("PreconditionFailed"))
        if source := self._copied(request):
            bucket[request.key] = replace(source, headers={**source.headers, **_kept(request)})
            return Reply(
                body=listing(
                    "CopyObjectResult", ETag=source.etag, LastModified="2025-11-01T00:00:00.000Z"
                )
            )
        stored = self._stored(request, {**_kept(request), **request.checksums()})
        bucket[request.key] = stored
        return Reply(headers={"ETag": stored.etag, **request.checksums()})

    def _stored(self, request: Request, headers: dict[str, str]) -> Stored:
        body = request.body
        return Stored(body.size, self._etag(request), body.kept, headers)

    def _etag(self, request: Request) -> str:
        if request.body.kept is not None:
            return f'"{hashlib.md5(request.body.kept, usedforsecurity=False).hexdigest()}"'
        # MD5 of what was thrown away would cost more than all the rest: any unique value will do.
        return f'"{next(self._serial):032x}"'

    def _copied(self, request: Request) -> Stored | None:
        source = request.headers.get("x-amz-copy-source", "").partition("?")[0]
        bucket, _, key = source.lstrip("/").partition("/")
        return self._buckets.get(bucket, {}).get(key) if source else None

    def _multipart(self, request: Request) -> Reply:
        if request.method == "POST" and "uploads" in request.query:
            return self._create(request)
        found = self._uploads.get(request.query.get("uploadId", ""))
        if found is None:
            return Reply(404, body=error("NoSuchUpload"))
        upload = found[1]
        if request.method == "PUT":
            return self._put_part(upload, request)
        if request.method == "GET":
            return _list_parts(upload, request)
        del self._uploads[request.query["uploadId"]]
        return Reply(204) if request.method == "DELETE" else self._complete(upload, request)

    def _create(self, request: Request) -> Reply:
        upload_id = f"upload-{next(self._serial)}"
        self._uploads[upload_id] = (request.bucket, Multipart(request.key, _kept(request)))
        told: dict[str, str] = {
            name: request.headers[name]
            for name in ("x-amz-checksum-algorithm", "x-amz-checksum-type")
            if name in request.headers
        }
        body = listing(
            "InitiateMultipartUploadResult",
            Bucket=request.bucket,
            Key=request.key,
            UploadId=upload_id,
        )
        return Reply(headers=told, body=body)

    def _put_part(self, upload: Multipart, request: Request) -> Reply:
        number = int(request.query["partNumber"])
        if source := self._copied(request):
            span = re.match(
                r"bytes=(\d+)-(\d+)", request.headers.get("x-amz-copy-source-range", "")
            )
            size = int(span[2]) - int(span[1]) + 1 if span else source.size
            upload.parts[number] = Stored(size, source.etag)
            return Reply(
                body=listing(
                    "CopyPartResult", ETag=source.etag, LastModified="2025-11-01T00:00:00.000Z"
                )
            )
        part = self._stored(request, request.checksums())
        upload.parts[number] = part
        if sum(part.size for part in upload.parts.values()) > KEPT_BYTES:
            # Too big to be kept: from here on its bytes come from the content file.
            upload.parts = {n: replace(p, kept=None) for n, p in upload.parts.items()}
        return Reply(headers={"ETag": part.etag, **part.headers})

    def _complete(self, upload: Multipart, request: Request) -> Reply:
        tree = ElementTree.fromstring(request.body.kept or b"<CompleteMultipartUpload/>")
        numbers = [int(text_of(part, "PartNumber")) for part in tree if part.tag.endswith("Part")]
        parts = [upload.parts[number] for number in numbers]
        pieces = [part.kept for part in parts if part.kept is not None]
        kept = b"".join(pieces) if len(pieces) == len(parts) else None
        size = sum(part.size for part in parts)
        etag = f'"{next(self._serial):032x}-{len(numbers)}"'
        whole = request.checksums()
        kind = request.headers.get("x-amz-checksum-type", "FULL_OBJECT")
        headers = {**upload.headers, **whole}
        if whole:
            headers["x-amz-checksum-type"] = kind
        self._buckets[request.bucket][upload.key] = Stored(size, etag, kept, headers)
        told = {"Checksum" + name.rpartition("-")[2].upper(): sum_ for name, sum_ in whole.items()}
        if told:
            told["ChecksumType"] = kind
        body = listing(
            "CompleteMultipartUploadResult",
            Location=request.target,
            Bucket=request.bucket,
            Key=upload.key,
            ETag=etag,
            **told,
        )
        return Reply(body=body)


def _is_damaged(request: Request) -> bool:
    """Check the CRC of a small body: a service may try whether its store does so at all."""
    told = request.headers.get("x-amz-checksum-crc64nvme")
    if told is None or request.body.kept is None:
        return False
    return int.from_bytes(b64decode(told), "big") != int(crc64nvme(request.body.kept))


def _kept(request: Request) -> dict[str, str]:
    """Return the headers that a later GET or HEAD must show again."""
    kept = {
        name: value
        for name, value in request.headers.items()
        if name.startswith("x-amz-meta-") or name in _STORED_HEADERS
    }
    coding = kept.pop("content-encoding", "").replace("aws-chunked", "").strip(", ")
    return {**kept, "content-encoding": coding} if coding else kept


def _read(request: Request, stored: Stored) -> Reply:
    headers = {"ETag": stored.etag, "Last-Modified": _LAST_MODIFIED, "Accept-Ranges": "bytes"}
    headers |= {
        name: value
        for name, value in stored.headers.items()
        if not name.startswith("x-amz-checksum-")
        or request.headers.get("x-amz-checksum-mode", "").upper() == "ENABLED"
    }
    start, end, status = 0, stored.size, 200
    if span := re.fullmatch(r"bytes=(\d*)-(\d*)", request.headers.get("range", "")):
        if span[1]:
            start, end = int(span[1]), min(int(span[2] or stored.size) + 1, stored.size)
        else:
            start = max(0, stored.size - int(span[2]))
        if start >= end:
            return Reply(416, {"Content-Range": f"bytes */{stored.size}"}, error("InvalidRange"))
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{stored.size}"
        status = 206
        headers = {k: v for k, v in headers.items() if not k.startswith("x-amz-checksum-")}
    headers["Content-Length"] = str(end - start)
    if request.method == "HEAD":
        return Reply(status, headers)
    if stored.kept is not None:
        return Reply(status, headers, stored.kept[start:end])
    return Reply(status, headers, content_start=start, content_size=end - start)


def _list_parts(upload: Multipart, request: Request) -> Reply:
    after = int(request.query.get("part-number-marker") or 0)
    limit = int(request.query.get("max-parts", "1000"))
    numbers = [number for number in sorted(upload.parts) if number > after]
    shown = numbers[:limit]
    parts = [
        element(
            "Part",
            PartNumber=number,
            ETag=upload.parts[number].etag,
            Size=upload.parts[number].size,
            LastModified="2025-11-01T00:00:00.000Z",
        )
        for number in shown
    ]
    body = listing(
        "ListPartsResult",
        *parts,
        Bucket=request.bucket,
        Key=upload.key,
        UploadId=request.query["uploadId"],
        MaxParts=limit,
        NextPartNumberMarker=shown[-1] if shown else after,
        IsTruncated=str(len(numbers) > limit).lower(),
    )
    return Reply(body=body)
