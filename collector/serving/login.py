"""The login of the page: a token for a cookie that scripts cannot read and other sites cannot send."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import FileResponse, RedirectResponse, Response
from starlette.routing import Route

from collector.serving.access import SESSION, Access, Right
from collector.serving.guard import COOKIE, cookie_of, wrong_token

_PAGE = Path(__file__).parent / "web" / "login.html"
_HEADERS = {"cache-control": "no-store", "content-type": "text/html; charset=utf-8"}


def login_routes(access: Access) -> list[Route]:
    """The routes `/login` and `/logout`."""

    async def page(_: Request) -> Response:
        return FileResponse(_PAGE, headers=_HEADERS) if access.tokens.asked else RedirectResponse("/", 303)

    async def enter(request: Request) -> Response:
        right = access.tokens.right(_token(await request.body()))
        if right is Right.NOTHING:
            wrong_token(access, request.scope)
            return RedirectResponse("/login#refused", 303)
        answer = RedirectResponse("/", 303)
        secure = request.url.scheme == "https"
        cookie = access.sessions.begin(right)
        answer.set_cookie(COOKIE, cookie, max_age=int(SESSION), httponly=True, samesite="strict", secure=secure)
        return answer

    async def leave(request: Request) -> Response:
        access.sessions.end(cookie_of(request.headers))
        answer = RedirectResponse("/login", 303)
        answer.delete_cookie(COOKIE, httponly=True, samesite="strict")
        return answer

    return [
        Route("/login", page, methods=["GET"]),
        Route("/login", enter, methods=["POST"]),
        Route("/logout", leave, methods=["POST"]),
    ]


def _token(body: bytes) -> str:
    with suppress(ValueError):
        return parse_qs(body.decode(errors="replace"), max_num_fields=4).get("token", [""])[0].strip()
    return ""
