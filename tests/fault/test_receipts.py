"""A receipt outlives the server that promised it."""

from collections.abc import Callable

import pytest
import requests

from tests.service import Service

pytestmark = [pytest.mark.fault, pytest.mark.timeout(240)]

DATA = b"what the customer will want to prove"


def test_a_server_that_is_killed_right_after_the_finish_gives_the_same_receipt_later(
    start_service: Callable[..., Service],
) -> None:
    service = start_service()
    verify = str(service.certificate)
    token = {"Authorization": f"Bearer {service.customer_token}"}
    created = requests.post(
        f"{service.url}/api/v1/cases/{service.case}/uploads",
        headers={
            **token,
            "Tus-Resumable": "1.0.0",
            "Upload-Length": str(len(DATA)),
            "Content-Type": "application/offset+octet-stream",
        },
        data=DATA,
        verify=verify,
        timeout=30,
    )
    assert created.status_code == 201
    path = created.links["urn:case-transfer:receipt"]["url"]

    def receipt() -> bytes:
        fetched = requests.get(service.url + path, headers=token, verify=verify, timeout=30)
        assert fetched.status_code == 200, fetched.text
        return fetched.content

    def keys() -> bytes:
        url = f"{service.url}/api/v1/receipt-keys"
        return requests.get(url, verify=verify, timeout=30).content

    service.kill_9()
    service.start()
    before = receipt(), keys()
    service.kill_9()
    service.start()
    assert (receipt(), keys()) == before
    kept = service.data / "receipt.json"
    kept.write_bytes(before[0])
    said = service.cli_json("receipt", "verify", str(kept))
    assert (said["size"], said["case"]) == (len(DATA), service.case)
