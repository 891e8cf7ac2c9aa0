"""What the tests of the whole service share."""

from tests.deployment import operator, settings
from tests.postgres import postgres
from tests.seaweed import bucket, seaweed
from tests.service import running_service, start_service

__all__ = [
    "bucket",
    "operator",
    "postgres",
    "running_service",
    "seaweed",
    "settings",
    "start_service",
]
