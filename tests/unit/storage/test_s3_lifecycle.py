"""The bucket's rule, of stores that don't do as they are told."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from transfer.core.errors import StoreUnavailableError
from transfer.storage.s3_lifecycle import RULE_ID, _apply

OTHERS = {"ID": "logs", "Status": "Enabled", "Filter": {"Prefix": "logs/"}, "Expiration": {}}


class Bucket:
    """A client of a bucket with rules; it keeps what it is told, unless it is `forgetful`."""

    def __init__(self, *rules: dict[str, Any], forgetful: bool = False) -> None:
        self.rules = list(rules)
        self.puts = 0
        self._forgetful = forgetful

    def get_bucket_lifecycle_configuration(self, Bucket: str) -> dict[str, Any]:  # noqa: N803, ARG002 -- boto3's
        if not self.rules:
            raise _failure("NoSuchLifecycleConfiguration")
        return {"Rules": self.rules}

    def put_bucket_lifecycle_configuration(
        self,
        Bucket: str,  # noqa: N803, ARG002 -- boto3's
        LifecycleConfiguration: dict[str, Any],  # noqa: N803 -- the same
    ) -> None:
        self.puts += 1
        if not self._forgetful:
            self.rules = LifecycleConfiguration["Rules"]


def _failure(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code}}, "GetBucketLifecycleConfiguration")


def apply(bucket: Any, days: int = 97) -> Any:  # noqa: ANN401 -- stands in for a client
    return _apply(bucket, "bucket", days)


def test_the_rule_is_set_and_those_of_others_stay() -> None:
    bucket = Bucket(OTHERS)
    state = apply(bucket)
    assert (state.days, state.changed, state.other_rules) == (97, True, 1)
    ours, others = bucket.rules[-1], bucket.rules[:-1]
    assert others == [OTHERS]
    assert ours["ID"] == RULE_ID
    assert ours["Filter"] == {"Prefix": "c/"}
    assert ours["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 97}


def test_a_bucket_without_rules_gets_one() -> None:
    bucket = Bucket()
    assert apply(bucket).other_rules == 0
    assert len(bucket.rules) == 1


def test_to_repeat_it_changes_nothing() -> None:
    bucket = Bucket(OTHERS)
    apply(bucket)
    assert apply(bucket).changed is False
    assert bucket.puts == 1


@pytest.mark.parametrize(
    "change",
    [
        {"Status": "Disabled"},
        {"AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1}},
        {"Filter": {"Prefix": ""}},
    ],
)
def test_a_rule_of_ours_that_is_another_is_set_right(change: dict[str, Any]) -> None:
    bucket = Bucket()
    apply(bucket)
    bucket.rules[0].update(change)
    assert apply(bucket).changed is True
    assert len(bucket.rules) == 1


def test_a_rule_in_the_old_spelling_is_known() -> None:
    bucket = Bucket()
    apply(bucket)
    del bucket.rules[0]["Filter"]
    bucket.rules[0]["Prefix"] = "c/"
    assert apply(bucket).changed is False


def test_a_store_that_keeps_no_rule_is_told_of() -> None:
    with pytest.raises(StoreUnavailableError, match="rule"):
        apply(Bucket(forgetful=True))


def test_a_store_that_fails_is_no_bucket_without_rules() -> None:
    class Failing(Bucket):
        def get_bucket_lifecycle_configuration(self, Bucket: str) -> dict[str, Any]:  # noqa: N803, ARG002 -- boto3's
            raise _failure("AccessDenied")

    with pytest.raises(ClientError):
        apply(Failing())
