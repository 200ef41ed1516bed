"""The OpenAPI document: valid, whole, and true of the server that serves it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.client import HTTPConnection
from urllib.parse import urlencode

import jsonschema
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from analysts import filled
from openapi_spec_validator import OpenAPIV31SpecValidator

from collector.reporting.geojson import GEOJSON
from collector.reporting.tables import FORMATS
from collector.serving.answers import Form, accepted, paged
from collector.serving.api import application
from collector.serving.live import Live
from collector.serving.metrics import Metrics
from collector.serving.operations import OPERATIONS, PARAMETERS, Answers, Operation
from collector.serving.serve import Server, serve
from collector.stores import open_store

ASKED = [one for one in OPERATIONS if one.answers is not Answers.FILE]
MOVING = {"live", "store", "rejections", "runs/{run}/rejections"}
TABLES = [one for one in OPERATIONS if one.answers is Answers.TABLE]
OTHER = 'W/"other"'


def name_of(operation: Operation) -> str:
    return operation.path


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    store = open_store(f"duckdb://{tmp_path_factory.mktemp('openapi')}/city.duckdb")
    store.write(filled())
    served = serve(application(store, Live(), Metrics(), lambda: None), port=0)
    yield served
    served.stop()
    store.close()


def ask(
    server: Server, path: str, method: str = "GET", /, headers: dict[str, str] | None = None, **query: str
) -> tuple[int, dict[str, str], bytes]:
    connection = HTTPConnection("127.0.0.1", server.port, timeout=30)
    connection.request(method, f"{path}?{urlencode(query)}" if query else path, headers=headers or {})
    answer = connection.getresponse()
    kind = answer.headers.get_content_type()
    body = (
        answer.read(4096 if kind == "text/event-stream" else None) if kind != "text/event-stream" else answer.readline()
    )
    told = {name.lower(): value for name, value in answer.headers.items()}
    connection.close()
    return answer.status, told, body


def asked(server: Server, operation: Operation, **more: str) -> tuple[int, dict[str, str], bytes]:
    headers = {name: more.pop(key) for key, name in (("accept", "Accept"), ("etag", "If-None-Match")) if key in more}
    path = "/api/v1/" + operation.path.replace("{run}", "haze")
    return ask(server, path, headers=headers, **(dict(operation.example) | more))


@pytest.fixture(scope="module")
def document(server: Server) -> dict:
    return json.loads(ask(server, "/api/v1/openapi.json")[2])


def test_the_document_is_valid(document: dict) -> None:
    OpenAPIV31SpecValidator(document).validate()
    assert document["openapi"] == "3.1.0"


def test_the_document_has_every_route_of_the_api_and_no_other(document: dict, tmp_path: object) -> None:
    store = open_store(f"duckdb://{tmp_path}/city.duckdb")
    app = application(store, Live(), Metrics(), lambda: None)
    store.close()
    paths = {route.path for route in app.routes if route.path.startswith("/api/v1/")}
    assert set(document["paths"]) == {path for path in paths if not path.startswith("/api/v1/dashboard/")}


@pytest.mark.parametrize("operation", ASKED, ids=name_of)
def test_every_route_answers_its_example_as_the_document_says_and_once_to_who_has_the_answer(
    server: Server, document: dict, operation: Operation
) -> None:
    status, headers, body = asked(server, operation)
    told = document["paths"][f"/api/v1/{operation.path}"]["get"]["responses"]["200"]["content"]
    kind = headers["content-type"].partition(";")[0]
    assert (status, kind in told) == (200, True), body[:300]
    if kind == "application/json":
        schema = told[kind]["schema"] | {"components": document["components"]}
        jsonschema.validate(json.loads(body), schema)
    if operation.path not in MOVING:
        path = "/api/v1/" + operation.path.replace("{run}", "haze")
        status, again, body = ask(server, path, headers={"If-None-Match": headers["etag"]}, **operation.example)
        assert (status, body, again["etag"]) == (304, b"", headers["etag"])
        if operation not in TABLES:  # those are asked so below
            assert ask(server, path, headers={"If-None-Match": OTHER}, **operation.example)[0] == 200


@pytest.mark.parametrize("operation", TABLES, ids=name_of)
def test_every_table_is_written_with_origins_in_every_format_by_parameter_and_by_header(
    server: Server, document: dict, operation: Operation
) -> None:
    told = document["paths"][f"/api/v1/{operation.path}"]["get"]["responses"]["200"]["content"]
    assert set(told) == set(FORMATS.values())
    first = 2 * TABLES.index(operation)  # two of the formats each are asked for by header, every one of several tables
    by_header = [list(FORMATS)[number % len(FORMATS)] for number in (first, first + 1)]
    ways = [(kind, {"format": kind}) for kind in FORMATS]
    ways += [(kind, {"accept": f"text/nothing, {FORMATS[kind]};q=0.9, */*;q=0.1"}) for kind in by_header]
    for kind, more in ways:
        status, headers, body = asked(server, operation, etag=OTHER, **more)
        assert (status, headers["content-type"].partition(";")[0]) == (200, FORMATS[kind]), body[:300]
        if kind == "arrow" and operation.path != "flags":
            table = pa.ipc.open_stream(body).read_all()
            origins = set(pc.unique(table["origin"]).to_pylist())
            assert origins and origins <= {"simulated", "measured"}
            assert json.loads(table.schema.metadata[b"nakhon"])["origins"] == sorted(origins)


@pytest.mark.parametrize("operation", ASKED, ids=name_of)
def test_every_route_takes_the_parameters_it_documents_and_refuses_others(
    server: Server, document: dict, operation: Operation
) -> None:
    documented = [one["name"] for one in document["paths"][f"/api/v1/{operation.path}"]["get"]["parameters"]]
    assert len(documented) == len(set(documented))
    status, headers, body = asked(server, operation, colour="red")
    problem = json.loads(body)
    assert (status, headers["content-type"], problem["status"]) == (400, "application/problem+json", 400)
    jsonschema.validate(problem, document["components"]["schemas"]["Problem"])
    named = problem["detail"].removeprefix("expected one of ").partition(", came")[0].split(", ")
    if named != ["no parameters"] and operation.path != "read":
        assert set(named) == {name for name in documented if name != "run" or "{run}" not in operation.path}


def test_pages_follow_one_another_and_lose_nothing(server: Server) -> None:
    whole = json.loads(ask(server, "/api/v1/read", indicator="pm25", city="yangon")[2])["columns"]["value"]
    path, values, pages = "/api/v1/read?indicator=pm25&city=yangon&limit=200", [], 0
    while path:
        status, headers, body = ask(server, path)
        told = json.loads(body)
        assert status == 200
        assert f'<{told.get("next")}>; rel="next"' == headers.get("link", '<None>; rel="next"')
        values += told["columns"]["value"]
        path, pages = told.get("next", ""), pages + 1
    assert (pages, values) == (3, whole)


def test_a_cursor_of_another_question_is_refused(server: Server) -> None:
    cursor = json.loads(ask(server, "/api/v1/read", indicator="pm25", limit="5")[2])["next"].partition("cursor=")[2]
    for wrong in ({"cursor": cursor}, {"cursor": "x"}, {"cursor": "bnVsbA"}):
        status, _, body = ask(server, "/api/v1/compare", indicator="pm25", **wrong)
        assert (status, "cursor" in json.loads(body)["detail"]) == (400, True)


def test_rows_that_come_in_meanwhile_neither_double_nor_hide_others() -> None:
    rows = [{"city": city, "time": time, "value": float(time)} for city in ("a", "b") for time in range(4)]
    page, cursor = paged(pa.Table.from_pylist(rows), Form("json", limit=3))
    assert page["time"].to_pylist() == [0, 1, 2]
    grown = pa.Table.from_pylist([{"city": "a", "time": -1, "value": 0.0}, *rows])
    rest, end = paged(grown, Form("json", limit=100, cursor=cursor))
    assert rest["time"].to_pylist() == [3, 0, 1, 2, 3]
    assert end is None


def test_stations_are_a_map_with_units_and_origins(server: Server) -> None:
    for more in ({"format": "geojson"}, {"accept": GEOJSON}):
        headers = {"Accept": more.pop("accept")} if "accept" in more else {}
        _, told, body = ask(server, "/api/v1/runs/pcd/stations", headers=headers, **more)
        assert told["content-type"] == GEOJSON
        (feature,) = json.loads(body)["features"]
        assert feature["geometry"] == {"type": "Point", "coordinates": [99.0, 18.8]}
        assert (feature["properties"]["origin"], feature["properties"]["city_name"]) == ("measured", "เชียงใหม่")
        assert feature["properties"]["indicators"][0] == {"indicator": "pm25", "unit": "µg/m³"}


def test_csv_has_its_mark_on_request(server: Server) -> None:
    _, _, body = ask(server, "/api/v1/read", indicator="pm25", format="csv", bom="1")
    assert body.startswith(b"\xef\xbb\xbf")


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("", "json"), ("*/*", "json"), ("text/csv", "csv"), ("text/csv;q=0.1, application/json", "json"),
        ("text/html,application/vnd.apache.parquet;q=0.8", "parquet"), ("text/csv;q=high", "json"),
        ("text/csv;q=0", "json"),
    ],
)  # fmt: skip
def test_the_format_that_is_liked_best_is_taken(accept: str, kind: str) -> None:
    assert accepted(accept) == kind


@pytest.mark.parametrize(
    ("path", "query", "told"),
    [
        ("compare", {}, "expected at least one indicator"),
        ("compare", {"indicator": "pm2"}, "pm25"),
        ("compare", {"indicator": "pm25", "city": "yangoon"}, "did you mean yangon"),
        ("compare", {"indicator": "pm25", "start": "soon"}, "a date such as"),
        ("compare", {"indicator": "pm25", "least_coverage": "75"}, "from 0 to 1"),
        ("exceedance", {"indicator": "pm25", "level": "whom"}, "who, thailand"),
        ("exceedance", {"indicator": "pm25", "level": ",".join(map(str, range(11)))}, "at most 10 levels"),
        ("profile", {"indicator": "pm25", "by": "moon"}, "hour, weekday"),
        ("index", {}, "expected one of aqi-us-epa"),
        ("index", {"name": "aqi-us_epa"}, "did you mean aqi-us-epa"),
        ("index", {"name": "service-level", "agreed": "-1"}, "expected hours for agreed"),
        ("index", {"name": "service-level"}, "needs the agreed time in hours"),
        ("lag", {"indicator": "pm25", "most": "soon"}, "a length of time"),
        ("lag", {"indicator": "pm25", "most": "9999h"}, "1 to 500 buckets"),
    ],
)
def test_a_bad_question_is_answered_with_what_was_expected(
    server: Server, path: str, query: dict[str, str], told: str
) -> None:
    status, _, body = ask(server, f"/api/v1/{path}", **query)
    assert (status, told in json.loads(body)["detail"]) == (400, True), body


def test_every_parameter_of_the_table_is_used() -> None:
    used = {name for operation in OPERATIONS for name in operation.parameters}
    assert used == set(PARAMETERS)
