"""What the page asks beside the general API: levels to colour by, who is online, drawn comparisons, fans, plans."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from collector.comparing.compare_store import compare
from collector.comparing.comparison import HEADINGS, Comparison, Entry, Section, reference_of, rows
from collector.comparing.coverage_store import coverage
from collector.comparing.guidelines import micrograms_per_unit, who_guidelines
from collector.comparing.limits import Averaging, Limit, authorities, limits
from collector.language.errors import InputError
from collector.language.indicators import Indicator, indicators
from collector.serving import exchange
from collector.serving.analysis_routes import ASKED, Ask, question_of
from collector.serving.answers import body_answer
from collector.serving.fans import SHARES, fans, variants_of
from collector.serving.live import Live
from collector.stores.parquet.files import read_plan
from collector.stores.protocol import Store

DAY = 86_400
FANS = 12
_PLAN = ("name", "title", "question", "description", "baseline", "start", "end", "seed", "replications", "targets")
_VARIANT = ("name", "title", "description", "digest", "differences", "interventions", "cost")
Told = Mapping[str, list[str]]
Answer = Callable[[Told], Any]


def dashboard_routes(store: Store, live: Live, ask: Ask) -> list[Route]:
    """The routes below `/api/v1/dashboard/`; `ask` puts questions to the store in turn. They are the page's own.

    `levels` (limits and guidelines by indicator, in its unit), `presence` (which stations of a city are online),
    `comparison` (a comparison with the series to draw), `fan` (the spread of replications), `variants` (which there
    are), `scenario` (what the plan of an experiment says of a run), `coverage` (cities x indicators).
    """
    questions: dict[str, tuple[tuple[str, ...], Answer]] = {
        "levels": (("at",), _levels),
        "presence": (("run", "city"), lambda told: _presence(live, told)),
        "comparison": (ASKED, lambda told: _drawn(compare(store, question_of(told)))),
        "fan": (("indicator", "city", "variant", "bucket"), lambda told: _fans(store, told)),
        "variants": ((), lambda _: {"variants": variants_of(store.runs())}),
        "scenario": (("run",), lambda told: _scenario(store, told)),
        "coverage": (("run", "start", "end"), lambda told: _coverage(store, told)),
    }

    def answering(allowed: tuple[str, ...], work: Answer) -> Callable[[Request], Any]:
        async def answer(request: Request) -> Response:
            told = exchange.gather(request.query_params.multi_items(), allowed)
            return body_answer(request, await ask(_written, work, told))

        return answer

    return [Route(f"/api/v1/dashboard/{name}", answering(*question)) for name, question in questions.items()]


def _written(work: Answer, told: Told) -> bytes:
    return json.dumps(work(told), ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def _levels(told: Told) -> dict[str, object]:
    """The limits in force on a day (`at`, today without), by indicator, in the indicator's own unit."""
    seconds, _ = _window(told.get("at", ()), ())
    day = datetime.now(UTC).date() if seconds is None else datetime.fromtimestamp(seconds, UTC).date()
    found = {name: _levels_of(entry, day) for name, entry in indicators().items()}
    return {"day": str(day), "levels": {name: held for name, held in found.items() if held}}


def _levels_of(entry: Indicator, day: date) -> list[dict[str, object]]:
    told = [(authority, versions) for authority in authorities() for versions in limits(authority, entry)]
    valid = [(authority, [one for one in versions if one.valid_from <= day]) for authority, versions in told]
    return [_level(entry, authority, versions[-1]) for authority, versions in valid if versions]


def _level(entry: Indicator, authority: str, limit: Limit) -> dict[str, object]:
    factor = micrograms_per_unit(entry.id)
    return {
        "authority": authority,
        "name": limit.name,
        "averaging": str(limit.averaging),
        "level": limit.level / factor,
        "interim": [level / factor for level in _interim(entry, limit.averaging)] if authority == "who" else [],
        "source": limit.source,
        "checked": limit.checked,
    }


def _interim(entry: Indicator, averaging: Averaging) -> Sequence[float]:
    """The interim targets of WHO, the strictest first."""
    held = [one for one in who_guidelines() if (one.pollutant, one.averaging) == (entry.id, averaging)]
    return sorted(held[0].interim) if held else ()


def _presence(live: Live, told: Told) -> dict[str, object]:
    return {"stations": live.presence(_one(told, "run"), _one(told, "city"))}


def _drawn(comparison: Comparison) -> dict[str, object]:
    """A comparison with its table by section, and for each column the points of its chart."""
    table = iter(rows(comparison))
    sections = []
    for part in comparison.sections:
        cells = [next(table) for _ in part.entries]
        drawn = [_entry(comparison, part, entry) for entry in part.entries]
        sections.append(
            {
                "indicator": part.indicator.id,
                "unit": part.unit,
                "rollup": str(part.indicator.rollup),
                "notices": list(part.notices),
                "lifted": bool(part.overrides),
                "entries": [line | {"cells": row} for line, row in zip(drawn, cells, strict=True)],
            }
        )
    told: dict[str, object] = {"first": comparison.first, "last": comparison.last, "bucket": comparison.request.bucket}
    told |= {"local": comparison.request.local, "simulated": comparison.simulated, "notes": list(comparison.notes)}
    return told | {"headings": dict(HEADINGS), "sections": sections}


def _entry(comparison: Comparison, part: Section, entry: Entry) -> dict[str, object]:
    from collector.reporting.charts import chart_step, means_by_step  # draws with plotly: slow to load, seldom asked

    clock, values, bucket = entry.clock, entry.values, comparison.request.bucket
    step = chart_step(bucket, comparison.last - comparison.first)
    if step != bucket:
        clock, values = means_by_step(clock, values, step, 0.5)
    reference = reference_of(entry, part.entries)
    return {
        "label": entry.label,
        "origin": entry.origin,
        "shift": entry.column.shift,
        "reference": None if reference is None else reference.label,
        "step": step,
        "times": clock.tolist(),
        "values": [float(f"{value:.6g}") if math.isfinite(value) else None for value in values.tolist()],
    }


def _fans(store: Store, told: Told) -> dict[str, object]:
    names = exchange.indicator_names(told, "indicator")
    if len(names) != 1:
        raise InputError(f"expected one indicator for a fan, came {len(names)}")
    wanted = exchange.segments(told, "variant")
    if len(wanted) > FANS:
        raise InputError(f"expected at most {FANS} variants for a fan, came {len(wanted)}")
    bucket = exchange.single(told, "bucket", exchange.bucket) or DAY
    found = fans(store, names[0], _one(told, "city"), wanted, bucket)
    return {"shares": list(SHARES), "bucket": bucket, "fans": [asdict(one) for one in found]}


def _scenario(store: Store, told: Told) -> dict[str, object]:
    """What the plan of an experiment says of a run and its variant; nothing where the store holds no plan."""
    run = _one(told, "run")
    scheme, _, place = store.url.partition("://")
    if scheme != "parquet":
        return {"plan": None, "variant": None}
    plan = read_plan(Path(place))
    held = [one for one in plan["variants"] if run.rpartition("-")[0] == one["name"]]
    variant = {key: held[0].get(key) for key in _VARIANT} if held else None
    return {"plan": {key: plan.get(key) for key in _PLAN}, "variant": variant}


def _coverage(store: Store, told: Told) -> dict[str, object]:
    start, end = _window(told.get("start", ()), told.get("end", ()))
    runs = exchange.segments(told, "run")
    last = [info.last for info in store.runs() if (not runs or info.run in runs) and info.last is not None]
    found = coverage(store, runs=runs, start=start, end=end, as_of=max(last, default=None))
    window = {"start": found.start, "end": found.end, "as_of": found.as_of}
    return window | {"cities": list(found.cities), "indicators": list(found.indicators), "cells": found.rows()}


def _window(starts: Sequence[str], ends: Sequence[str]) -> tuple[int | None, int | None]:
    asked = [*(("start", text) for text in starts), *(("end", text) for text in ends)]
    selection = exchange.parse_selection(asked)
    return selection.start, selection.end


def _one(told: Told, name: str) -> str:
    held = exchange.segments(told, name)
    if len(held) != 1:
        raise InputError(f"expected one {name}, came {len(held)}")
    return held[0]
