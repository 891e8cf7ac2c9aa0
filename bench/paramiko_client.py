"""One transfer by paramiko: python -m bench.paramiko_client PORT USER PASSWORD KEY put|get A B."""

import sys

import paramiko


def main() -> None:
    """Transfer one file; KEY or PASSWORD is `-`."""
    port, user, password, key, verb, source, goal = sys.argv[1:]
    with paramiko.Transport(("127.0.0.1", int(port))) as transport:
        if key == "-":
            transport.connect(username=user, password=password)
        else:
            transport.connect(username=user, pkey=paramiko.Ed25519Key.from_private_key_file(key))
        client = paramiko.SFTPClient.from_transport(transport)
        if client is None:
            raise SystemExit("no SFTP there")
        transfer = client.put if verb == "put" else client.get
        transfer(source, goal)
    print("done")


if __name__ == "__main__":
    main()
