"""What clients are asked to do, and how well they may do it."""

from enum import IntEnum, StrEnum


class Work(StrEnum):
    """A column of the table."""

    PUT = "put"
    RESUME = "interrupt, resume"
    OVERWRITE = "overwrite"
    RENAME = "rename"
    TREE = "300 files"
    TIME = "time kept"
    GET = "download"
    GET_RESUME = "download, resume"
    KILL = "server killed"
    BIG = "3 GiB"


DONE_AS = {Work.OVERWRITE: Work.PUT, Work.KILL: Work.RESUME, Work.BIG: Work.PUT}
"""Works that a client does by the way of another one."""


class Standing(IntEnum):
    """A cell of the table: the greater, the better."""

    FAILS = 0
    CANNOT = 1
    AGAIN = 2
    WORKS = 3


CELLS = {
    Standing.FAILS: "**no**",
    Standing.CANNOT: "–",  # noqa: RUF001 - a dash in a table
    Standing.AGAIN: "again",
    Standing.WORKS: "yes",
}
