"""The sweeper on a real S3 store, looked at from beside our own code."""

from datetime import timedelta
from typing import TYPE_CHECKING

from tests.contract.retention.test_purge_on_seaweedfs import client as client
from tests.contract.retention.test_purge_on_seaweedfs import seen
from tests.contract.retention.test_purge_on_seaweedfs import settings as settings
from tests.contract.retention.test_purge_on_seaweedfs import world as world
from tests.unit.retention.test_sweeper_strays import swept
from tests.unit.retention.world import World
from transfer.core.uploads import case_prefix
from transfer.ports.upkeep import LOSSES
from transfer.storage.s3_client import S3Settings

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

DAY = timedelta(days=1)


async def test_what_is_nobodys_goes_a_day_later_and_all_else_stays(
    world: World, client: "S3Client", settings: S3Settings
) -> None:
    case = await world.a_case()
    await world.store.delete([f"{case_prefix(case.id)}removed"])
    before = sorted(seen(client, settings, case))
    key = await world.put_object(case)
    world.store.mark_deleted(await world.put_object(case))
    left = f"{case_prefix(case.id)}left.3"
    client.create_multipart_upload(Bucket=settings.bucket, Key=left)
    report = await swept(world)
    assert report.failures == []
    assert report.strays == len(seen(client, settings, case)) - len(before)
    assert key in seen(client, settings, case)

    world.clock.advance(DAY)
    report = await swept(world)
    assert (report.failures, report.refused, report.missing) == ([], 0, 0)
    assert sorted(seen(client, settings, case)) == before
    assert (await swept(world)).strays == 0


async def test_what_is_gone_from_the_store_is_told(
    world: World, client: "S3Client", settings: S3Settings
) -> None:
    case = await world.a_case()
    files, _ = await world.records.tree.files(case.number)
    client.delete_object(Bucket=settings.bucket, Key=files[0].object_key)
    [upload] = await world.records.uploads.unfinished(case.number)
    assert upload.object_key is not None
    assert upload.multipart_id is not None
    client.abort_multipart_upload(
        Bucket=settings.bucket, Key=upload.object_key, UploadId=upload.multipart_id
    )
    report = await swept(world)
    assert (report.missing, report.failures) == (2, [])
    findings = await world.records.upkeep.findings(LOSSES)
    assert {one.key for one in findings} == {files[0].object_key, upload.object_key}
