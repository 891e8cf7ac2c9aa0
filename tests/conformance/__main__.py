"""Ask this project's service and its peers, and write the table: python -m tests.conformance."""

import argparse
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from tests.conformance.outcomes import Result, read
from tests.conformance.peers import Peer, node_server, tusd
from tests.conformance.table import table, totals
from transfer import __version__

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
DOCUMENT = ROOT / "docs" / "conformance.md"
CACHE = ROOT / ".cache" / "conformance"
_TRIES_AFTER_A_CRASH = 2
BEGIN, END = "<!-- made by `make conformance-table` -->", "<!-- end of what was made -->"


def main() -> int:
    """Run the suite against each server, one after the other, and write the document."""
    parser = argparse.ArgumentParser(prog="python -m tests.conformance", description=__doc__)
    parser.add_argument("--tusd", type=Path, help="a tusd to compare with too")
    parser.add_argument("--tusd-version", default="of unknown version", help="which one it is")
    options = parser.parse_args()
    CACHE.mkdir(parents=True, exist_ok=True)
    servers: dict[str, list[Result]] = {}
    names = {}
    with tempfile.TemporaryDirectory() as scratch:
        for column in ("ours", "@tus/server", "tusd"):
            if column == "tusd" and options.tusd is None:
                continue
            folder = Path(scratch) / column.replace("/", "-")
            folder.mkdir()
            with ExitStack() as stack:
                peer = Peer(name=f"case-transfer {__version__}", options=())
                if column == "@tus/server":
                    peer = stack.enter_context(node_server(CACHE, folder))
                elif column == "tusd":
                    peer = stack.enter_context(tusd(options.tusd, options.tusd_version, folder))
                servers[column] = _ask(column, peer)
                names[column] = peer.described
    DOCUMENT.write_text(_with(DOCUMENT.read_text(), _made(names, servers)))
    return 0


def _ask(column: str, peer: Peer) -> list[Result]:
    """Run the suite against one server; that sentences fail is what we want to know.

    Of one that crashes, what failed is asked again: a crash may hit whoever is there by chance.
    """
    results = _run(column, peer)
    for _ in range(_TRIES_AFTER_A_CRASH if peer.crashes else 0):
        again = {(each.place, each.variant): each for each in _run(column, peer, "--last-failed")}
        results = [again.get((each.place, each.variant), each) for each in results]
    return results


def _run(column: str, peer: Peer, *options: str) -> list[Result]:
    name = column.strip("@").replace("/", "-")
    outcomes = CACHE / f"{name}.json"
    outcomes.unlink(missing_ok=True)
    words = (
        *(sys.executable, "-m", "pytest", "-q", "-p", "no:randomly", "--tb=no", "-rN"),
        *("-o", f"cache_dir={CACHE / name}", str(HERE), "--outcomes", str(outcomes)),
        *(f"--server-name={peer.name}", *peer.options, *options),
    )
    print(f"asking {peer.name}", file=sys.stderr)  # noqa: T201 - a command that takes minutes
    subprocess.run(words, cwd=ROOT, check=False)  # noqa: S603 - ourselves
    return read(outcomes)[1]


def _made(names: dict[str, str], servers: dict[str, list[Result]]) -> str:
    asked = "\n".join(f"- {column}: {name}" for column, name in names.items())
    return f"{asked}\n\n{totals(servers)}\n\n{table(servers)}"


def _with(document: str, made: str) -> str:
    """Return the document with what was made in its place."""
    before, _, rest = document.partition(BEGIN)
    return f"{before}{BEGIN}\n\n{made}\n\n{END}{rest.partition(END)[2]}"


if __name__ == "__main__":
    sys.exit(main())
