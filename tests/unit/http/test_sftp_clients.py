"""Settings for SFTP clients: as each of them reads it, and never with the password."""

from urllib.parse import urlsplit
from xml.etree import ElementTree

import asyncssh
import pytest

from transfer.core.cases import CaseNumber
from transfer.http.policy import SftpAddress
from transfer.http.site.sftp_clients import SftpLogin

KEY = asyncssh.generate_private_key("ssh-ed25519")
LINE = KEY.export_public_key("openssh").decode().strip()
FINGERPRINT = KEY.get_fingerprint()


def login(host: str = "files.example.com", port: int = 2222, *, keys: bool = True) -> SftpLogin:
    address = SftpAddress(
        host=host,
        port=port,
        fingerprints=(FINGERPRINT,) if keys else (),
        host_keys=(LINE,) if keys else (),
    )
    return SftpLogin(
        address=address, username="c0003256109-abc", case_number=CaseNumber("0003256109")
    )


@pytest.mark.parametrize(
    ("host", "port", "authority"),
    [
        ("files.example.com", 2222, "files.example.com:2222"),
        ("files.example.com", 22, "files.example.com:22"),
        ("2001:db8::1", 2222, "[2001:db8::1]:2222"),
    ],
)
def test_an_address_is_a_url(host: str, port: int, authority: str) -> None:
    parts = urlsplit(login(host, port).url)
    assert (parts.scheme, parts.username, parts.hostname, parts.port) == (
        "sftp",
        "c0003256109-abc",
        host,
        port,
    )
    assert parts.netloc.endswith("@" + authority)


def test_winscp_is_told_the_key_that_it_is_to_expect() -> None:
    url = login().winscp_url
    expected = FINGERPRINT.removeprefix("SHA256:").replace("+", "-").replace("/", "_")
    assert url == (
        f"sftp://c0003256109-abc;fingerprint=ssh-ed25519-{expected}@files.example.com:2222/"
    )
    assert login(keys=False).winscp_url == login().url
    script = login().winscp_script
    assert f'open "{url}"' in script.splitlines()
    assert "case-0003256109-winscp.txt" in script


def test_openssh_s_command_can_be_typed_as_it_is() -> None:
    assert login().openssh_command == "sftp -P 2222 c0003256109-abc@files.example.com"
    assert login(port=22).openssh_command == "sftp c0003256109-abc@files.example.com"
    # Quoted, as a shell takes brackets for a pattern.
    assert login("::1").openssh_command == "sftp -P 2222 'c0003256109-abc@[::1]'"


def test_psftp_s_command_has_the_keys_that_it_is_to_expect() -> None:
    assert login().psftp_command == (
        f"psftp -P 2222 -hostkey {FINGERPRINT} c0003256109-abc@files.example.com"
    )
    assert login(port=22, keys=False).psftp_command == "psftp c0003256109-abc@files.example.com"


@pytest.mark.parametrize(
    ("host", "port"), [("files.example.com", 2222), ("files.example.com", 22), ("::1", 2222)]
)
def test_known_hosts_makes_the_server_known(host: str, port: int) -> None:
    known = asyncssh.import_known_hosts(login(host, port).known_hosts)
    trusted, *_ = known.match(host, "", port)
    assert [key.get_fingerprint() for key in trusted] == [FINGERPRINT]
    other, *_ = known.match("other.example.com", "", port)
    assert other == []


def test_filezilla_s_site_asks_for_the_password() -> None:
    written = login("a&b").filezilla_site
    site = ElementTree.fromstring(written).find("Servers/Server")  # noqa: S314 - ours
    assert site is not None
    told = {one.tag: one.text for one in site}
    assert told["Host"] == "a&b"
    assert told["Port"] == "2222"
    assert told["User"] == "c0003256109-abc"
    assert (told["Protocol"], told["Logontype"]) == ("1", "2")  # SFTP; ask
    assert told["Name"] == "Case 0003256109"
    assert "Pass" not in told


def test_a_file_that_has_nothing_to_tell_is_none() -> None:
    assert login().file("known_hosts") == f"[files.example.com]:2222 {LINE}\n"
    assert login(keys=False).file("known_hosts") is None
    assert login().file("putty.reg") is None
