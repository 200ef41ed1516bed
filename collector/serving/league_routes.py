"""Leagues over HTTP: a shipped composite, the cities it ranks, and how sure each place is."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from collector.league.composite_file import load_composite, shipped_composites
from collector.league.league_store import LeagueRequest, league
from collector.league.telling import told
from collector.serving import exchange
from collector.serving.analysis_routes import clock, truth
from collector.serving.answers import body_answer
from collector.stores.protocol import Store

ASKED = ("pillar", "city", "run", "start", "end", "mixed_origins", "unlike_populations")


def league_routes(store: Store, ask: Callable[..., Awaitable[Any]]) -> list[Route]:
    """`GET /api/v1/league`; `ask` puts questions to the store in turn. A composite of one's own is for the command."""

    async def answer(request: Request) -> Response:
        asked = exchange.gather(request.query_params.multi_items(), ASKED)
        pillar = exchange.single(asked, "pillar", exchange.word(tuple(shipped_composites()))) or "environment"
        question = LeagueRequest(
            load_composite(pillar),
            cities=exchange.segments(asked, "city"),
            runs=exchange.segments(asked, "run"),
            start=exchange.single(asked, "start", clock),
            end=exchange.single(asked, "end", clock),
            mixed_origins=truth(asked, "mixed_origins") is True,
            unlike_populations=truth(asked, "unlike_populations") is True,
        )
        body = json.dumps(told(await ask(league, store, question)), ensure_ascii=False, allow_nan=False)
        return body_answer(request, body.encode())

    return [Route("/api/v1/league", answer)]
