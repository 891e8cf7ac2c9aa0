"""All clients, in the order in which the table has them."""

from tests.clients.asyncssh_client import AsyncSsh
from tests.clients.client import Client
from tests.clients.curl_client import Curl
from tests.clients.filezilla_client import FileZilla
from tests.clients.lftp_client import Lftp
from tests.clients.openssh_clients import Scp, Sftp
from tests.clients.paramiko_client import Paramiko
from tests.clients.putty_clients import Pscp, Psftp
from tests.clients.rclone_client import Rclone
from tests.clients.sshfs_client import Sshfs
from tests.clients.winscp_client import WinScp

CLIENTS: tuple[type[Client], ...] = (
    WinScp,
    FileZilla,
    Sftp,
    Scp,
    Psftp,
    Pscp,
    Lftp,
    Rclone,
    Curl,
    Sshfs,
    Paramiko,
    AsyncSsh,
)
