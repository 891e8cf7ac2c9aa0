"""Signing in by hand, message by message, on a connection that paramiko has made."""

import queue
from collections.abc import Callable

import paramiko
from paramiko.common import cMSG_USERAUTH_REQUEST

from tests.e2e.sftp.raw_ssh import SERVICE_REQUEST

FAILURE, SUCCESS = 51, 52


class Ear:
    """Hears what the server says to who signs in, and does nothing about it."""

    def __init__(self) -> None:
        self.answers: queue.Queue[int] = queue.Queue()
        quiet = {number: lambda _: None for number in (6, 53, 60)}
        told = {number: self._taken(number) for number in (FAILURE, SUCCESS)}
        self._handler_table = {**quiet, **told}

    def _taken(self, number: int) -> Callable[[paramiko.Message], None]:
        return lambda _: self.answers.put(number)

    def abort(self) -> None:
        pass

    def is_authenticated(self) -> bool:
        return True


def send(transport: paramiko.Transport, message: paramiko.Message) -> None:
    transport._send_message(message)


def password_of(username: str, password: str) -> paramiko.Message:
    message = paramiko.Message()
    message.add_byte(cMSG_USERAUTH_REQUEST)
    for part in (username, "ssh-connection", "password"):
        message.add_string(part)
    message.add_boolean(False)
    message.add_string(password)
    return message


def key_offer(username: str, algorithm: str, blob: bytes) -> paramiko.Message:
    message = paramiko.Message()
    message.add_byte(cMSG_USERAUTH_REQUEST)
    for part in (username, "ssh-connection", "publickey"):
        message.add_string(part)
    message.add_boolean(False)
    message.add_string(algorithm)
    message.add_string(blob)
    return message


def asked(transport: paramiko.Transport) -> "queue.Queue[int]":
    """Have the server wait for somebody to sign in; return what it will answer."""
    transport.start_client(timeout=10)
    transport.auth_handler = ear = Ear()
    service = paramiko.Message()
    service.add_byte(bytes([SERVICE_REQUEST]))
    service.add_string("ssh-userauth")
    send(transport, service)
    return ear.answers


def gets_a_session(transport: paramiko.Transport) -> bool:
    try:
        transport.open_session(timeout=3).close()
    except (paramiko.SSHException, EOFError, OSError):
        return False
    return True
