"""The rules of the service: pure decisions, with no I/O, no async and no clock."""
