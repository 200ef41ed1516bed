"""The OpenAPI 3.1 document of the API, written from its table of operations."""

from __future__ import annotations

import json
import re
from functools import cache
from importlib.metadata import version
from typing import Any

from collector.reporting.geojson import GEOJSON
from collector.reporting.tables import FORMATS, JSON
from collector.serving.operations import OPERATIONS, PARAMETERS, Answers, Operation
from collector.serving.problems import PROBLEM

_CELLS = {"type": "array", "items": {"type": ["string", "number", "boolean", "array", "null"]}}
_TABLE = {
    "type": "object",
    "required": ["rows", "columns"],
    "properties": {
        "rows": {"type": "integer", "minimum": 0},
        "columns": {"type": "object", "additionalProperties": _CELLS, "description": "one list a column"},
        "next": {"type": "string", "description": "where the next page is; not there on the last"},
        "about": {"type": "object", "description": "indicators with units, origins, runs, cities, the query, notices"},
    },
    "additionalProperties": False,
}
_PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "what was expected, what came, what to do"},
    },
}
_BINARY = {"type": "string", "format": "binary"}


@cache
def document() -> bytes:
    """The document as JSON."""
    return json.dumps(_document(), ensure_ascii=False).encode()


def _document() -> dict[str, Any]:
    paths: dict[str, Any] = {}
    for operation in OPERATIONS:
        paths.setdefault(f"/api/v1/{operation.path}", {})[operation.method] = _operation(operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Nakhon",
            "version": version("nakhon"),
            "description": "What a collector holds: values with their units and origins, and comparisons of them. "
            "A simulation is not a forecast.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {
            "schemas": {"Table": _TABLE, "Problem": _PROBLEM},
            "responses": {"Problem": _answer("An error, said clearly", PROBLEM, _reference("schemas/Problem"))},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{}, {"token": []}],
    }


def _operation(operation: Operation) -> dict[str, Any]:
    told: dict[str, Any] = {
        "operationId": f"{operation.method}_{re.sub(r'[^a-z]+', '_', operation.path).strip('_')}",
        "summary": operation.summary,
        "parameters": [*_in_path(operation), *(_parameter(name, operation) for name in operation.parameters)],
        "responses": {"200": _done(operation), "default": _reference("responses/Problem")},
    }
    if operation.answers in {Answers.JSON, Answers.TABLE, Answers.STATIONS}:
        told["responses"]["304"] = {"description": "What the ETag in If-None-Match stands for is still the answer"}
    return told


def _in_path(operation: Operation) -> list[dict[str, Any]]:
    names = re.findall(r"\{(\w+)\}", operation.path)
    return [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names]


def _parameter(name: str, operation: Operation) -> dict[str, Any]:
    one = PARAMETERS[name]
    schema = {"type": "array", "items": dict(one.schema)} if one.repeated else dict(one.schema)
    told: dict[str, Any] = {"name": one.name, "in": "query", "description": one.text, "schema": schema}
    if one.name in operation.example:
        told["required"] = one.name in {"indicator", "name"} and operation.path != "read"
    return told


def _done(operation: Operation) -> dict[str, Any]:
    if operation.answers is Answers.TABLE:
        content = {kind: {"schema": _BINARY} for kind in FORMATS.values()}
        content[JSON] = {"schema": _reference("schemas/Table")}
        headers = {
            "ETag": {"schema": {"type": "string"}},
            "Link": {"schema": {"type": "string"}, "description": 'rel="next": the next page'},
        }
        return {"description": "A table", "content": content, "headers": headers}
    if operation.answers is Answers.EVENTS:
        return _answer("A stream", "text/event-stream", {"type": "string"})
    if operation.answers is Answers.FILE:
        return _answer("A file", "application/octet-stream", _BINARY)
    told = _answer("What was asked for", JSON, {"type": "object", "required": [operation.key]})
    if operation.answers is Answers.STATIONS:
        told["content"][GEOJSON] = {"schema": {"type": "object", "required": ["type", "features"]}}
    return told


def _answer(text: str, kind: str, schema: Any) -> dict[str, Any]:
    return {"description": text, "content": {kind: {"schema": schema}}}


def _reference(place: str) -> dict[str, str]:
    return {"$ref": f"#/components/{place}"}
