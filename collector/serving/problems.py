"""Errors as answers: problem JSON (RFC 9457) that says what was expected, what came and what to do."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

from starlette.responses import JSONResponse

PROBLEM = "application/problem+json"


def problem(status: int, told: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """An answer that is an error: `title` names the status, `detail` says what was expected."""
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": told}
    return JSONResponse(body, status, headers=dict(headers or {}), media_type=PROBLEM)
