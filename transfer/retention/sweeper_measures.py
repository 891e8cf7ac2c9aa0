"""What the sweeper shows in /metrics."""

from transfer.ports.metering import Measure

FINDINGS = Measure(
    "store_findings", "What is wrong between rows and store, as last seen, by kind.", ("kind",)
)
FINDING_BYTES = Measure(
    "store_finding_bytes", "The bytes of what is wrong between rows and store.", ("kind",)
)
DELETED = Measure("sweeper_deleted", "Strays that the sweeper has deleted.", ("kind",))
FAILURES = Measure("sweeper_failures", "Steps of the sweeper that failed.", ("walk",))
WITHHELD = Measure("sweeper_withheld", "1 while strays are too many to be deleted unasked.")
LAST_WALK = Measure(
    "sweeper_last_walk_timestamp_seconds", "When a walk was at its end last.", ("walk",)
)
