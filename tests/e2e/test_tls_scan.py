"""The TLS port under an independent scanner."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.python_tools import python_tool
from tests.service import Service
from transfer.http.tls import SUITES_OF_TLS_1_2

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(420)]

Scan = dict[str, Any]

OLD = ("ssl_2_0", "ssl_3_0", "tls_1_0", "tls_1_1")
GOOD_CURVES = {"X25519", "X448", "secp256r1", "secp384r1", "secp521r1"}
SCANS = (
    "--certinfo", "--sslv2", "--sslv3", "--tlsv1", "--tlsv1_1", "--tlsv1_2", "--tlsv1_3",
    "--compression", "--early_data", "--openssl_ccs", "--fallback", "--heartbleed", "--robot",
    "--reneg", "--resum", "--elliptic_curves", "--ems",
)  # fmt: skip


def scanned(service: Service, folder: Path) -> Scan:
    """Return what the scanner found, by the name of the scan."""
    found = folder / "scan.json"
    target = service.url.partition("//")[2]
    done = subprocess.run(  # noqa: S603 - our own command
        [
            python_tool("sslyze"),
            *SCANS,
            f"--certinfo_ca_file={service.certificate}",
            "--mozilla_config=disable",
            f"--json_out={found}",
            target,
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert found.exists(), done.stdout + done.stderr
    (server,) = json.loads(found.read_text())["server_scan_results"]
    assert server["connectivity_status"] == "COMPLETED", done.stdout
    scans: Scan = server["scan_result"]
    asked = {name: scan for name, scan in scans.items() if scan["status"] != "NOT_SCHEDULED"}
    assert {scan["status"] for scan in asked.values()} == {"COMPLETED"}, done.stdout
    return {name: scan["result"] for name, scan in asked.items()}


def accepted(scan: Scan, version: str) -> set[str]:
    suites = scan[f"{version}_cipher_suites"]["accepted_cipher_suites"]
    return {one["cipher_suite"]["openssl_name"] for one in suites}


def faults(scan: Scan) -> dict[str, object]:
    """Return all that is wrong, with what was found."""
    resumption = scan["session_resumption"]
    (deployment, *_) = scan["certificate_info"]["certificate_deployments"]
    trusted = [one["was_validation_successful"] for one in deployment["path_validation_results"]]
    curves = {one["name"] for one in scan["elliptic_curves"]["supported_curves"]}
    checks = {
        "old versions": {v: accepted(scan, v) for v in OLD if accepted(scan, v)},
        "weak suites": accepted(scan, "tls_1_2") - set(SUITES_OF_TLS_1_2),
        "no suite of TLS 1.2": not accepted(scan, "tls_1_2"),
        "no suite of TLS 1.3": not accepted(scan, "tls_1_3"),
        "weak curves": curves - GOOD_CURVES,
        "compression": scan["tls_compression"]["supports_compression"],
        "early data": scan["tls_1_3_early_data"]["supports_early_data"],
        "CCS injection": scan["openssl_ccs_injection"]["is_vulnerable_to_ccs_injection"],
        "Heartbleed": scan["heartbleed"]["is_vulnerable_to_heartbleed"],
        "ROBOT": not scan["robot"]["robot_result"].startswith("NOT_VULNERABLE"),
        "downgrades": not scan["tls_fallback_scsv"]["supports_fallback_scsv"],
        "renegotiation": scan["session_renegotiation"]["is_vulnerable_to_client_renegotiation_dos"],
        "insecure renegotiation": not scan["session_renegotiation"][
            "supports_secure_renegotiation"
        ],
        "no extended master secret": not scan["tls_extended_master_secret"][
            "supports_ems_extension"
        ],
        "no resumption": resumption["tls_ticket_resumption_result"] != "FULLY_SUPPORTED",
        "a chain that leads nowhere": not any(trusted),
        "a chain out of order": not deployment["received_chain_has_valid_order"],
        "SHA-1 in the chain": deployment["verified_chain_has_sha1_signature"],
    }
    return {name: found for name, found in checks.items() if found}


def test_the_tls_port_is_clean(running_service: Service, tmp_path: Path) -> None:
    assert faults(scanned(running_service, tmp_path)) == {}
