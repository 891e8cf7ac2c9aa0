"""`transfer receipt verify`, on files that somebody has kept."""

import hashlib
import json
from pathlib import Path

import pytest

from tests.unit.cli.conftest import Run
from transfer.core.receipts import ReceiptKind, statement
from transfer.engine.receipts import PURPOSE, ReceiptSigner
from transfer.engine.secrets import Sealer

CONTENT = b"what was sent"
SAID = statement(
    ReceiptKind.UPLOAD, {"path": "a.log", "sha256": hashlib.sha256(CONTENT).hexdigest()}
)
SIGNER = ReceiptSigner(bytes(32))


@pytest.fixture
def receipt(tmp_path: Path) -> Path:
    path = tmp_path / "receipt"
    path.write_text(json.dumps({"receipt": json.loads(SAID), "jws": SIGNER.sign(SAID)}))
    return path


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    path = tmp_path / "keys"
    path.write_text(json.dumps({"keys": [SIGNER.public_key()]}))
    return path


def test_a_receipt_is_checked_in_either_form(run: Run, receipt: Path, keys: Path) -> None:
    whole = run("receipt", "verify", str(receipt), "--keys", str(keys), "--json")
    assert (whole.status, whole.json) == (0, json.loads(SAID))
    receipt.write_text(SIGNER.sign(SAID) + "\n")
    alone = run("receipt", "verify", str(receipt), "--keys", str(keys))
    assert alone.status == 0
    assert "a.log" in alone.out


def test_what_was_sent_is_compared(run: Run, receipt: Path, keys: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    words = ("receipt", "verify", str(receipt), "--keys", str(keys), "--content", str(path))
    path.write_bytes(CONTENT)
    assert run(*words).status == 0
    path.write_bytes(CONTENT + b"!")
    other = run(*words)
    assert (other.status, other.out) == (1, "")
    assert "another file was received" in other.err


def test_a_receipt_of_other_keys_is_none(run: Run, receipt: Path, keys: Path) -> None:
    receipt.write_text(ReceiptSigner(b"\x01" * 32).sign(SAID))
    forged = run("receipt", "verify", str(receipt), "--keys", str(keys))
    assert (forged.status, forged.out) == (1, "")
    assert "signed by none of these keys" in forged.err


def test_without_keys_the_service_s_own_count(run: Run, receipt: Path, data: Path) -> None:
    assert "signed by none" in run("receipt", "verify", str(receipt)).err
    own = ReceiptSigner(Sealer((data / "sealing.key").read_bytes()).derive(PURPOSE))
    receipt.write_text(own.sign(SAID))
    assert run("receipt", "verify", str(receipt)).status == 0


@pytest.mark.parametrize("content", ["{}", '{"jws": 7}', "[]", "", "\N{SNOWMAN}", "{"])
def test_what_holds_no_receipt_is_told(run: Run, receipt: Path, keys: Path, content: str) -> None:
    receipt.write_text(content)
    wrong = run("receipt", "verify", str(receipt), "--keys", str(keys))
    assert wrong.status == 1
    assert "receipt" in wrong.err
    assert "Traceback" not in wrong.err


@pytest.mark.parametrize(
    "content", ["{}", '{"keys": 7}', '{"keys": [7]}', "[]", "", '{"keys": []}']
)
def test_what_holds_no_keys_is_told(run: Run, receipt: Path, keys: Path, content: str) -> None:
    keys.write_text(content)
    wrong = run("receipt", "verify", str(receipt), "--keys", str(keys))
    assert wrong.status == 1
    assert "keys" in wrong.err
