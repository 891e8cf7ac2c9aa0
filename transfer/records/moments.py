"""Moments in rows, as a clock wrote them that may have been wrong."""

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, or_

SLACK = timedelta(minutes=5)
"""By so much clocks of nodes, and of one node before and after a correction, may differ."""


def has_come(
    moment: ColumnElement[datetime], now: datetime, furthest: timedelta
) -> ColumnElement[bool]:
    """Return whether a moment has come, or is one that only a clock far ahead can have written.

    `furthest` is how far ahead a right one writes it. Without this, what such a clock has put off
    or claimed is left alone until the time that it showed.
    """
    return or_(moment <= now, moment > now + furthest + SLACK)
