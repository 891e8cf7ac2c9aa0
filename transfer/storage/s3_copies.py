"""Parts made of other objects: copied inside the store, or by way of us if it can't. Blocking.

SeaweedFS 4.48 copies nothing that is encrypted under a key of ours (NotImplemented). Then what is
read goes back at once, a chunk in memory at a time. Such a part is sent without a checksum, as
nobody knows it yet: that of the whole object covers it, as it does any part that was copied.
"""

from contextlib import closing
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, cast

from botocore.exceptions import ClientError

from transfer.core.errors import StoreUnavailableError
from transfer.storage.s3_customer_keys import parameters, source_parameters
from transfer.storage.s3_downloads import CHUNK_BYTES
from transfer.storage.s3_errors import error_code

if TYPE_CHECKING:
    from botocore.response import StreamingBody
    from types_boto3_s3 import S3Client

_NOT_OFFERED = "NotImplemented"


@dataclass(frozen=True, slots=True, kw_only=True)
class PartCopy:
    """What becomes which part: `size` bytes of the object `source` from `start`, and their keys."""

    bucket: str
    key: str
    multipart_id: str
    part_number: int
    source: str
    start: int
    size: int
    customer_key: bytes | None = field(default=None, repr=False)
    source_key: bytes | None = field(default=None, repr=False)


def copy_part(client: "S3Client", copy: PartCopy) -> str:
    """Make the part, and return its ETag.

    Raises:
        StoreUnavailableError: the source has fewer bytes.
    """
    try:
        answer = client.upload_part_copy(
            Bucket=copy.bucket,
            Key=copy.key,
            UploadId=copy.multipart_id,
            PartNumber=copy.part_number,
            CopySource={"Bucket": copy.bucket, "Key": copy.source},
            CopySourceRange=f"bytes={copy.start}-{copy.start + copy.size - 1}",
            **parameters(copy.customer_key),
            **source_parameters(copy.source_key),
        )
    except ClientError as exc:
        if copy.source_key is None or error_code(exc) != _NOT_OFFERED:
            raise
        return _by_way_of_us(client, copy)
    return answer["CopyPartResult"]["ETag"]


def _by_way_of_us(client: "S3Client", copy: PartCopy) -> str:
    with closing(_Source(client, copy)) as source:
        source.open()  # what is wrong with it is told as it is, and not as a failed upload
        answer = client.upload_part(
            Bucket=copy.bucket,
            Key=copy.key,
            UploadId=copy.multipart_id,
            PartNumber=copy.part_number,
            Body=cast("IO[bytes]", source),  # boto3 takes more than its stubs say
            **parameters(copy.customer_key),
        )
    return answer["ETag"]


class _Source:
    """A range of an object as a file, read while it is sent; botocore goes back in it to retry."""

    def __init__(self, client: "S3Client", copy: PartCopy) -> None:
        self._client = client
        self._copy = copy
        self._position = 0
        self._body: StreamingBody | None = None

    def __len__(self) -> int:
        return self._copy.size

    def open(self) -> "StreamingBody":
        copy = self._copy
        first, last = copy.start + self._position, copy.start + copy.size - 1
        answer = self._client.get_object(
            Bucket=copy.bucket,
            Key=copy.source,
            Range=f"bytes={first}-{last}",
            **parameters(copy.source_key),
        )
        self._body = answer["Body"]
        if not answer.get("ContentRange", "").startswith(f"bytes {first}-{last}/"):
            raise StoreUnavailableError("The object store has fewer bytes than were asked for.")
        return self._body

    def read(self, _size: int | None = -1) -> bytes:
        """Return the next chunk, however much is wished for."""
        wanted = min(CHUNK_BYTES, self._copy.size - self._position)
        if not wanted:
            return b""
        chunk = (self._body or self.open()).read(wanted)
        if len(chunk) < wanted:
            raise StoreUnavailableError("The object store ended its answer early.")
        self._position += wanted
        return chunk

    def seek(self, offset: int, whence: int = 0) -> int:
        """Move as files do."""
        to = (0, self._position, self._copy.size)[whence] + offset
        if to != self._position:
            self.close()
            self._position = to
        return to

    def tell(self) -> int:
        """Return the position."""
        return self._position

    def close(self) -> None:
        """Drop the connection, if there is one; the next read makes another."""
        body, self._body = self._body, None
        if body is not None:
            body.close()
