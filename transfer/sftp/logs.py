"""What asyncssh logs of its own: nothing, unless somebody looks for a fault."""

from typing import Self

from asyncssh.logging import SSHLogger


class SparingLogger(SSHLogger):
    """A logger that puts a message together only if it is wanted.

    asyncssh's own does so before it asks, several times for each request.
    """

    @classmethod
    def like(cls, other: SSHLogger) -> Self:
        """Return one that logs as `other` does."""
        return cls(other.logger, context=other._context)  # noqa: SLF001 - a subclass reads its parent's

    def log(self, level: int, msg: object, *args: object, **kwargs: object) -> None:
        """Log a message, if its level is."""
        if self.isEnabledFor(level):
            super().log(level, msg, *args, **kwargs)
