"""The collector over HTTP: the page, what the store holds, what is live, health and metrics. See `docs/api.md`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from importlib.metadata import version
from threading import Event
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import TypeAdapter
from sse_starlette import EventSourceResponse
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from collector.alerts.watch import Watch
from collector.analysis.data import check_names, latest_with_origin
from collector.analysis.described import described, query_of, run_facts
from collector.language.errors import InputError, StoreError, UnknownRun
from collector.language.indicators import Indicator, derived, indicators
from collector.language.profile import StationProfile
from collector.reporting.geojson import GEOJSON, stations_geojson
from collector.serving import exchange
from collector.serving.access import Access, Right
from collector.serving.alert_routes import alert_routes
from collector.serving.analysis_routes import analysis_routes
from collector.serving.answers import TABLE, body_answer, form_of, table_answer
from collector.serving.dashboard_routes import dashboard_routes
from collector.serving.exchange import CityEntry
from collector.serving.guard import RIGHT, Guard
from collector.serving.keeping_routes import keeping_routes
from collector.serving.league_routes import league_routes
from collector.serving.live import Live, View
from collector.serving.login import login_routes
from collector.serving.metrics import CONTENT_TYPE, Metrics
from collector.serving.openapi import document
from collector.serving.page_files import page_routes
from collector.serving.problems import problem
from collector.stores.flagging import flagging
from collector.stores.protocol import Fate, Position, RunInfo, Store

LISTENERS = 100
READERS = 4
PERIOD = 0.5  # seconds between two views of a live stream
RETRY = 1000  # milliseconds before a page connects again
REJECTIONS = 100_000
REJECTED_BYTES = 64 << 20
_VIEW = TypeAdapter(View)
Answer = TypeVar("Answer")


def application(
    store: Store,
    live: Live,
    metrics: Metrics,
    ready: Callable[[], str | None] | None,
    hosts: Iterable[str] = (),
    access: Access | None = None,
    watch: Watch | None = None,
) -> Starlette:
    """The web application of a collector.

    Parameters
    ----------
    store, live, metrics
        What it shows; the store is read only, from several threads.
    ready
        None when messages are being collected, otherwise what is missing. Without it, nothing is meant to be
        collected: a store is shown as it is.
    hosts
        Names besides localhost under which browsers may ask; addresses are always taken. Any other name is
        refused, so that no web page of somebody else can reach a collector by pointing its own name here.
    access
        Which tokens give which right, and how often an address may ask; without, everybody may do everything.
    watch
        The alerts, where there are rules.
    """
    access = access or Access()
    if watch is not None:
        metrics.follow_alerts(watch.standing)
    api = _Api(store, live, metrics, ready, tokens=access.tokens.asked)
    routes = [
        *page_routes(),
        Route("/health", api.health),
        Route("/ready", api.ready),
        Route("/metrics", api.metrics),
        *login_routes(access),
        *keeping_routes(store),
        *analysis_routes(store, api.ask),
        *league_routes(store, api.ask),
        *alert_routes(watch),
        *dashboard_routes(store, live, api.ask),
        *(Route(f"/api/v1/{name}", endpoint) for name, endpoint in api.endpoints().items()),
    ]
    app = Starlette(
        routes=routes,
        middleware=[Middleware(Guard, hosts=tuple(hosts), access=access, metrics=metrics)],
        exception_handlers={
            InputError: _refused,
            StoreError: _unavailable,
            HTTPException: _no_route,
            Exception: _failed,
        },
    )
    app.state.stopping = api.stopping
    return app


class _Api:
    def __init__(
        self, store: Store, live: Live, metrics: Metrics, ready: Callable[[], str | None] | None, *, tokens: bool
    ) -> None:
        self._store, self._live, self._metrics, self._ready = store, live, metrics, ready
        self._tokens = tokens
        self._bucket: int | None = getattr(store, "bucket", None)  # of results of an experiment
        self._listeners = 0
        self._turns = asyncio.Semaphore(READERS)
        self.stopping = Event()

    def endpoints(self) -> dict[str, Callable[[Request], Any]]:
        of_run = {
            "cities": self.cities,
            "stations": self.stations,
            "series": self.series,
            "latest": self.latest,
            "positions": self.positions,
            "rejections": self.rejections,
            "counts": self.counts,
        }
        return {
            "openapi.json": self.openapi,
            "indicators": self.indicators,
            "runs": self.runs,
            "read": self.read,
            "flags": self.flags,
            "live": self.live,
            **{name: of_run[name] for name in ("series", "positions", "rejections")},
            **{f"runs/{{run}}/{name}": endpoint for name, endpoint in of_run.items()},
        }

    async def health(self, _: Request) -> Response:
        told = {"status": "ok", "service": "nakhon", "version": version("nakhon")}
        shown = {"collecting": self._ready is not None, "bucket": self._bucket}
        return JSONResponse(told | {"promise": self._store.promise.value, "login": self._tokens} | shown)

    async def ready(self, request: Request) -> Response:
        missing = None if self._ready is None else await run_in_threadpool(self._ready)
        shown = missing if request.scope.get(RIGHT, Right.NOTHING) else None  # names hosts: not for everybody
        return JSONResponse({"ready": missing is None, "missing": shown}, 200 if missing is None else 503)

    async def metrics(self, _: Request) -> Response:
        return Response(self._metrics.exposition(), headers={"content-type": CONTENT_TYPE})

    async def openapi(self, request: Request) -> Response:
        exchange.gather(request.query_params.multi_items(), ())
        return body_answer(request, await run_in_threadpool(document))

    async def indicators(self, request: Request) -> Response:
        exchange.gather(request.query_params.multi_items(), ())
        held = [*indicators().values(), *(derived().values() if self._bucket else ())]
        return _json(request, "indicators", held, list[Indicator])

    async def runs(self, request: Request) -> Response:
        exchange.gather(request.query_params.multi_items(), ())
        return _json(request, "runs", await self.ask(self._store.runs), list[RunInfo])

    async def cities(self, request: Request) -> Response:
        run, _ = await self._asked(request)
        cities = await self.ask(self._store.cities, run)
        return _json(request, "cities", [CityEntry(*city) for city in cities], list[CityEntry])

    async def stations(self, request: Request) -> Response:
        run, told = await self._asked(request, "format")
        kind = exchange.single(told, "format", exchange.word(("json", "geojson")))
        if kind == "geojson" or (kind is None and GEOJSON in request.headers.get("accept", "")):
            return body_answer(request, await self.ask(stations_geojson, self._store, run), GEOJSON)
        return _json(request, "stations", await self.ask(self._store.stations, run), list[StationProfile])

    async def series(self, request: Request) -> Response:
        run, told = await self._asked(request, *TABLE)
        return await self._table(request, told, lambda: self._store.series(run))

    async def latest(self, request: Request) -> Response:
        run, told = await self._asked(request, *TABLE)
        return await self._table(request, told, lambda: latest_with_origin(self._store, run), {"run": run})

    async def flags(self, request: Request) -> Response:
        run, told = await self._asked(request, *TABLE)
        return await self._table(request, told, lambda: flagging(self._store).flags(run))

    async def positions(self, request: Request) -> Response:
        run, _ = await self._asked(request)
        return _json(request, "positions", await self.ask(self._store.positions, run), list[Position])

    async def counts(self, request: Request) -> Response:
        run, _ = await self._asked(request)
        return _json(request, "counts", await self.ask(self._store.counts, run), dict[Fate, int])

    async def rejections(self, request: Request) -> Response:
        run, told = await self._asked(request, "limit")
        limit = exchange.single(told, "limit", exchange.whole(1, REJECTIONS)) or 1000
        kept = await self.ask(self._store.rejections, run, limit)
        shown, room = [], REJECTED_BYTES
        for rejection in reversed(kept):
            room -= len(rejection.payload)
            if room < 0:
                break
            shown.append(exchange.encode_rejection(rejection))
        return JSONResponse({"rejections": shown[::-1], "left_out": len(kept) - len(shown)})

    async def read(self, request: Request) -> Response:
        items = request.query_params.multi_items()
        told = exchange.gather(items, (*exchange.PARAMETERS, *TABLE, "unknown"))
        selection = exchange.parse_selection(item for item in items if item[0] in exchange.PARAMETERS)
        for run in selection.runs:
            await self._check_run(run, told)
        asked: dict[str, object] = {"query": query_of(selection), "bucket": selection.bucket}

        def read() -> pa.Table:
            table = self._store.read(selection)
            if not _empty(told):
                check_names(self._store, selection, table)
            return table

        return await self._table(request, told, read, asked)

    async def live(self, request: Request) -> Response:
        told = exchange.gather(request.query_params.multi_items(), ("run",))
        run = exchange.single(told, "run", exchange.run_name)
        if run is not None:
            await self._check_run(run, {})
        wanted = run or await run_in_threadpool(self._live.newest)
        if wanted is not None and not await run_in_threadpool(self._live.restored, wanted):
            await self.ask(self._live.restore, self._store, wanted)
        if self._listeners >= LISTENERS:
            return _error(503, f"expected at most {LISTENERS} live streams at once; close a page and try again")
        return EventSourceResponse(self._views(run), send_timeout=30)

    async def _views(self, run: str | None) -> AsyncIterator[dict[str, Any]]:
        """A snapshot, then what changed, twice a second. A slow client gets fewer and newer views, never a queue."""
        self._listeners += 1
        kind, since = "snapshot", 0
        try:
            while not self.stopping.is_set():
                run = run or self._live.newest()
                view = await run_in_threadpool(self._live.view, run, since)
                yield {"event": kind, "retry": RETRY, "data": _VIEW.dump_json(view).decode()}
                kind, since = "delta", view.version
                for _ in range(5):
                    if not self.stopping.is_set():
                        await asyncio.sleep(PERIOD / 5)
        finally:
            self._listeners -= 1

    async def ask(self, work: Callable[..., Answer], *arguments: Any) -> Answer:
        """What the store answers, when it is this question's turn."""
        async with self._turns:
            return await run_in_threadpool(work, *arguments)

    async def _asked(self, request: Request, *allowed: str) -> tuple[Any, dict[str, list[str]]]:
        """The run of a path, or of a parameter where the path has none, and the other parameters."""
        named = "run" in request.path_params
        more = ("unknown",) if named else ("run", "unknown")
        told = exchange.gather(request.query_params.multi_items(), (*allowed, *more))
        run: Any = request.path_params["run"] if named else exchange.single(told, "run", exchange.run_name)
        if named or run:
            await self._check_run(run, told)
        return run, told

    async def _check_run(self, run: str, told: dict[str, list[str]]) -> None:
        if _empty(told) or await run_in_threadpool(self._live.restored, run):
            return
        known = run in [info.run for info in await self.ask(self._store.runs)]
        if not known and not any((await self.ask(self._store.counts, run)).values()):  # all of it may be rejected
            raise UnknownRun(f"no run {run[:80]!r} in the store; /api/v1/runs lists them")

    async def _table(
        self,
        request: Request,
        told: dict[str, list[str]],
        work: Callable[[], pa.Table],
        about: dict[str, object] | None = None,
    ) -> Response:
        form = form_of(request, told)

        def described_work() -> pa.Table:
            table = work()
            named = pc.unique(table["run"]).to_pylist() if "run" in table.column_names else []
            runs = [str(run) for run in (*named, (about or {}).get("run")) if run]
            return described(table, (about or {}) | run_facts(self._store, runs))

        table = await self.ask(described_work)
        return await run_in_threadpool(table_answer, request, table, form)


def _json(request: Request, name: str, told: Any, kind: Any) -> Response:
    body = TypeAdapter(kind).dump_json(told)
    return body_answer(request, b'{"%s":%s}' % (name.encode(), body))


def _empty(told: dict[str, list[str]]) -> bool:
    """Whether a name that is not known is no error."""
    return exchange.single(told, "unknown", exchange.word(("empty", "error"))) == "empty"


def _error(status: int, told: str) -> Response:
    return problem(status, told)


def _refused(_: Request, error: Exception) -> Response:
    return _error(404 if isinstance(error, UnknownRun) else 400, str(error))


def _unavailable(_: Request, error: Exception) -> Response:
    return _error(503, str(error))


def _no_route(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - for the type checker
    if error.status_code == 405:
        allowed = ", ".join(sorted((error.headers or {}).get("Allow", "GET, HEAD").split(", ")))
        return problem(405, f"expected {allowed}, came {request.method[:20]}", {"allow": allowed})
    nothing = "nothing here; docs/api.md lists what there is"
    return _error(error.status_code, nothing if error.status_code == 404 else error.detail)


def _failed(_: Request, __: Exception) -> Response:
    return _error(500, "the collector failed to answer; its log says why")
