"""The bucket's own rule against multipart uploads that nobody ends. Blocking.

A backstop: the service ends its own. It is for those of a service that is gone, and its records
with it.
"""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from boto3.session import Session
from botocore.exceptions import ClientError

from transfer.core.errors import StoreUnavailableError
from transfer.storage.s3_client import S3Settings, make_client
from transfer.storage.s3_errors import error_code, translated
from transfer.storage.s3_lifecycle_rules import (
    Rule,
    does_ours,
    early_ends,
    name_of,
    our_rule,
    told,
    told_apart,
)

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

_NO_RULES = frozenset({"NoSuchLifecycleConfiguration"})
_SMALLEST = "TransitionDefaultMinimumObjectSize"


@dataclass(frozen=True, slots=True)
class LifecycleState:
    """What the bucket does by itself: after how many days, and how many rules of others it has.

    `replaced` says what a former rule of ours did. `early` has what rules of others do to objects
    of ours before their time, one text each.
    """

    days: int
    changed: bool
    other_rules: int
    replaced: str | None
    early: tuple[str, ...]


def abort_incomplete_after(settings: S3Settings, days: int) -> LifecycleState:
    """Set our rule, leave all others as they are, and read back what the bucket says then.

    S3 takes all rules at once or none: whoever sets others at the same moment may undo this.

    Raises:
        EntryMissingError: there is no such bucket.
        InvalidRequestError: a rule of somebody else has the name of ours.
        StoreUnavailableError: the store has no such rules, didn't keep this one, or dropped others.
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
    present = _configuration(client, bucket)
    ours, others = told_apart(present["Rules"])
    changed = not any(does_ours(rule, days) for rule in ours)
    if changed:
        _set(client, bucket, present, [*others, our_rule(days)])
    kept, left = told_apart(_configuration(client, bucket)["Rules"])
    _check_left(others, left)
    if not any(does_ours(rule, days) for rule in kept):
        raise StoreUnavailableError("The object store didn't keep the bucket's rule.")
    return LifecycleState(
        days=days,
        changed=changed,
        other_rules=len(others),
        replaced=", ".join(map(told, ours)) if changed and ours else None,
        early=tuple(early_ends(others, days)),
    )


def _configuration(client: "S3Client", bucket: str) -> Any:  # noqa: ANN401 -- as boto3 spells it
    try:
        return client.get_bucket_lifecycle_configuration(Bucket=bucket)
    except ClientError as exc:
        if error_code(exc) in _NO_RULES:
            return {"Rules": []}
        raise


def _set(client: "S3Client", bucket: str, present: Any, rules: Sequence[Any]) -> None:  # noqa: ANN401 -- the same
    # What goes with all rules would fall back to its default, if it weren't given again.
    kept = {_SMALLEST: present[_SMALLEST]} if _SMALLEST in present else {}
    client.put_bucket_lifecycle_configuration(
        Bucket=bucket, LifecycleConfiguration={"Rules": rules}, **kept
    )


def _check_left(before: Sequence[Rule], after: Sequence[Rule]) -> None:
    """Raise if the store hasn't kept what others had set: they have to set it again."""
    gone = [rule for rule in before if rule not in after]
    if gone:
        raise StoreUnavailableError(
            "The object store changed rules of others when it was given ours: "
            f"{', '.join(map(name_of, gone))}. Set them again: {gone}"
        )
