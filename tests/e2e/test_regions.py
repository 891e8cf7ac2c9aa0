"""Two regions, each with a service of its own: a link for one that is opened at the other."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import requests

from tests.portal import AUDIENCE, ISSUER, Portal
from tests.service import Service
from transfer.clock import SystemClock


def test_a_link_that_is_opened_in_the_wrong_region_leads_to_the_case_in_its_own(
    start_service: Callable[..., Service], tmp_path: Path
) -> None:
    portal, keys = Portal(), tmp_path / "portal.pem"
    keys.write_bytes(portal.pem)
    trusted = {"launch_issuer": ISSUER, "launch_keys_file": str(keys)}
    emea = start_service(
        region="emea",
        region_gateways="us=https://us.example.com",
        launch_audience="of-emea",
        **trusted,
    )
    us = start_service(
        region="us", region_gateways=f"emea={emea.url}", launch_audience=AUDIENCE, **trusted
    )
    link = portal.token(SystemClock().now(), case=emea.case, region="emea", aud="of-emea")
    passed_on = requests.get(
        f"{us.url}/launch",
        params={"token": link},
        verify=str(us.certificate),
        allow_redirects=False,
        timeout=30,
    )
    assert passed_on.status_code == 303
    assert passed_on.headers["Location"].startswith(f"{emea.url}/launch?")
    trusting: dict[str, Any] = {"verify": str(emea.certificate), "timeout": 30}
    with requests.Session() as browser:
        followed = browser.get(passed_on.headers["Location"], allow_redirects=False, **trusting)
        assert (followed.status_code, followed.headers["Location"]) == (303, f"/cases/{emea.case}")
        case = browser.get(f"{emea.url}/api/v1/cases/{emea.case}", **trusting)
        assert case.json()["number"] == emea.case
    assert link not in us.log + emea.log
