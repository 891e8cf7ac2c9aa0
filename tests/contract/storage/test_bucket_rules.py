"""The bucket's own rule, on a real store."""

from tests.seaweed import plain_client
from transfer.storage.s3_client import S3Settings
from transfer.storage.s3_lifecycle import RULE_ID, abort_incomplete_after


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
