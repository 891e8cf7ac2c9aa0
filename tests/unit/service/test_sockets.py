"""Listening sockets."""

import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest

from transfer.service.failures import ServiceError
from transfer.service.sockets import listening_sockets, reached_at
from transfer.values import Address


@contextmanager
def listening(host: str, port: int = 0) -> Iterator[list[socket.socket]]:
    listeners = listening_sockets(Address(host, port), "--http")
    try:
        yield listeners
    finally:
        for listener in listeners:
            listener.close()


def test_port_0_becomes_one_that_takes_connections() -> None:
    with listening("127.0.0.1") as listeners:
        address = reached_at(listeners, "127.0.0.1")
        assert address.port != 0
        with closing(socket.create_connection(address, timeout=5)) as client:
            assert client.getpeername() == address


def test_a_name_with_several_addresses_gets_one_port_on_all_of_them() -> None:
    with listening("localhost") as listeners:
        assert len({listener.getsockname()[1] for listener in listeners}) == 1


def test_a_port_that_is_taken_is_told_with_the_option_that_helps() -> None:
    with listening("127.0.0.1") as listeners:
        port = listeners[0].getsockname()[1]
        with pytest.raises(ServiceError, match=rf"127\.0\.0\.1:{port}: another process.*--http"):
            listening_sockets(Address("127.0.0.1", port), "--http")


@pytest.mark.parametrize(
    ("host", "said"), [("192.0.2.1", "no such address"), ("nowhere.invalid", "Can't listen")]
)
def test_an_address_that_is_not_ours_is_told(host: str, said: str) -> None:
    with pytest.raises(ServiceError, match=said):
        listening_sockets(Address(host, 0), "--sftp")


def test_who_listens_everywhere_is_reached_by_the_name_of_the_machine() -> None:
    with listening("0.0.0.0") as listeners:  # noqa: S104 - for the length of this test
        assert reached_at(listeners, "0.0.0.0").host == socket.gethostname()  # noqa: S104
        assert reached_at(listeners, "transfer.example.com").host == "transfer.example.com"
