"""What a collector tells of its store, and the copy of it that it sends, as routes of its API."""

from __future__ import annotations

import hashlib

from pydantic import TypeAdapter
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from collector.language.errors import InputError
from collector.serving.exchange import gather
from collector.stores.keeping import Copied, Facts, Keeping
from collector.stores.protocol import Store
from collector.stores.remote_keeping import DIGEST


def keeping_routes(store: Store) -> list[Route]:
    """`GET /api/v1/store` (figures) and `POST /api/v1/backup` (a copy, streamed; whoever may control may ask for it).

    The copy is made beside the store and taken away when it was sent, so a slow reader holds nobody up.
    """

    async def figures(request: Request) -> Response:
        gather(request.query_params.multi_items(), ())
        told = await run_in_threadpool(_keeping(store).facts)
        return Response(TypeAdapter(Facts).dump_json(told), media_type="application/json")

    async def backup(_: Request) -> Response:
        copied, digest = await run_in_threadpool(_lent, _keeping(store))
        away = BackgroundTask(copied.path.unlink, missing_ok=True)
        headers = {DIGEST: digest, "cache-control": "no-store"}
        return FileResponse(copied.path, headers=headers, media_type="application/octet-stream", background=away)

    return [Route("/api/v1/store", figures), Route("/api/v1/backup", backup, methods=["POST"])]


def _keeping(store: Store) -> Keeping:
    if not isinstance(store, Keeping):
        raise InputError(f"the store {store.url} looks after itself: back it up with its own tools")
    return store


def _lent(store: Keeping) -> tuple[Copied, str]:
    copied = store.backup()
    try:
        with copied.path.open("rb") as file:
            return copied, hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        copied.path.unlink(missing_ok=True)
        raise
