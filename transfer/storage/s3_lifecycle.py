"""The bucket's own rule against multipart uploads that nobody ends. Blocking.

A backstop: the service ends its own. It is for those of a service that is gone, and its records
with it.
"""

from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from boto3.session import Session
from botocore.exceptions import ClientError

from transfer.core.errors import StoreUnavailableError
from transfer.core.object_keys import EVERY_CASE
from transfer.storage.s3_client import S3Settings, make_client
from transfer.storage.s3_errors import error_code, translated

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

RULE_ID = "transfer-abort-incomplete-uploads"

_NO_RULES = frozenset({"NoSuchLifecycleConfiguration"})


@dataclass(frozen=True, slots=True)
class LifecycleState:
    """What the bucket does by itself: after how many days, and how many rules of others it has."""

    days: int
    changed: bool
    other_rules: int


def abort_incomplete_after(settings: S3Settings, days: int) -> LifecycleState:
    """Set our rule, leave all others as they are, and read back what the bucket says then.

    Raises:
        EntryMissingError: there is no such bucket.
        StoreUnavailableError: the store has no such rules, or didn't keep this one.
    """
    client = make_client(
        settings,
        Session(),
        read_timeout_seconds=settings.read_timeout_seconds,
        connections=1,
    )
    with closing(client), translated():
        return _apply(client, settings.bucket, days)


def _apply(client: "S3Client", bucket: str, days: int) -> LifecycleState:
    present = _rules(client, bucket)
    others = [rule for rule in present if rule.get("ID") != RULE_ID]
    wanted: Any = {
        "ID": RULE_ID,
        "Status": "Enabled",
        "Filter": {"Prefix": EVERY_CASE},
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": days},
    }
    changed = not any(_does(rule, days) for rule in present)
    if changed:
        client.put_bucket_lifecycle_configuration(
            Bucket=bucket, LifecycleConfiguration={"Rules": [*others, wanted]}
        )
    kept = _rules(client, bucket)
    if not any(_does(rule, days) for rule in kept):
        raise StoreUnavailableError("The object store didn't keep the bucket's rule.")
    return LifecycleState(days=days, changed=changed, other_rules=len(others))


def _rules(client: "S3Client", bucket: str) -> list[Any]:
    try:
        return list(client.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"])
    except ClientError as exc:
        if error_code(exc) in _NO_RULES:
            return []
        raise


def _does(rule: Any, days: int) -> bool:  # noqa: ANN401 - as the store spells it
    """Whether a rule is ours, as it should be."""
    aborts = rule.get("AbortIncompleteMultipartUpload", {})
    return bool(
        rule.get("ID") == RULE_ID
        and rule.get("Status") == "Enabled"
        and aborts.get("DaysAfterInitiation") == days
        and rule.get("Filter", {}).get("Prefix", rule.get("Prefix")) == EVERY_CASE
    )
