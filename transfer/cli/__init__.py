"""The `transfer` command: what an operator does with the service, at the machine.

Its modules import what is heavy inside the commands that need it: most only touch records.
"""

import sys
from typing import NoReturn

from transfer.cli.app import app
from transfer.cli.failures import exit_status


def main() -> NoReturn:
    """Run the command line; a failure becomes a sentence on standard error and a status."""
    try:
        app(prog_name="transfer")
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as exc:  # noqa: BLE001 -- the outermost boundary: people get no traceback
        sys.exit(exit_status(exc))
    sys.exit(0)
