"""The bucket's own rule, on a real store."""

from typing import Any

from tests.seaweed import plain_client
from transfer.storage.s3_client import S3Settings
from transfer.storage.s3_lifecycle import abort_incomplete_after
from transfer.storage.s3_lifecycle_rules import RULE_ID


def test_the_store_keeps_the_rule(bucket: S3Settings) -> None:
    state = abort_incomplete_after(bucket, 97)
    assert (state.days, state.changed) == (97, True)
    client = plain_client(bucket)
    try:
        rules = client.get_bucket_lifecycle_configuration(Bucket=bucket.bucket)["Rules"]
    finally:
        client.close()
    [rule] = [rule for rule in rules if rule["ID"] == RULE_ID]
    assert rule["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 97}
    assert abort_incomplete_after(bucket, 97).changed is False


def test_the_store_keeps_the_rules_of_others_as_well(bucket: S3Settings) -> None:
    client = plain_client(bucket)
    theirs: Any = {
        "ID": "tidy",
        "Status": "Enabled",
        "Filter": {"Prefix": "c/"},
        "Expiration": {"Days": 30},
    }
    try:
        client.put_bucket_lifecycle_configuration(
            Bucket=bucket.bucket, LifecycleConfiguration={"Rules": [theirs]}
        )
        state = abort_incomplete_after(bucket, 97)
        rules = client.get_bucket_lifecycle_configuration(Bucket=bucket.bucket)["Rules"]
    finally:
        client.close()
    assert state.early == ("tidy deletes files after 30 days",)
    assert sorted(rule["ID"] for rule in rules) == ["tidy", RULE_ID]
