"""Ready-made settings for the SFTP clients that people have: links, commands and files.

None of them holds the password: a link stays in a history, a command in another one, and a file
wherever it was saved. Each client asks for it.
"""

import shlex
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from xml.sax.saxutils import escape

from transfer.core.cases import CaseNumber
from transfer.http.policy import SftpAddress

_DEFAULT_PORT = 22
_FILEZILLA = """\
<?xml version="1.0" encoding="UTF-8"?>
<FileZilla3>
  <Servers>
    <Server>
      <Host>{host}</Host>
      <Port>{port}</Port>
      <Protocol>1</Protocol>
      <Type>0</Type>
      <User>{user}</User>
      <Logontype>2</Logontype>
      <EncodingType>UTF-8</EncodingType>
      <BypassProxy>0</BypassProxy>
      <Name>{name}</Name>
    </Server>
  </Servers>
</FileZilla3>
"""
_WINSCP = """\
# Run it as: winscp.com /script={file}
# It asks for the password, then leaves you at a prompt:
#   put -resumesupport=on C:\\logs\\*
option batch off
open "{url}"
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class SftpLogin:
    """Where one account logs in, as each client is told."""

    address: SftpAddress
    username: str
    case_number: CaseNumber

    @property
    def url(self) -> str:
        """The address as most clients understand it."""
        return f"sftp://{self.username}@{self._authority}/"

    @property
    def winscp_url(self) -> str:
        """The address as WinSCP takes it, with the host key that it is to expect."""
        key = self._winscp_fingerprint()
        expected = f";fingerprint={key}" if key else ""
        return f"sftp://{self.username}{expected}@{self._authority}/"

    @property
    def openssh_command(self) -> str:
        """What to type at a shell."""
        return shlex.join(("sftp", *self._port_option("-P"), self._target))

    @property
    def psftp_command(self) -> str:
        """What to type at a Windows prompt, with the host keys that PSFTP is to expect."""
        keys = (f"-hostkey {key}" for key in self.address.fingerprints)
        return " ".join(("psftp", *self._port_option("-P"), *keys, self._target))

    @property
    def known_hosts(self) -> str:
        """The lines by which OpenSSH knows the server; none, where its keys aren't told."""
        host = self.address.host
        port = self.address.port
        name = host if port == _DEFAULT_PORT else f"[{host}]:{port}"
        return "".join(f"{name} {key}\n" for key in self.address.host_keys)

    @property
    def filezilla_site(self) -> str:
        """A site for FileZilla's site manager, as its import takes it."""
        return _FILEZILLA.format(
            host=escape(self.address.host),
            port=self.address.port,
            user=escape(self.username),
            name=f"Case {self.case_number}",
        )

    @property
    def winscp_script(self) -> str:
        """A script that opens the session in WinSCP's console."""
        return _WINSCP.format(file=self.file_name("winscp.txt"), url=self.winscp_url)

    def file_name(self, name: str) -> str:
        """Return how a file of settings is called where it is saved."""
        return f"case-{self.case_number}-{name}"

    def file(self, name: str) -> str | None:
        """Return the content of a file of settings; None if there is no such."""
        files: Mapping[str, str] = {
            "filezilla.xml": self.filezilla_site,
            "winscp.txt": self.winscp_script,
            "known_hosts": self.known_hosts,
        }
        return files.get(name) or None

    @property
    def _authority(self) -> str:
        host = self.address.host
        return f"[{host}]:{self.address.port}" if ":" in host else f"{host}:{self.address.port}"

    @property
    def _target(self) -> str:
        host = self.address.host
        return f"{self.username}@[{host}]" if ":" in host else f"{self.username}@{host}"

    def _port_option(self, option: str) -> tuple[str, ...]:
        port = self.address.port
        return () if port == _DEFAULT_PORT else (option, str(port))

    def _winscp_fingerprint(self) -> str | None:
        """Return the first key's fingerprint: its kind, and its SHA-256 in Base64 for URLs."""
        if not self.address.host_keys:
            return None
        kind, key = self.address.host_keys[0].split()[:2]
        digest = urlsafe_b64encode(sha256(b64decode(key)).digest()).decode("ascii")
        return f"{kind}-{digest.rstrip('=')}"
