"""Where a sign-in may lead back to."""

from urllib.parse import urljoin, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transfer.core.errors import InvalidRequestError
from transfer.http.return_paths import return_path


@pytest.mark.parametrize("nothing", [None, ""])
def test_without_a_wish_it_is_the_first_page(nothing: str | None) -> None:
    assert return_path(nothing, "") == "/"
    assert return_path(nothing, "/transfer") == "/transfer/"


@pytest.mark.parametrize(
    "path", ["/", "/cases/0003256109", "/cases?q=a%20b&c=//x#y", "/a.b/..c/...", "/a?b=/../c"]
)
def test_a_path_of_ours_is_kept_as_it_is(path: str) -> None:
    assert return_path(path, "") == path
    assert return_path(f"/transfer{path}", "/transfer") == f"/transfer{path}"


@pytest.mark.parametrize(
    "path",
    [
        "cases",
        "https://evil.example.com",
        "//evil.example.com",
        "/\\evil.example.com",
        "/a\\b",
        "\\/evil.example.com",
        " /cases",
        "/ca ses",
        "/cases\n",
        "/\t/evil.example.com",
        "/é",
        "/\x7f",
        "/a/../b",
        "/..",
        "/./a",
        "/%2E%2e/a",
        "/.%2e",
        "/" + "x" * 2000,
        "javascript:alert(1)",
        "?x",
        "#x",
    ],
)
def test_what_leads_elsewhere_or_nowhere_is_refused(path: str) -> None:
    with pytest.raises(InvalidRequestError):
        return_path(path, "")


@pytest.mark.parametrize("path", ["/", "/other/cases", "/transferred/x", "/transfer"])
def test_behind_a_proxy_what_lies_beside_the_service_is_refused(path: str) -> None:
    with pytest.raises(InvalidRequestError):
        return_path(path, "/transfer")


@given(st.text(alphabet="/\\.%2eE:@?#\t\n aé", max_size=12))
def test_whatever_is_let_through_stays_on_the_host_and_below_the_prefix(text: str) -> None:
    try:
        path = return_path(f"/t/{text}", "/t")
    except InvalidRequestError:
        return
    led = urlsplit(urljoin("https://us.example.com/sign-in", path))
    assert (led.scheme, led.netloc) == ("https", "us.example.com")
    assert led.path.startswith("/t/")


@given(st.text(alphabet="/\\.:@?#ax", max_size=12))
def test_whatever_is_let_through_stays_on_the_host(text: str) -> None:
    try:
        path = return_path(text, "")
    except InvalidRequestError:
        return
    assert urlsplit(urljoin("https://us.example.com/sign-in", path)).netloc == "us.example.com"
