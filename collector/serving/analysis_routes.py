"""Comparisons over HTTP: the questions of `collector.comparing` as tables."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import pyarrow as pa
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from collector.analysis import asked
from collector.analysis.compared import compared_of
from collector.analysis.indexed import index_table
from collector.comparing.compare_store import compare
from collector.comparing.comparison import LEAST_COVERAGE, Comparison
from collector.comparing.comparison import Request as Question
from collector.comparing.index_rows import IndexRequest, index_name
from collector.comparing.profiles import By
from collector.language.errors import InputError
from collector.quality.kinds import FlagKind
from collector.serving import exchange
from collector.serving.answers import TABLE, form_of, table_answer
from collector.stores.protocol import Store

ASKED = (
    "indicator", "city", "run", "start", "end", "against", "bucket", "local", "baseline", "rank", "per",
    "least_coverage", "without", "mixed_origins", "unlike_populations",
)  # fmt: skip
INDEX = ("name", "city", "run", "start", "end", "least_coverage", "without", "agreed")
_SHARE = re.compile(r"0(\.\d{1,6})?|1(\.0{1,6})?", re.ASCII)
_HOURS = re.compile(r"\d{1,5}(\.\d{1,6})?", re.ASCII)
_LIMITS = 10
Told = Mapping[str, list[str]]
Ask = Callable[..., Awaitable[Any]]


def analysis_routes(store: Store, ask: Ask) -> list[Route]:
    """`GET /api/v1/compare`, `trend`, `exceedance`, `profile`, `lag`, `index`; `ask` puts them to the store in turn."""

    def answering(more: tuple[str, ...], work: Callable[[Comparison, Told], pa.Table]) -> Callable[[Request], Any]:
        async def answer(request: Request) -> Response:
            told = exchange.gather(request.query_params.multi_items(), (*ASKED, *more, *TABLE))
            form, question = form_of(request, told), question_of(told)
            comparison = await ask(compare, store, question)
            table = await run_in_threadpool(work, comparison, told)
            return await run_in_threadpool(table_answer, request, table, form)

        return answer

    async def index(request: Request) -> Response:
        told = exchange.gather(request.query_params.multi_items(), (*INDEX, *TABLE))
        form = form_of(request, told)
        table = await ask(index_table, store, index_of(told))
        return await run_in_threadpool(table_answer, request, table, form)

    compared = [Route(f"/api/v1/{name}", answering(more, work)) for name, (more, work) in _QUESTIONS.items()]
    return [*compared, Route("/api/v1/index", index)]


def question_of(told: Told) -> Question:
    """The comparison that parameters ask for. Raises `InputError` for anything else than what the document allows."""
    per = exchange.single(told, "per", exchange.word(("capita", "area")))
    return Question(
        indicators=exchange.indicator_names(told, "indicator"),
        cities=exchange.segments(told, "city"),
        runs=exchange.segments(told, "run"),
        start=exchange.single(told, "start", clock),
        end=exchange.single(told, "end", clock),
        against=exchange.single(told, "against", clock),
        bucket=exchange.single(told, "bucket", exchange.bucket) or 3600,
        local=truth(told, "local") is not False,
        baseline=exchange.single(told, "baseline", _short),
        rank=truth(told, "rank") is True,
        per_capita=per == "capita",
        per_area=per == "area",
        least_coverage=_share(told),
        without=exchange.words(told, "without", [str(kind) for kind in FlagKind]),
        mixed_origins=truth(told, "mixed_origins") is True,
        unlike_populations=truth(told, "unlike_populations") is True,
    )


def index_of(told: Told) -> IndexRequest:
    """The index of cities that parameters ask for. Raises `InputError`."""
    return IndexRequest(
        index_name(exchange.single(told, "name", lambda _, text: text) or ""),
        cities=exchange.segments(told, "city"),
        runs=exchange.segments(told, "run"),
        start=exchange.single(told, "start", clock),
        end=exchange.single(told, "end", clock),
        least_coverage=_share(told),
        without=exchange.words(told, "without", [str(kind) for kind in FlagKind]),
        agreed=exchange.single(told, "agreed", _hours),
    )


def _compared(comparison: Comparison, _: Told) -> pa.Table:
    return compared_of(comparison).arrow()


def _trend(comparison: Comparison, _: Told) -> pa.Table:
    return compared_of(comparison).trend().arrow()


def _exceedance(comparison: Comparison, told: Told) -> pa.Table:
    levels = [level for text in told.get("level", []) for level in text.split(",")]
    if len(levels) > _LIMITS:
        raise InputError(f"expected at most {_LIMITS} levels, came {len(levels)}")
    return compared_of(comparison).exceedance(*levels).arrow()


def _profile(comparison: Comparison, told: Told) -> pa.Table:
    by = exchange.single(told, "by", exchange.word(tuple(By))) or "hour"
    return compared_of(comparison).profile(by).arrow()


def _lag(comparison: Comparison, told: Told) -> pa.Table:
    most = exchange.single(told, "most", lambda _, text: asked.length(text))
    return compared_of(comparison).lag("48h" if most is None else most).arrow()


_QUESTIONS: dict[str, tuple[tuple[str, ...], Callable[[Comparison, Told], pa.Table]]] = {
    "compare": ((), _compared),
    "trend": ((), _trend),
    "exceedance": (("level",), _exceedance),
    "profile": (("by",), _profile),
    "lag": (("most",), _lag),
}


def _share(told: Told) -> float:
    share = exchange.single(told, "least_coverage", _number)
    return LEAST_COVERAGE if share is None else share


def _number(name: str, text: str) -> float:
    if not _SHARE.fullmatch(text):
        raise InputError(f"expected a share from 0 to 1 for {name}, such as 0.75, came {text[:40]!r}")
    return float(text)


def _hours(name: str, text: str) -> float:
    if not _HOURS.fullmatch(text):
        raise InputError(f"expected hours for {name}, such as 72, came {text[:40]!r}")
    return float(text)


def clock(name: str, text: str) -> int:
    """A parameter that is a date or a time, in seconds since 1970. Raises `InputError`."""
    found = asked.clock(text[:40])
    if found is None:
        raise InputError(f"expected a date or a time for {name}")
    return found


def truth(told: Told, name: str) -> bool | None:
    """A parameter that is yes or no; None where it was not said. Raises `InputError`."""
    return exchange.single(told, name, exchange.truth)


def _short(name: str, text: str) -> str:
    if len(text) > 130:
        raise InputError(f"expected a run, a city, or run/city for {name}")
    return text
