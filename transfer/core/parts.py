"""How a stream of bytes is cut into the parts of an S3 multipart upload.

S3 takes 10,000 part numbers an upload, 5 MiB to 5 GiB a part, the last of any size. Parts start at
16 MiB and grow so that the numbers always suffice, also when short requests or failed attempts
have used some up: for 48.8 TiB of announced length, and for 20 TiB of unknown length.

Source: facts/tus-and-rufh.md, "Numbers".
"""

from dataclasses import dataclass

MIB = 1 << 20
GIB = 1 << 30

MAX_PART_NUMBER = 10_000
MIN_PART_BYTES = 5 * MIB
MAX_PART_BYTES = 5 * GIB
MAX_FILE_BYTES = MAX_PART_NUMBER * MAX_PART_BYTES

_SPARE_NUMBERS = 500
"""Part numbers left out of the plan: for attempts that fail, and for requests that end early."""

_GROWTH = 1000
"""With an unknown length a part has at least this fraction of what is there: 1/1000."""

_FREE_NUMBERS = 750
"""With an unknown length, how many numbers short parts may use."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PartPlan:
    """How parts are cut: `base_bytes` to begin with; `equal` for stores that want equal parts."""

    base_bytes: int = 16 * MIB
    equal: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Where an upload stands: its bytes in parts, the next part number, its length if known."""

    offset: int
    next_part_number: int
    length: int | None


def part_size(plan: PartPlan, progress: Progress) -> int:
    """Return how many bytes the next part should have: the base size, or more whole MiB.

    With equal parts the size depends on the length alone, so that it never changes on the way.
    """
    if progress.length is None:
        needed = 0 if plan.equal else _average(progress.offset, _GROWTH)
    elif plan.equal:
        needed = _average(progress.length, MAX_PART_NUMBER - _SPARE_NUMBERS)
    else:
        needed = _average(progress.length - progress.offset, _numbers_left(progress))
    if needed <= plan.base_bytes:
        return plan.base_bytes
    return min(-(-needed // MIB) * MIB, MAX_PART_BYTES)


def may_be_short_part(plan: PartPlan, progress: Progress, pending_bytes: int) -> bool:
    """Whether `pending_bytes`, less than a full part, may become a part that isn't the last.

    If not, they become a tail object: S3 refuses parts below 5 MiB, some stores refuse unequal
    ones, and a client that sends small chunks must not use up the part numbers.
    """
    if plan.equal or pending_bytes < MIN_PART_BYTES:
        return False
    if progress.length is None:
        return progress.next_part_number <= _FREE_NUMBERS
    return pending_bytes >= least_short_part(progress)


def least_short_part(progress: Progress) -> int:
    """Return how many bytes a part that isn't the last has at least, the length being known."""
    left = (progress.length or 0) - progress.offset
    return max(MIN_PART_BYTES, min(_average(left, _numbers_left(progress)), MAX_PART_BYTES))


def copy_ranges(size: int) -> list[tuple[int, int]]:
    """Return how `size` bytes of an object are copied as parts: pairs of start and length.

    Every range is at most 5 GiB and, as others follow it, at least 5 MiB.

    Raises:
        ValueError: `size` is below 5 MiB, which can't be copied as a part that isn't the last.
    """
    if size < MIN_PART_BYTES:
        raise ValueError(size)
    count = -(-size // MAX_PART_BYTES)
    step = -(-size // count)
    return [(start, min(step, size - start)) for start in range(0, size, step)]


def _numbers_left(progress: Progress) -> int:
    return max(1, MAX_PART_NUMBER - _SPARE_NUMBERS - progress.next_part_number + 1)


def _average(size: int, count: int) -> int:
    """Return `size` / `count`, rounded up."""
    return -(-size // count)
