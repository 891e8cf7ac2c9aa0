"""The description of the API: made of what routes say, and of what is common to all."""

import pytest
from aiohttp import web

from transfer.core import errors
from transfer.http.description import describe
from transfer.http.errors import problem_code
from transfer.http.operations import Tag, gives, operation
from transfer.http.shapes.probes import Health


class ThingRoutes:
    @operation("Show a thing", tag=Tag.SERVICE, gives=gives(200, Health), problems=(412,))
    async def show(self, _: web.Request) -> web.Response:
        return web.Response()

    @operation(
        "Make a thing",
        tag=Tag.SERVICE,
        gives=gives(204),
        errors=(errors.NameTakenError, errors.FolderNotEmptyError),
    )
    async def make(self, _: web.Request) -> web.Response:
        return web.Response()

    async def silent(self, _: web.Request) -> web.Response:
        return web.Response()


def test_a_route_that_says_nothing_of_itself_is_found_out() -> None:
    app = web.Application()
    app.router.add_get("/thing", ThingRoutes().silent)
    with pytest.raises(LookupError, match="/thing"):
        describe(app)


def test_what_is_common_to_all_is_added_to_what_a_route_says() -> None:
    app = web.Application()
    app.router.add_get("/cases/{number}/thing", ThingRoutes().show)
    app.router.add_post("/thing", ThingRoutes().make)
    document = describe(app, prefix="/below")
    assert document["servers"] == [{"url": "/below"}]
    shown = document["paths"]["/cases/{number}/thing"]["get"]
    assert shown["parameters"][0]["name"] == "number"
    assert {"200", "400", "401", "403", "404", "412", "429", "500", "503"} <= set(
        shown["responses"]
    )
    head = document["paths"]["/cases/{number}/thing"]["head"]
    assert all("content" not in response for response in head["responses"].values())
    made = document["paths"]["/thing"]["post"]["responses"]
    conflict = made["409"]["content"]["application/problem+json"]["schema"]
    assert conflict["properties"]["code"]["enum"] == ["folder-not-empty", "name-taken"]
    forbidden = made["403"]["content"]["application/problem+json"]["schema"]
    assert "csrf" in forbidden["properties"]["code"]["enum"]
    assert "Health" in document["components"]["schemas"]


@pytest.mark.parametrize(
    ("status", "code"),
    [(405, "method-not-allowed"), (413, "too-large"), (416, "range-not-satisfiable")],
)
def test_a_problem_of_http_itself_has_one_name_on_every_python(status: int, code: str) -> None:
    assert problem_code(status) == code
