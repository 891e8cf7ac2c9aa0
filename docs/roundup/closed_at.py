"""A detector for Roundup: it notes since when a ticket is closed, for the property `closed_at`.

Copy it into the folder `detectors` of the tracker.
"""

from roundup.date import Date

CLOSED = ("resolved",)
"""The statuses that mean Closed: the same ones as in TRANSFER_ROUNDUP_STATUSES."""


def note_closure(db, cl, nodeid, newvalues):
    """Set `closed_at` when a ticket becomes closed, clear it when it is reopened."""
    if "status" not in newvalues:
        return
    if not _is_closed(db, newvalues["status"]):
        newvalues["closed_at"] = None
    elif nodeid is None or not _is_closed(db, cl.get(nodeid, "status")):
        newvalues["closed_at"] = Date()


def init(db):
    """Look at each change after the detectors that may change the status."""
    db.issue.audit("create", note_closure, priority=110)
    db.issue.audit("set", note_closure, priority=110)


def _is_closed(db, status):
    return status is not None and db.status.get(status, "name") in CLOSED
