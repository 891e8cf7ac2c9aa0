import pytest
from hypothesis import given
from hypothesis import strategies as st

from transfer.sftp.commands import ShellProbe, SumCommand, parse_command


def test_the_question_which_shell_this_is_is_known_word_for_word() -> None:
    assert parse_command("echo ${ShellId}%ComSpec%") == ShellProbe()
    for line in ("echo ${ShellId}", "echo ${ShellId}%ComSpec% ", "echo $(id)", "echo hello"):
        assert parse_command(line) is None


@pytest.mark.parametrize(
    ("line", "algorithm", "paths"),
    [
        ("md5sum trace.log", "md5", ["trace.log"]),
        ("sha1sum", "sha1", []),
        ("sha256sum -b -- -odd.log", "sha256", ["-odd.log"]),
        ("sha512sum --text 'a b.log' c\\ d.log", "sha512", ["a b.log", "c d.log"]),
        ("sha1sum /logs/tr\\$ace\\ \\(1\\).log", "sha1", ["/logs/tr$ace (1).log"]),
        ("rclone sha1sum", "sha1", []),
        ("rclone md5sum a.log", "md5", ["a.log"]),
        ("rclone hashsum sha256", "sha256", []),
        ("rclone hashsum sha256 /a.log", "sha256", ["/a.log"]),
    ],
)
def test_commands_that_tell_digests_are_known(line: str, algorithm: str, paths: list[str]) -> None:
    command = parse_command(line)
    assert isinstance(command, SumCommand)
    assert (command.algorithm, list(command.paths)) == (algorithm, paths)


@pytest.mark.parametrize(
    "line",
    [
        *("", " ", "ls", "sh", "scp -t /", "scp -f trace.log", "sftp", "/usr/bin/sha256sum a"),
        *("sha256sum -c SHA256SUMS", "sha256sum a --tag", "sha256sum 'a", "SHA256SUM a"),
        *("md5sum", "md5sum -b", "rclone md5sum", "rclone hashsum md5", "md5 -r", "crc32 a"),
        *("rclone", "rclone hashsum", "rclone hashsum b3 a", "rclone serve sftp", "rclone lsf /"),
        "sha256sum " + "a" * 70_000,
    ],
)
def test_all_other_commands_are_unknown(line: str) -> None:
    assert parse_command(line) is None


@given(st.text(min_size=1).filter(lambda text: "\0" not in text))
def test_a_path_that_a_client_escaped_is_taken_as_it_is(path: str) -> None:
    safe = set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.,:/@-")
    escaped = "".join(
        "'\n'" if one == "\n" else one if one in safe or one > "\x7f" else f"\\{one}"
        for one in path
    )
    command = parse_command(f"sha1sum -- {escaped}")
    assert isinstance(command, SumCommand)
    assert list(command.paths) == [path]


@given(st.text())
def test_no_line_whatever_is_more_than_one_of_these(line: str) -> None:
    command = parse_command(line)
    assert command is None or isinstance(command, ShellProbe | SumCommand)
