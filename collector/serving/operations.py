"""What may be asked of the API: one table, which the OpenAPI document is written from and a test walks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from collector.comparing.index_rows import IndexName
from collector.serving.analysis_routes import ASKED, INDEX
from collector.serving.answers import TABLE


class Answers(StrEnum):
    """What kind of answer an operation has."""

    JSON = "json"
    TABLE = "table"
    STATIONS = "stations"
    EVENTS = "events"
    FILE = "file"


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing to ask: its path below `/api/v1/`, what it tells, what may be said with it, and an example of that."""

    path: str
    summary: str
    answers: Answers = Answers.JSON
    parameters: tuple[str, ...] = ()
    method: str = "get"
    key: str = ""
    example: Mapping[str, str] = field(default_factory=dict)


_READ = (
    "indicator", "city", "run", "station", "start", "end", "bucket", "local", "flagged", "known_at", "without",
    "unknown",
)  # fmt: skip
_RUN = ("unknown",)
_PM25 = {"indicator": "pm25"}
_DAYS = _PM25 | {"bucket": "1d"}

OPERATIONS: tuple[Operation, ...] = (
    Operation("openapi.json", "This document", key="openapi"),
    Operation("indicators", "The catalogue: unit, bounds, which way is better, rollup", key="indicators"),
    Operation("runs", "The runs, oldest first: origin, scenario, span, readings", key="runs"),
    Operation("runs/{run}/cities", "City profiles with their newest status", parameters=_RUN, key="cities"),
    Operation("runs/{run}/stations", "Station profiles; as GeoJSON with their positions", Answers.STATIONS,
              (*_RUN, "stations_format"), key="stations"),
    Operation("runs/{run}/series", "One row per series", Answers.TABLE, (*_RUN, *TABLE)),
    Operation("runs/{run}/latest", "The last value of each series, with its unit and origin", Answers.TABLE,
              (*_RUN, *TABLE)),
    Operation("runs/{run}/positions", "How far each stream is stored", parameters=_RUN, key="positions"),
    Operation("runs/{run}/rejections", "Messages kept outside the readings", parameters=("most", *_RUN),
              key="rejections"),
    Operation("runs/{run}/counts", "Deliveries by fate", parameters=_RUN, key="counts"),
    Operation("series", "One row per series, of every run or one", Answers.TABLE, ("one_run", *_RUN, *TABLE)),
    Operation("positions", "How far each stream is stored, of every run or one", parameters=("one_run", *_RUN),
              key="positions"),
    Operation("rejections", "Messages kept outside the readings, of every run or one",
              parameters=("most", "one_run", *_RUN), key="rejections"),
    Operation("flags", "Quality flags, of every run or one", Answers.TABLE, ("one_run", *_RUN, *TABLE)),
    Operation("read", "Values: raw, or combined into buckets by each indicator's own rollup", Answers.TABLE,
              (*_READ, *TABLE), example=_PM25),
    Operation("compare", "Cities and runs side by side: coverage, figures, differences, ratios, ranks", Answers.TABLE,
              (*ASKED, *TABLE), example=_PM25),
    Operation("trend", "The trend of each column, with a test that respects autocorrelation", Answers.TABLE,
              (*ASKED, *TABLE), example=_DAYS),
    Operation("exceedance", "How often limits were exceeded", Answers.TABLE, (*ASKED, "level", *TABLE), example=_PM25),
    Operation("profile", "What columns are like by the hour, weekday, month or season", Answers.TABLE,
              (*ASKED, "by", *TABLE), example=_PM25),
    Operation("lag", "The correlation of each column with the first at every lag", Answers.TABLE,
              (*ASKED, "lag_most", *TABLE), example=_PM25),
    Operation("index", "An index of cities with every part of it: air quality, NowCast, heat, travel, service level",
              Answers.TABLE, (*("index_name" if name == "name" else name for name in INDEX), *TABLE),
              example={"name": str(IndexName.AQI_US_EPA)}),
    Operation("league", "Cities ranked by a shipped composite of a pillar, with its parts and how sure each place is",
              parameters=("pillar", "city", "run", "start", "end", "mixed_origins", "unlike_populations"), key="places",
              example={"pillar": "environment"}),
    Operation("alerts", "What stands of the alerts, the newest notices, and the rules", parameters=("one_run",),
              key="alerts"),
    Operation("live", "A stream of what changes (Server-Sent Events)", Answers.EVENTS, ("one_run",)),
    Operation("store", "Figures of the store: size, runs, what may be let go", key="readings"),
    Operation("backup", "A copy of the store as it is now (control right)", Answers.FILE, method="post"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Parameter:
    """What may be said with a question: its name in the URL, its schema and what it means."""

    name: str
    schema: Mapping[str, object]
    text: str
    repeated: bool = False


_TEXT: Mapping[str, object] = {"type": "string"}
_YES: Mapping[str, object] = {"type": "string", "enum": ["true", "false", "1", "0"]}
_TIME = {"type": "string", "examples": ["2026-03-01", "2026-03-01T08:00:00Z"]}
_LENGTH = {"type": "string", "examples": ["30m", "6h", "1d"]}

PARAMETERS: Mapping[str, Parameter] = {
    "indicator": Parameter("indicator", _TEXT, "ids of indicators, repeated or separated by commas", repeated=True),
    "city": Parameter("city", _TEXT, "ids of cities; all without", repeated=True),
    "run": Parameter("run", _TEXT, "names of runs; all without", repeated=True),
    "one_run": Parameter("run", _TEXT, "the name of a run"),
    "station": Parameter("station", _TEXT, "ids of stations; all without", repeated=True),
    "start": Parameter("start", _TIME, "from; of a comparison on its own clock, without an offset"),
    "end": Parameter("end", _TIME, "up to and not including"),
    "against": Parameter("against", _TIME, "the start of another range of the same length, set beside this one"),
    "bucket": Parameter("bucket", _LENGTH, "a multiple of 30 minutes; values of a city combined by their own rollup"),
    "local": Parameter("local", _YES, "true (the default): each city's own clock; false: UTC"),
    "flagged": Parameter("flagged", _YES, "true: also values out of their plausible bounds"),
    "without": Parameter("without", _TEXT, "kinds of quality flags whose values are left out", repeated=True),
    "known_at": Parameter("known_at", _TIME, "statistics as they were known at that time"),
    "unknown": Parameter("unknown", {"type": "string", "enum": ["empty", "error"]},
                         "what a name is that nobody knows: nothing, or an error (the default)"),
    "index_name": Parameter("name", {"type": "string", "enum": [str(name) for name in IndexName]}, "which index"),
    "agreed": Parameter("agreed", {"type": "number", "exclusiveMinimum": 0},
                        "of the service level: the time in hours that was agreed"),
    "baseline": Parameter("baseline", _TEXT, "the reference: a run, a city, or run/city"),
    "rank": Parameter("rank", _YES, "true: rank the columns, with how sure each place is"),
    "per": Parameter("per", {"type": "string", "enum": ["capita", "area"]}, "per 100,000 inhabitants or per km²"),
    "pillar": Parameter("pillar", {"type": "string", "enum": ["environment", "economy", "governance"]},
                        "which composite; environment without"),
    "least_coverage": Parameter("least_coverage", {"type": "number", "minimum": 0, "maximum": 1},
                                "the share of its readings below which a bucket is not compared; 0.75 without"),
    "mixed_origins": Parameter("mixed_origins", _YES, "true: judge measured and simulated together, and say so"),
    "unlike_populations": Parameter("unlike_populations", _YES, "true: per person of populations of unlike kinds"),
    "level": Parameter("level", _TEXT, "who, thailand, us, or one's own such as 40 or 40/1h; who without",
                       repeated=True),
    "by": Parameter("by", {"type": "string", "enum": ["hour", "weekday", "month", "season"]}, "the cycle"),
    "lag_most": Parameter("most", _LENGTH, "the longest lag; 48h without"),
    "most": Parameter("limit", {"type": "integer", "minimum": 1, "maximum": 100_000}, "the newest so many"),
    "format": Parameter("format", {"type": "string", "enum": ["json", "csv", "arrow", "parquet", "xlsx"]},
                        "how a table is written, before what the Accept header says"),
    "stations_format": Parameter("format", {"type": "string", "enum": ["json", "geojson"]}, "how it is written"),
    "bom": Parameter("bom", _YES, "true: CSV begins with a byte-order mark, so that Excel reads Thai"),
    "limit": Parameter("limit", {"type": "integer", "minimum": 1, "maximum": 1_000_000}, "rows of a page"),
    "cursor": Parameter("cursor", _TEXT, "after which row the page begins, as the answer before says it"),
}  # fmt: skip
