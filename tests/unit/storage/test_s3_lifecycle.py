"""The bucket's rule, of stores that don't do as they are told."""

from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from transfer.core.errors import InvalidRequestError, StoreUnavailableError
from transfer.storage.s3_lifecycle import _apply
from transfer.storage.s3_lifecycle_rules import RULE_ID

OTHERS = {"ID": "logs", "Status": "Enabled", "Filter": {"Prefix": "logs/"}, "Expiration": {}}


class Bucket:
    """A client of a bucket with rules; it keeps what it is told, unless it is `forgetful`."""

    def __init__(self, *rules: dict[str, Any], forgetful: bool = False) -> None:
        self.rules = list(rules)
        self.puts = 0
        self.smallest: str | None = None
        self._forgetful = forgetful

    def get_bucket_lifecycle_configuration(self, Bucket: str) -> dict[str, Any]:  # noqa: N803, ARG002 -- boto3's
        if not self.rules:
            raise _failure("NoSuchLifecycleConfiguration")
        smallest = {"TransitionDefaultMinimumObjectSize": self.smallest} if self.smallest else {}
        return {"Rules": self.rules, **smallest}

    def put_bucket_lifecycle_configuration(
        self,
        Bucket: str,  # noqa: N803, ARG002 -- boto3's
        LifecycleConfiguration: dict[str, Any],  # noqa: N803 -- the same
        TransitionDefaultMinimumObjectSize: str | None = None,  # noqa: N803 -- the same
    ) -> None:
        self.puts += 1
        self.smallest = TransitionDefaultMinimumObjectSize
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


def test_what_a_rule_of_ours_did_is_told_when_it_is_set_right() -> None:
    bucket = Bucket()
    assert apply(bucket, days=7).replaced is None
    bucket.rules[0]["Status"] = "Disabled"
    state = apply(bucket)
    assert state.replaced == "aborts uploads after 7 days below 'c/', but is disabled"
    assert apply(bucket).replaced is None


def test_a_rule_of_somebody_else_with_our_name_stays_and_is_told() -> None:
    theirs = {
        "ID": RULE_ID,
        "Status": "Enabled",
        "Filter": {"Prefix": "c/"},
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 97},
        "Expiration": {"Days": 1},
    }
    bucket = Bucket(theirs)
    with pytest.raises(InvalidRequestError, match="Nothing was changed"):
        apply(bucket)
    assert (bucket.rules, bucket.puts) == ([theirs], 0)


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ({"Expiration": {"Days": 30}}, "deletes files after 30 days"),
        ({"Prefix": "", "Expiration": {"Days": 30}}, "deletes files after 30 days"),
        ({"Filter": {"Prefix": "c/7"}, "Expiration": {"Days": 1}}, "deletes files after 1 days"),
        (
            {"Expiration": {"Date": datetime(2027, 1, 31, tzinfo=UTC)}},
            "deletes files from 2027-01-31 on",
        ),
        (
            {
                "Filter": {"And": {"Prefix": "c", "ObjectSizeGreaterThan": 5}},
                "Expiration": {"Days": 9},
            },
            "deletes files after 9 days",
        ),
        (
            {"AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 96}},
            "aborts uploads after 96 days, sooner than 97",
        ),
    ],
)
def test_a_rule_of_others_that_takes_away_what_is_ours_is_told(
    rule: dict[str, Any], told: str
) -> None:
    bucket = Bucket({"ID": "tidy", "Status": "Enabled", "Filter": {}, **rule})
    assert apply(bucket).early == (f"tidy {told}",)
    assert apply(bucket).early == (f"tidy {told}",)
    assert len(bucket.rules) == 2


@pytest.mark.parametrize(
    "rule",
    [
        {"Status": "Disabled", "Expiration": {"Days": 30}},
        {"Filter": {"Prefix": "logs/"}, "Expiration": {"Days": 30}},
        {"Filter": {"Tag": {"Key": "short", "Value": "1"}}, "Expiration": {"Days": 30}},
        {
            "Filter": {"And": {"Prefix": "c/", "Tags": [{"Key": "short", "Value": "1"}]}},
            "Expiration": {"Days": 30},
        },
        {"Expiration": {"ExpiredObjectDeleteMarker": True}},
        {"NoncurrentVersionExpiration": {"NoncurrentDays": 1}},
        {"AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 97}},
    ],
)
def test_a_rule_of_others_that_leaves_what_is_ours_is_not_told(rule: dict[str, Any]) -> None:
    bucket = Bucket({"ID": "tidy", "Status": "Enabled", "Filter": {"Prefix": ""}, **rule})
    assert apply(bucket).early == ()


def test_a_store_that_drops_rules_of_others_is_told_of_with_what_they_were() -> None:
    class Dropping(Bucket):
        def get_bucket_lifecycle_configuration(self, Bucket: str) -> dict[str, Any]:  # noqa: N803 -- boto3's
            if self.puts:
                self.rules = [rule for rule in self.rules if rule["ID"] == RULE_ID]
            return super().get_bucket_lifecycle_configuration(Bucket)

    with pytest.raises(StoreUnavailableError, match=r"logs\. Set them again: .*'logs/'"):
        apply(Dropping(OTHERS))


def test_what_goes_for_all_rules_stays_as_it_was() -> None:
    bucket = Bucket(OTHERS)
    bucket.smallest = "varies_by_storage_class"
    apply(bucket)
    assert bucket.smallest == "varies_by_storage_class"


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
