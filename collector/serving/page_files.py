"""The files of the page and Plotly's script, answered from memory and marked so that a browser keeps them.

A browser asks for some fifteen files at once. Reading each in another thread costs a collector at work several
milliseconds a file, for every change of thread waits for its turn; from memory all of them take less than one.
"""

from __future__ import annotations

from functools import lru_cache
from hashlib import blake2b
from importlib.resources import files
from mimetypes import guess_type
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route

from collector.serving.answers import known

WEB = Path(__file__).parent / "web"
ASK_AGAIN = "no-cache"  # kept, and asked each time whether it is still the same: a new version shows at once
A_DAY = "public, max-age=86400"
# Compiles the whole script while it loads, beside the page's own work. Nearly all of Plotly runs when it is loaded, and
# V8 would parse it three times on the page's thread. Other browsers read a comment.
# https://v8.dev/blog/explicit-compile-hints
COMPILE_AT_ONCE = b"//# allFunctionsCalledOnLoad\n"


def page_routes() -> list[BaseRoute]:
    """The routes `/`, `/static/…` and `/plotly.js`."""
    held = {path.relative_to(WEB).as_posix(): path for path in WEB.rglob("*.*")}
    script = Path(str(files("plotly").joinpath("package_data", "plotly.min.js")))

    async def part(request: Request) -> Response:
        path = held.get(request.path_params["path"])
        if path is None:
            raise HTTPException(404)
        return _answer(request, path, ASK_AGAIN)

    async def page(request: Request) -> Response:
        return _answer(request, WEB / "index.html", ASK_AGAIN)

    async def plotly(request: Request) -> Response:
        return _answer(request, script, A_DAY, COMPILE_AT_ONCE)

    parts = Mount("/static", routes=[Route("/{path:path}", part)])
    return [Route("/", page), parts, Route("/plotly.js", plotly)]


def _answer(request: Request, path: Path, caching: str, before: bytes = b"") -> Response:
    body, tag = _content(path, path.stat().st_mtime_ns, before)
    headers = {"cache-control": caching, "etag": tag}
    if known(request, tag):
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers, media_type=_kind(path))


@lru_cache(maxsize=100)
def _content(path: Path, _changed: int, before: bytes) -> tuple[bytes, str]:
    """What a file holds, and its tag; read again when it has changed."""
    body = before + path.read_bytes()
    return body, f'"{blake2b(body, digest_size=12).hexdigest()}"'


def _kind(path: Path) -> str:
    return "text/javascript" if path.suffix == ".js" else guess_type(path.name)[0] or "application/octet-stream"
