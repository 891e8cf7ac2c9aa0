"""Settings of regions: a name of ours, and a table of the others' gateways."""

from pathlib import Path

import pytest

from transfer.settings import SettingsError, load


def test_gateways_are_written_as_text_or_as_a_table(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "transfer.toml"
    file.write_text('region = "US"\n[region_gateways]\nEMEA = "https://emea.example.com"\n')
    monkeypatch.setenv("TRANSFER_CONFIG", str(file))
    settings = load()
    assert settings.region == "us"
    assert settings.region_gateways == {"emea": "https://emea.example.com"}
    monkeypatch.setenv("TRANSFER_REGION_GATEWAYS", "emea=https://e.example.com, a-1=http://[::1]:1")
    settings = load()
    assert settings.region_gateways == {
        "emea": "https://e.example.com",
        "a-1": "http://[::1]:1",
    }
    assert load(**settings.to_given()).region_gateways == settings.region_gateways
    assert settings.shown()["TRANSFER_REGION_GATEWAYS"] == settings.region_gateways


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("REGION", "u s"),
        ("REGION_GATEWAYS", "emea"),
        ("REGION_GATEWAYS", "emea=http://emea.example.com"),  # the link's token would be read
        ("REGION_GATEWAYS", "emea=https://a.example.com,EMEA=https://b.example.com"),
        ("REGION_GATEWAYS", "e m=https://a.example.com"),
    ],
)
def test_what_names_no_region_or_no_safe_gateway_is_a_fault(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv("TRANSFER_REGION", "us")
    monkeypatch.setenv(f"TRANSFER_{name}", value)
    with pytest.raises(SettingsError, match=f"TRANSFER_{name}: expected"):
        load()


def test_gateways_mean_nothing_without_a_region_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRANSFER_REGION_GATEWAYS", "emea=https://emea.example.com")
    with pytest.raises(SettingsError, match="TRANSFER_REGION: missing"):
        load()
