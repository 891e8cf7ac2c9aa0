"""`transfer receipt`: checking what was received, long after, and without the service."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from transfer.cli.options import AsJson, Data
from transfer.cli.output import print_object
from transfer.cli.session import with_parts
from transfer.core.errors import DigestMismatchError, InvalidRequestError

if TYPE_CHECKING:
    from transfer.wiring.parts import Parts

app = typer.Typer(help="Check receipts.", no_args_is_help=True)

_Keys = Sequence[Mapping[str, Any]]


@app.command()
def verify(
    receipt: Annotated[Path, typer.Argument(metavar="FILE", help="As fetched, in either form.")],
    keys: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="The keys from /api/v1/receipt-keys.",
            show_default="those of this service",
        ),
    ] = None,
    content: Annotated[
        Path | None, typer.Option(metavar="FILE", help="What was sent, to be compared.")
    ] = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Print what a receipt says, if it is signed by one of the keys; fail if not."""
    from transfer.engine.receipts import verify

    known = _own_keys(data) if keys is None else _read_keys(keys)
    said = verify(_read_receipt(receipt), known)
    if content is not None:
        _check_content(content, said)
    print_object(said, as_json=as_json)


def _own_keys(data: Path | None) -> _Keys:
    async def work(parts: "Parts") -> _Keys:
        return await parts.receipts.keys()

    return with_parts(data, work)


def _read_keys(path: Path) -> _Keys:
    try:
        keys = json.loads(path.read_bytes())["keys"]
        return [dict(key) for key in keys]
    except (KeyError, TypeError, ValueError) as exc:
        raise InvalidRequestError(f"{path} holds no keys: a JSON Web Key Set is expected.") from exc


def _read_receipt(path: Path) -> str:
    """Return the JWS: the file is that alone, or JSON with it in `jws`."""
    try:
        text = path.read_text("ascii", errors="replace").strip()
        return str(json.loads(text)["jws"]) if text.startswith("{") else text
    except (KeyError, ValueError) as exc:
        raise InvalidRequestError(f"{path} holds no receipt.") from exc


def _check_content(path: Path, said: Mapping[str, Any]) -> None:
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    if sha256 != said.get("sha256"):
        raise DigestMismatchError(f"{path} has the SHA-256 {sha256}: another file was received.")
