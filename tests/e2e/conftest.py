"""What the tests of the whole service share."""

from tests.contract.records.conftest import postgres
from tests.seaweed import bucket, seaweed
from tests.service import running_service, start_service

__all__ = ["bucket", "postgres", "running_service", "seaweed", "start_service"]
