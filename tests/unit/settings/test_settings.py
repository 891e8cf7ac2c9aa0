"""Settings: what is read from where, and how faults are told."""

import json
import os
from datetime import timedelta
from pathlib import Path

import pytest

from transfer.core.accounts import LIFETIME
from transfer.settings import SettingsError, load
from transfer.values import Address

MIB = 1 << 20


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):  # noqa: TID251 - what the caller has set must not matter here
        if name.startswith("TRANSFER_"):
            monkeypatch.delenv(name)


def set_variables(monkeypatch: pytest.MonkeyPatch, **variables: str) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(f"TRANSFER_{name}", value)


def faults_of(**given: object) -> dict[str, str]:
    """Load what can't be loaded; return the faults by the variable that each begins with."""
    with pytest.raises(SettingsError) as caught:
        load(**given)
    return {fault.partition(":")[0]: fault for fault in caught.value.faults}


def test_without_any_setting_everything_has_a_usable_value() -> None:
    settings = load()
    assert settings.data == Path("data")
    assert settings.http_listen == ("127.0.0.1", 8443)
    assert settings.sftp_listen == ("127.0.0.1", 2222)
    assert settings.is_embedded
    assert settings.account_lifetime == LIFETIME
    assert settings.memory_budget_bytes == 192 * MIB


def test_a_variable_wins_over_the_file_and_the_command_line_over_both(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "transfer.toml"
    file.write_text('workers = 2\nlog_level = "debug"\nretention_period = "7d"\n')
    set_variables(monkeypatch, CONFIG=str(file), WORKERS="3", LOG_LEVEL="error")
    settings = load(workers=4)
    assert settings.workers == 4
    assert settings.log_level == "error"
    assert settings.retention_period == timedelta(days=7)


def test_an_option_that_is_not_given_leaves_the_variable_in_force(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    set_variables(monkeypatch, DATA="/srv/transfer", WORKERS="")
    settings = load(data=None)
    assert settings.data == Path("/srv/transfer")
    assert settings.workers == 1  # an empty variable is none


def test_all_faults_are_told_at_once_by_variable_with_what_is_expected(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "transfer.toml"
    file.write_text('part_bytes = "5MB"\ncolour = "red"\n')
    set_variables(
        monkeypatch,
        CONFIG=str(file),
        HTTP_LISTEN="everywhere",
        ACCOUNT_LIFETIME="121h",
        RETENTION_PERIOD="30",
        S3_SECRET_KEY="hush-hush",
        DATABASE_URL="mysql://user:hush-hush@host/name",
        RETENTON_PERIOD="30d",
    )
    faults = faults_of(workers=0)
    assert faults.keys() == {
        "TRANSFER_HTTP_LISTEN",
        "TRANSFER_ACCOUNT_LIFETIME",
        "TRANSFER_RETENTION_PERIOD",
        "TRANSFER_S3_ACCESS_KEY",
        "TRANSFER_DATABASE_URL",
        "TRANSFER_RETENTON_PERIOD",
        "TRANSFER_WORKERS",
        "TRANSFER_PART_BYTES",
        "colour",
    }
    assert "expected HOST:PORT" in faults["TRANSFER_HTTP_LISTEN"]
    assert "expected a duration of at most 120h" in faults["TRANSFER_ACCOUNT_LIFETIME"]
    assert "TRANSFER_S3_SECRET_KEY is set" in faults["TRANSFER_S3_ACCESS_KEY"]
    assert str(file) in faults["TRANSFER_PART_BYTES"]
    assert "hush-hush" not in "".join(faults.values())


@pytest.mark.parametrize(
    ("written", "fault"),
    [(None, "can't be read"), (b"workers = ", "not TOML"), (b"\xff\xfe", "not UTF-8")],
)
def test_a_file_that_cannot_be_used_is_a_fault(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, written: bytes | None, fault: str
) -> None:
    file = tmp_path / "transfer.toml"
    if written is not None:
        file.write_bytes(written)
    set_variables(monkeypatch, CONFIG=str(file))
    assert fault in faults_of()["TRANSFER_CONFIG"]


def test_what_kubernetes_sets_for_a_service_of_our_name_is_no_fault(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    set_variables(
        monkeypatch,
        SERVICE_HOST="10.0.0.1",
        SERVICE_PORT_HTTP="8443",
        PORT="tcp://10.0.0.1:8443",
        PORT_8443_TCP_ADDR="10.0.0.1",
        SFTP_SERVICE_HOST="10.0.0.2",
    )
    load()


@pytest.mark.parametrize(
    "pair", [("TLS_CERT_FILE", "TLS_KEY_FILE"), ("S3_ACCESS_KEY", "S3_SECRET_KEY")]
)
def test_one_half_of_a_pair_is_a_fault_of_the_other(
    monkeypatch: pytest.MonkeyPatch, pair: tuple[str, str]
) -> None:
    set_variables(monkeypatch, **{pair[0]: "here"})
    assert faults_of().keys() == {f"TRANSFER_{pair[1]}"}


def test_a_bucket_without_a_store_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    set_variables(monkeypatch, S3_BUCKET="cases")
    assert faults_of().keys() == {"TRANSFER_S3_ENDPOINT_URL"}


def test_the_longest_account_lifetime_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    set_variables(monkeypatch, ACCOUNT_LIFETIME="120h")
    assert load().account_lifetime == LIFETIME


@pytest.mark.parametrize("span", ["0s", "-5s", "PT0S"])
def test_a_lifetime_of_nothing_is_a_fault(monkeypatch: pytest.MonkeyPatch, span: str) -> None:
    set_variables(monkeypatch, ACCOUNT_LIFETIME=span)
    assert faults_of().keys() == {"TRANSFER_ACCOUNT_LIFETIME"}


def test_what_is_shown_has_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    set_variables(
        monkeypatch,
        DATABASE_URL="postgresql+psycopg://transfer:hush-hush@host/name",
        S3_ENDPOINT_URL="https://s3.example.com",
        S3_ACCESS_KEY="AKIA",
        S3_SECRET_KEY="hush-hush",
    )
    shown = load().shown()
    assert shown["TRANSFER_DATABASE_URL"] == "postgresql+psycopg://transfer:***@host/name"
    assert shown["TRANSFER_S3_ACCESS_KEY"] == "AKIA"
    assert "hush-hush" not in json.dumps(shown)


def test_settings_handed_to_another_process_are_the_same_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    set_variables(
        monkeypatch,
        DATA="/srv/transfer",
        HTTP_LISTEN="[::1]:0",
        IDLE_FLUSH="1500ms",
        DATABASE_URL="postgresql://transfer:hush-hush@host/name",
        PART_BYTES="32MiB",
    )
    settings = load(workers=2)
    handed_on = json.loads(json.dumps(settings.to_given()))
    for name in ("DATA", "HTTP_LISTEN", "IDLE_FLUSH", "DATABASE_URL", "PART_BYTES"):
        monkeypatch.delenv(f"TRANSFER_{name}")
    assert load(**handed_on) == settings
    assert settings.http_listen == Address("::1", 0)


OIDC = {
    "OIDC_ISSUER": "https://id.example.com",
    "OIDC_CLIENT_ID": "case-transfer",
    "OIDC_ANALYST_GROUPS": "care, care-leads",
    "PUBLIC_URL": "https://transfer.example.com",
}


def test_groups_are_listed_with_commas_or_as_json_where_names_have_commas(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    set_variables(monkeypatch, **OIDC, OIDC_ADMIN_GROUPS='["CN=ops,OU=it", "root"]')
    settings = load()
    assert settings.oidc_analyst_groups == ("care", "care-leads")
    assert settings.oidc_admin_groups == ("CN=ops,OU=it", "root")
    file = tmp_path / "transfer.toml"
    file.write_text('oidc_admin_groups = ["CN=ops,OU=it"]\n')
    set_variables(monkeypatch, OIDC_ADMIN_GROUPS="", CONFIG=str(file))
    assert load().oidc_admin_groups == ("CN=ops,OU=it",)


def test_sign_in_of_staff_reaches_another_process_as_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    set_variables(monkeypatch, **OIDC, OIDC_CLIENT_SECRET_FILE="/run/secret")
    settings = load()
    for name in (*OIDC, "OIDC_CLIENT_SECRET_FILE"):
        monkeypatch.delenv(f"TRANSFER_{name}")
    assert load(**json.loads(json.dumps(settings.to_given()))) == settings


@pytest.mark.parametrize(
    ("changed", "at_fault"),
    [
        ({"OIDC_ISSUER": "http://id.example.com"}, {"OIDC_ISSUER"}),
        ({"OIDC_ISSUER": "https://u:p@id.example.com"}, {"OIDC_ISSUER"}),
        ({"OIDC_ISSUER": "https://id.example.com?x"}, {"OIDC_ISSUER"}),
        ({"OIDC_CLIENT_ID": ""}, {"OIDC_CLIENT_ID"}),
        ({"PUBLIC_URL": ""}, {"PUBLIC_URL"}),
        ({"PUBLIC_URL": "http://transfer.example.com"}, {"PUBLIC_URL"}),
        ({"OIDC_ANALYST_GROUPS": ""}, {"OIDC_ANALYST_GROUPS", "OIDC_ADMIN_GROUPS"}),
        ({"OIDC_ADMIN_GROUPS": "[1]"}, {"OIDC_ADMIN_GROUPS"}),
        ({"OIDC_ADMIN_GROUPS": "[oops"}, {"OIDC_ADMIN_GROUPS"}),
        ({"OIDC_SCOPES": "profile"}, {"OIDC_SCOPES"}),
        ({"OIDC_ISSUER": "", "OIDC_CLIENT_ID": ""}, {"OIDC_ISSUER"}),
    ],
    ids=lambda names: ",".join(sorted(names)),  # the same in every process of a run
)
def test_sign_in_of_staff_that_can_not_work_is_a_fault(
    monkeypatch: pytest.MonkeyPatch, changed: dict[str, str], at_fault: set[str]
) -> None:
    set_variables(monkeypatch, **{**OIDC, **changed})
    assert faults_of().keys() == {f"TRANSFER_{name}" for name in at_fault}


def test_a_usual_token_that_outlives_the_longest_is_a_fault(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("TOKEN_LIFETIME", "ADMIN_TOKEN_LIFETIME"):
        set_variables(monkeypatch, **{name: "91d"})
        assert faults_of().keys() == {"TRANSFER_MAX_TOKEN_LIFETIME"}
        monkeypatch.delenv(f"TRANSFER_{name}")


def test_lists_are_text_with_commas_or_lists_of_toml(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "transfer.toml"
    file.write_text('cors_origins = ["https://a.example", "https://b.example"]\n')
    set_variables(monkeypatch, CONFIG=str(file), TRUSTED_PROXIES="10.0.0.0/8, ::1")
    settings = load()
    assert settings.cors_origins == ("https://a.example", "https://b.example")
    assert [str(one) for one in settings.trusted_proxies] == ["10.0.0.0/8", "::1/128"]
    assert load(**json.loads(json.dumps(settings.to_given()))) == settings


def test_what_no_proxy_and_no_origin_is_called_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    set_variables(
        monkeypatch, TRUSTED_PROXIES="10.0.0.1/8", CORS_ORIGINS="*", HSTS_MAX_AGE="for ever"
    )
    assert set(faults_of(max_connections=0)) == {
        "TRANSFER_TRUSTED_PROXIES",
        "TRANSFER_CORS_ORIGINS",
        "TRANSFER_HSTS_MAX_AGE",
        "TRANSFER_MAX_CONNECTIONS",
    }
