"""Which language a page is in."""

import pytest
from aiohttp.test_utils import make_mocked_request

from transfer.http.site.languages import language_of


@pytest.mark.parametrize(
    ("path", "accept", "cookie", "tag"),
    [
        ("/", None, None, "en"),
        ("/", "", None, "en"),
        ("/", "de", None, "de"),
        ("/", "de-AT,en;q=0.5", None, "de"),
        ("/", "fr,de;q=0.8,en;q=0.9", None, "en"),
        ("/", "fr;q=1,de;q=0.1", None, "de"),
        ("/", "en ; q=0.5 , DE ; q=0.7", None, "de"),
        ("/", "de;q=0,en;q=0.1", None, "en"),
        ("/", "de;q=nonsense", None, "en"),
        ("/", "zz", None, "en"),
        ("/", "en", "de", "de"),
        ("/", "de", "klingon", "de"),
        ("/?lang=de", "en", "en", "de"),
        ("/?lang=klingon", "de", None, "de"),
        ("/?lang=", "de", None, "de"),
    ],
)
def test_a_link_goes_before_what_is_kept_and_that_before_what_the_browser_asks_for(
    path: str, accept: str | None, cookie: str | None, tag: str
) -> None:
    headers = {} if accept is None else {"Accept-Language": accept}
    if cookie is not None:
        headers["Cookie"] = f"transfer-language={cookie}"
    assert language_of(make_mocked_request("GET", path, headers=headers)).tag == tag
