"""Retention, as settings have it."""

from transfer.retention.policy import RetentionPolicy
from transfer.settings import Settings


def retention_policy(settings: Settings) -> RetentionPolicy:
    """Return when data goes, and how fast."""
    return RetentionPolicy(
        period=settings.retention_period,
        notice=settings.retention_notice,
        deletes_per_second=settings.retention_deletes_per_second,
    )
