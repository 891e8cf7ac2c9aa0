"""docs/case-core-api.yaml is what is asked, answered and taken."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession
from openapi_schema_validator import OAS31Validator, oas31_format_checker
from openapi_schema_validator import validate as validate_instance
from openapi_spec_validator import validate
from openapi_spec_validator.readers import read_from_filename

from tests.clock import MovableClock
from tests.contract.casebridge.case_core_contract import a_file
from tests.reference_core import TOKEN, ReferenceCore
from tests.unit.casebridge.scripted_core import a_case, closed
from transfer.casebridge.case_documents import (
    CaseDocument,
    ContactDocument,
    case_document,
    event_document,
)
from transfer.core.cases import CaseNumber, Priority, Status
from transfer.core.contacts import Contact, ContactKind

PATH = Path(__file__).parents[3] / "docs" / "case-core-api.yaml"
NUMBER = CaseNumber("0003256109")


@pytest.fixture(scope="module")
def contract() -> Mapping[str, Any]:
    loaded, _ = read_from_filename(str(PATH))
    return loaded


def check(contract: Mapping[str, Any], schema: str, instance: object) -> None:
    """Raise unless the instance is what the contract calls so."""
    rooted = {"$ref": f"#/components/schemas/{schema}", "components": contract["components"]}
    validate_instance(instance, rooted, cls=OAS31Validator, format_checker=oas31_format_checker)


def test_it_is_an_openapi_document(contract: Mapping[str, Any]) -> None:
    validate(contract)


async def test_the_reference_server_keeps_to_it(
    contract: Mapping[str, Any], reference: ReferenceCore
) -> None:
    await reference.desk.open("Crash", "Example Ltd", "ada", NUMBER, sold_to="Example Group")
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with ClientSession(headers=headers) as session:
        for path, schema, status in (
            (f"/cases/{NUMBER}", "Case", 200),
            ("/changes", "Changes", 200),
            ("/cases/0000000001", "Problem", 404),
            ("/changes?since=nothing", "Problem", 400),
        ):
            async with session.get(reference.url + path) as response:
                assert response.status == status
                check(contract, schema, await response.json(content_type=None))
    async with ClientSession() as session, session.get(reference.url + "/changes") as response:
        assert response.status == 401
        check(contract, "Problem", await response.json(content_type=None))


def test_what_is_told_of_events_keeps_to_it(contract: Mapping[str, Any]) -> None:
    event = event_document(a_file(NUMBER, "app.log", MovableClock()), "urn:case-transfer")
    check(contract, "Event", event)


def test_every_member_that_is_read_is_in_it_and_no_other(contract: Mapping[str, Any]) -> None:
    schemas = contract["components"]["schemas"]
    assert set(schemas["Case"]["properties"]) == set(CaseDocument.model_fields)
    assert set(schemas["Contact"]["properties"]) == set(ContactDocument.model_fields)


def test_its_words_are_ours(contract: Mapping[str, Any]) -> None:
    case = contract["components"]["schemas"]["Case"]["properties"]
    contact = contract["components"]["schemas"]["Contact"]["properties"]
    assert case["status"]["enum"] == list(Status)
    assert case["priority"]["enum"] == list(Priority)
    assert contact["kind"]["enum"] == list(ContactKind)


def test_a_case_with_all_that_there_is_keeps_to_it(contract: Mapping[str, Any]) -> None:
    contact = Contact(
        account="Example Ltd", person="eve", kind=ContactKind.DESIGNATED, email="eve@example.com"
    )
    case = closed(a_case(region="emea", close_reason="Solved", contacts=(contact,)))
    check(contract, "Case", case_document(case))
