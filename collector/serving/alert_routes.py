"""What a collector tells of its alerts, as a route of its API."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from collector.alerts.notices import told
from collector.alerts.watch import View, Watch
from collector.serving import exchange
from collector.serving.answers import body_answer

NOTHING = View((), (), (), {"mqtt": 0, "webhook": 0}, 0, None)


def alert_routes(watch: Watch | None) -> list[Route]:
    """`GET /api/v1/alerts` (`?run=` for one run): what stands, the newest notices, the rules; all empty without rules.

    `watching` says whether there are rules at all, `waiting` how many notices have not been taken yet and by whom.
    """

    async def alerts(request: Request) -> Response:
        asked = exchange.gather(request.query_params.multi_items(), ("run",))
        run = exchange.single(asked, "run", exchange.run_name)
        view = NOTHING if watch is None else await run_in_threadpool(watch.view, run)
        body = json.dumps(shown(view, watching=watch is not None), ensure_ascii=False, allow_nan=False)
        return body_answer(request, body.encode())

    return [Route("/api/v1/alerts", alerts)]


def shown(view: View, *, watching: bool) -> dict[str, Any]:
    """A view as JSON has it."""
    return {
        "watching": watching,
        "alerts": [told(one) for one in view.alerts],
        "recent": [told(one) for one in view.recent],
        "rules": [asdict(rule) for rule in view.rules],
        "waiting": view.waiting,
        "hidden": view.hidden,
        "trouble": view.trouble,
    }
