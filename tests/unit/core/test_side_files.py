import hashlib

import pytest

from transfer.core.names import ROOT, CasePath
from transfer.core.side_files import Statement, is_side_file, stated_path, statements

SHA256 = hashlib.sha256(b"trace").hexdigest()
SHA512 = hashlib.sha512(b"trace").hexdigest()
MD5 = hashlib.md5(b"trace", usedforsecurity=False).hexdigest()
SHA1 = hashlib.sha1(b"trace", usedforsecurity=False).hexdigest()


@pytest.mark.parametrize(
    "name",
    [
        *("trace.log.sha256", "trace.log.SHA256", "trace.md5", "a.tar.gz.sha1", "x.sha512"),
        *("trace.log.sha256sum", "trace.log.md5sum", "trace.log.sha256.txt"),
        *("SHA256SUMS", "sha256sum.txt", "MD5SUMS", "sha1sums", "checksums.txt", "checksum"),
        *("manifest-sha256.txt", "manifest-md5.txt"),
    ],
)
def test_files_that_tell_digests_are_known_by_their_names(name: str) -> None:
    assert is_side_file(name)


@pytest.mark.parametrize(
    "name",
    [
        *(
            "trace.log",
            ".sha256",
            "sha256",
            "trace.sha256.log",
            "trace-sha256",
            "md5",
            "trace.sha3",
        ),
        *("trace.sha256.partial", "trace.sha256.filepart", "manifest.txt", "SHA256SUMS.log"),
    ],
)
def test_other_files_tell_none(name: str) -> None:
    assert not is_side_file(name)


def test_a_list_tells_of_each_file_as_the_usual_tools_write_it() -> None:
    content = (
        f"# of Monday\n{SHA256}  trace.log\n{SHA512} *node1/dump.bin\r\n{SHA256.upper()}\tb.log\n"
        f"SHA1 (old.log) = {SHA1}\nMD5(older.log)= {MD5}\nSHA2-256 (c d.log) = {SHA256}\n"
        f"{SHA256}\nnot a digest  e.log\nabcdef  f.log\n\n"
    )
    assert statements("SHA256SUMS", content.encode()) == [
        Statement("trace.log", "sha256", SHA256),
        Statement("node1/dump.bin", "sha512", SHA512),
        Statement("b.log", "sha256", SHA256),
        Statement("old.log", "sha1", SHA1),
        Statement("older.log", "md5", MD5),
        Statement("c d.log", "sha256", SHA256),
    ]


def test_the_last_that_is_said_of_a_file_counts() -> None:
    content = f"{MD5}  trace.log\n{SHA256}  trace.log\n".encode()
    assert statements("SHA256SUMS", content) == [Statement("trace.log", "sha256", SHA256)]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("/var/log/trace.log", "trace.log"),
        ("C:\\logs\\trace.log", "trace.log"),
        ("c:/logs/trace.log", "trace.log"),
        ("logs\\trace.log", "logs/trace.log"),
        ("./logs/trace.log", "./logs/trace.log"),
        ("logs/tr\\ace.log", "logs/tr\\ace.log"),
    ],
)
def test_paths_of_the_senders_machine_are_taken_for_what_was_sent(written: str, meant: str) -> None:
    [told] = statements("SHA256SUMS", f"{SHA256}  {written}\n".encode())
    assert told.path == meant


def test_names_that_were_escaped_are_read_as_they_are() -> None:
    content = f"\\{SHA256}  back\\\\slash.log\n\\{SHA256}  two\\nlines.log\n".encode()
    assert [told.path for told in statements("SHA256SUMS", content)] == [
        "back\\slash.log",
        "two\nlines.log",
    ]


@pytest.mark.parametrize(
    "content",
    [
        SHA256,
        f"{SHA256}\n",
        f"\ufeff{SHA256}\r\n",
        # as certutil and PowerShell's Get-FileHash write it
        f"SHA256 hash of C:\\trace.log:\r\n{SHA256}\r\nCertUtil: -hashfile: done.\r\n",
        f"Algorithm : SHA256\r\nHash      : {SHA256.upper()}\r\nPath      : C:\\trace.log\r\n",
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_digest_without_a_name_is_of_the_file_that_the_side_file_is_named_after(
    content: str, encoding: str
) -> None:
    told = statements("trace.log.sha256", content.encode(encoding))
    assert told == [Statement("trace.log", "sha256", SHA256)]


def test_of_several_digests_without_names_none_is_told() -> None:
    assert statements("trace.log.sha256", f"{SHA256}\n{MD5}\n".encode()) == []


@pytest.mark.parametrize("content", [b"", b"\x00\xff garbage \xfe", b"deadbeef", b"0" * 65])
def test_what_holds_no_digest_says_nothing(content: bytes) -> None:
    assert statements("trace.log.sha256", content) == []
    assert statements("SHA256SUMS", content) == []


def test_a_list_does_not_guess_names() -> None:
    assert statements("SHA256SUMS", f"{SHA256}\n".encode()) == []


def test_a_side_file_of_one_file_is_of_the_one_it_is_named_after_if_there_is_none_of_its_name() -> (
    None
):
    told = statements("trace.log.sha256", f"{SHA256}  /tmp/renamed.log\n".encode())
    assert told == [Statement("renamed.log", "sha256", SHA256, otherwise="trace.log")]


def test_a_side_file_of_several_files_is_a_list() -> None:
    content = f"{SHA256}  a.log\n{MD5}  b.log\n".encode()
    assert statements("both.sha256", content) == [
        Statement("a.log", "sha256", SHA256),
        Statement("b.log", "md5", MD5),
    ]


@pytest.mark.parametrize(
    ("folder", "path", "meant"),
    [
        ("", "trace.log", "trace.log"),
        ("logs", "trace.log", "logs/trace.log"),
        ("logs", "./node1//trace.log", "logs/node1/trace.log"),
        ("logs", "../trace.log", "trace.log"),
        ("logs", "../../trace.log", None),
        ("", "../trace.log", None),
        ("", "two\nlines.log", None),
        ("", "x" * 300, None),
        ("", ".", None),
        ("logs", "..", None),
    ],
)
def test_a_path_leads_to_what_the_case_holds(folder: str, path: str, meant: str | None) -> None:
    assert stated_path(CasePath(folder), path) == meant


def test_the_case_itself_is_no_file() -> None:
    assert stated_path(ROOT, "") is None
