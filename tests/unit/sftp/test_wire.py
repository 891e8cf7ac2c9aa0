import socket

from transfer.sftp.wire import wire_bytes


def test_the_kernel_counts_what_a_connection_carries() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        with socket.create_connection(listening.getsockname()) as client:
            server, _ = listening.accept()
            with server:
                before = wire_bytes(server)
                client.sendall(bytes(1000))
                server.settimeout(5)
                got = 0
                while got < 1000:
                    got += len(server.recv(1000))
                after = wire_bytes(server)
        assert before is not None
        assert after is not None
        assert after - before == 1000


def test_what_is_no_tcp_connection_has_no_count() -> None:
    one, other = socket.socketpair()
    with one, other:
        assert wire_bytes(one) is None
    assert wire_bytes(one) is None
    assert wire_bytes(None) is None


def test_a_kernel_that_tells_less_is_believed() -> None:
    class Short:
        def getsockopt(self, _level: int, _option: int, _size: int, /) -> bytes:
            return bytes(104)

    assert wire_bytes(Short()) is None
