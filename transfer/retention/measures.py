"""What the retention worker shows in /metrics."""

from transfer.ports import Measure

CASES = Measure("retention_cases", "Runs at cases that are due, by how they ended.", ("outcome",))
OBJECTS = Measure("retention_objects", "What deletions took from the store, by kind.", ("kind",))
BYTES = Measure("retention_bytes", "Bytes that deletions took from the store.")
NOTICES = Measure("retention_notices", "Deletions that were announced.")
DISCARDS = Measure("retention_discards", "Jobs that discard left-over bytes, by end.", ("end",))
FAILURES = Measure("retention_failures", "Parts of a round that failed.", ("part",))
LAST_ROUND = Measure("retention_last_round_timestamp_seconds", "When a round ended last.")
DOUBT = Measure("retention_clock_doubted", "1 while nothing is deleted, as the clock jumped.")
