"""The fields of resumable uploads for HTTP, as each version has them."""

from datetime import timedelta

import pytest
from multidict import CIMultiDict, CIMultiDictProxy

from transfer.core.errors import InvalidRequestError, LengthMismatchError
from transfer.http import rufh_headers as headers
from transfer.http.rufh_versions import DIALECTS, FINAL, dialect_of, speaks_rufh


def fields(**values: str) -> CIMultiDictProxy[str]:
    return CIMultiDictProxy(
        CIMultiDict({name.replace("_", "-"): value for name, value in values.items()})
    )


def test_who_names_no_version_speaks_the_final_form() -> None:
    assert dialect_of(fields()) is FINAL
    assert FINAL.version is None


@pytest.mark.parametrize("version", range(3, 9))
def test_who_names_a_version_speaks_it(version: int) -> None:
    assert dialect_of(fields(Upload_Draft_Interop_Version=str(version))) is DIALECTS[version]
    assert DIALECTS[version].version == version


@pytest.mark.parametrize("version", ["2", "9", "99", "-6", "six", "6.0", ""])
def test_who_names_another_version_is_never_offered_to_resume(version: str) -> None:
    dialect = dialect_of(fields(Upload_Draft_Interop_Version=version))
    assert not dialect.interim
    assert dialect.completeness == "Upload-Complete"


@pytest.mark.parametrize(
    ("name", "is_ours"),
    [
        ("Upload-Complete", True),
        ("upload-incomplete", True),
        ("Upload-Draft-Interop-Version", True),
        ("Upload-Offset", False),
        ("Upload-Length", False),
    ],
)
def test_some_fields_only_this_protocol_has(name: str, *, is_ours: bool) -> None:
    assert speaks_rufh(CIMultiDictProxy(CIMultiDict({name: "?1"}))) is is_ours


@pytest.mark.parametrize(("told", "ends"), [("?1", True), ("?0", False)])
def test_completeness_tells_whether_the_file_ends_with_the_body(told: str, *, ends: bool) -> None:
    for dialect in (DIALECTS[7], DIALECTS[8], FINAL):
        told_so = fields(Upload_Complete=told)
        assert headers.ends_with_body(told_so, dialect, creates=False) is ends


@pytest.mark.parametrize("version", [3, 4, 5, 6])
def test_in_early_versions_what_goes_on_ends_at_its_announced_length(version: int) -> None:
    dialect = DIALECTS[version]
    ends, goes_on = ("?0", "?1") if version == 3 else ("?1", "?0")
    for creates in (True, False):
        told = fields(**{dialect.completeness.replace("-", "_"): ends})
        assert headers.ends_with_body(told, dialect, creates=creates) is True
        told = fields(**{dialect.completeness.replace("-", "_"): goes_on})
        assert headers.ends_with_body(told, dialect, creates=creates) is None


def test_what_is_left_out_means_the_end_then_the_length_and_then_nothing() -> None:
    for creates in (True, False):
        assert headers.ends_with_body(fields(), DIALECTS[3], creates=creates) is True
    for version in (4, 5, 6):
        assert headers.ends_with_body(fields(), DIALECTS[version], creates=False) is None
        with pytest.raises(InvalidRequestError):
            headers.ends_with_body(fields(), DIALECTS[version], creates=True)
    for dialect in (DIALECTS[7], DIALECTS[8], FINAL):
        for creates in (True, False):
            with pytest.raises(InvalidRequestError):
                headers.ends_with_body(fields(), dialect, creates=creates)


@pytest.mark.parametrize("told", ["1", "true", "", "?1, ?0"])
def test_completeness_that_is_no_boolean_is_refused(told: str) -> None:
    with pytest.raises(InvalidRequestError):
        headers.ends_with_body(fields(Upload_Complete=told), FINAL, creates=False)
    with pytest.raises(InvalidRequestError):
        headers.ends_with_body(fields(Upload_Incomplete=told), DIALECTS[3], creates=False)


@pytest.mark.parametrize(
    ("told", "end", "ends", "length"),
    [
        ({}, None, True, None),
        ({}, 7, True, 7),
        ({}, 7, False, None),
        ({"Upload_Length": "9"}, 7, False, 9),
        ({"Upload_Length": "9"}, None, True, 9),
        ({"Upload_Length": "7"}, 7, True, 7),
        ({"Upload_Length": "7"}, 7, False, 7),
        ({"Upload_Length": "nonsense"}, 7, False, None),
        ({"Upload_Length": "-7"}, None, True, None),
    ],
)
def test_a_length_is_told_by_its_field_or_by_the_last_body(
    told: dict[str, str], end: int | None, length: int | None, *, ends: bool
) -> None:
    assert headers.file_length(fields(**told), end=end, ends=ends) == length


@pytest.mark.parametrize(("end", "ends"), [(8, True), (6, True), (8, False)])
def test_lengths_that_cannot_all_be_true_are_refused(end: int, *, ends: bool) -> None:
    with pytest.raises(LengthMismatchError):
        headers.file_length(fields(Upload_Length="7"), end=end, ends=ends)


def test_limits_are_called_as_the_version_calls_them() -> None:
    life = timedelta(days=7, seconds=0.9)
    assert headers.limits(DIALECTS[5], 10, life) == {}
    assert headers.limits(DIALECTS[6], 10, life) == {"Upload-Limit": "max-size=10, expires=604800"}
    assert headers.limits(FINAL, 10, life) == {"Upload-Limit": "max-size=10, max-age=604800"}
    assert headers.limits(FINAL, 10, None) == {"Upload-Limit": "max-size=10"}
    assert headers.limits(FINAL, 10, -life)["Upload-Limit"].endswith("max-age=0")


@pytest.mark.parametrize("name", ["Upload_Offset", "Upload_Complete", "Upload_Length"])
def test_early_versions_forbid_an_upload_s_fields_where_there_is_no_body(name: str) -> None:
    for version in (4, 5, 6):
        with pytest.raises(InvalidRequestError):
            headers.check_bare(fields(**{name: "1"}), DIALECTS[version])
    headers.check_bare(fields(**{name: "1"}), FINAL)
    headers.check_bare(fields(), DIALECTS[6])
