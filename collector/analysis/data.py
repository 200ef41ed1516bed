"""A store as an analyst opens it: what is there, values, comparisons; the same for a file and a running collector."""

from __future__ import annotations

from dataclasses import asdict, fields
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

import pyarrow as pa
import pyarrow.compute as pc

from collector import stores
from collector.analysis.asked import Length, Names, Time, clock, instant, length, names
from collector.analysis.compared import Compared, compared_of
from collector.analysis.described import described, query_of, run_facts
from collector.analysis.indexed import index_table
from collector.analysis.ranked import Ranked, ranked_of
from collector.analysis.table import Table
from collector.comparing.compare_store import compare
from collector.comparing.comparison import LEAST_COVERAGE, Request
from collector.comparing.index_rows import IndexRequest, index_name
from collector.language.checking import suggestion
from collector.language.errors import InputError, UnknownRun
from collector.language.indicators import indicator, indicators
from collector.language.profile import StationProfile
from collector.league.composite_file import load_composite
from collector.league.league_store import LeagueRequest, league
from collector.stores.protocol import RunInfo, Selection, Store


def open_store(url: str, *, read_only: bool = True) -> Data:
    """The data behind a URL, to read and compare.

    `duckdb://city.duckdb` (a file; three slashes before an absolute path), `http://localhost:8080` (a running
    collector; its token comes from the variable NAKHON_API_TOKEN of the `nakhon` command), `influxdb://...`,
    `ducklake:postgres://...`, `parquet:///dir`. Closed by `close()` or at the end of a `with`.

    Raises
    ------
    InputError
        For a URL of no known kind.
    StoreError
        If the store cannot be opened; the message says why and what to do.
    """
    return Data(stores.open_store(url, read_only=read_only))


class Data:
    """A store that answers with tables. Lists take one name or several; without names they are of all."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.url = store.url

    def runs(self) -> Table:
        """The runs, oldest first: origin, scenario, first and last reading (UTC), how many."""
        told = [asdict(info) | {"first": _moment(info.first), "last": _moment(info.last)} for info in self.store.runs()]
        return self._listed("runs", told, RunInfo)

    def cities(self, run: str | None = None) -> Table:
        """The cities of a run (the newest unless named): name, country, position, zone, population, online."""
        run = self._run(run)
        held = [asdict(profile) | {"online": status.online} for profile, status in self.store.cities(run)]
        return Table("cities", described(pa.Table.from_pylist(held), run_facts(self.store, [run])))

    def stations(self, run: str | None = None) -> Table:
        """The stations of a run (the newest unless named): what each measures, where, how often."""
        run = self._run(run)
        told = [asdict(station) for station in self.store.stations(run)]
        rows = [row | {"origins": sorted(set(row["origins"].values()))} for row in told]
        return self._listed("stations", rows, StationProfile, run)

    def indicators(self) -> Table:
        """The catalogue: unit, UCUM code, bounds, which way is better, rollup, the standard's code."""
        rows = [{key: _plain(told) for key, told in asdict(one).items()} for one in indicators().values()]
        return Table("indicators", described(pa.Table.from_pylist(rows), {}))

    def series(self, run: str | None = None) -> Table:
        """One row per series (of a run): where it is from, how many readings, first and last."""
        runs = [] if run is None else [self._run(run)]
        return Table("series", described(self.store.series(run), run_facts(self.store, runs)))

    def latest(self, run: str | None = None) -> Table:
        """The last value of each series of a run (the newest unless named), with its unit and origin."""
        run = self._run(run)
        return Table("latest", described(latest_with_origin(self.store, run), run_facts(self.store, [run])))

    def read(
        self,
        indicators: Names,
        *,
        cities: Names | None = None,
        runs: Names | None = None,
        stations: Names | None = None,
        start: Time | None = None,
        end: Time | None = None,
        bucket: Length | None = None,
        utc: bool = False,
        flagged: bool = False,
        without: Names | None = None,
        known_at: Time | None = None,
    ) -> Table:
        """Values: raw, or combined per city into buckets by each indicator's own rollup; nothing is filled in.

        `start` and `end` (not included) are in UTC. Buckets (multiples of 30 minutes) begin at each city's local
        midnight unless `utc`. `flagged` takes values out of their bounds as well, `without` leaves out those with
        flags of these kinds, and `known_at` asks for statistics as they were known then. Raises `InputError`.
        """
        selection = Selection(
            indicators=self._indicators(indicators),
            cities=names(cities),
            runs=names(runs),
            stations=names(stations),
            start=instant(start),
            end=instant(end),
            bucket=None if bucket is None else length(bucket),
            local=not utc,
            known_at=instant(known_at),
            flagged=flagged,
            without=names(without),
        )
        if selection.start is not None and selection.end is not None and selection.start >= selection.end:
            raise InputError(f"expected start before end, came start={start} and end={end}")
        for run in selection.runs:
            self._run(run)
        table = self.store.read(selection)
        check_names(self.store, selection, table)
        told = {"query": query_of(selection), "bucket": selection.bucket} | run_facts(self.store, selection.runs)
        return Table("values", described(table, told))

    def compare(
        self,
        indicators: Names,
        *,
        cities: Names | None = None,
        runs: Names | None = None,
        start: Time | None = None,
        end: Time | None = None,
        against: Time | None = None,
        bucket: Length = "1h",
        utc: bool = False,
        baseline: str | None = None,
        rank: bool = False,
        per: str | None = None,
        least_coverage: float = LEAST_COVERAGE,
        without: Names | None = None,
        mixed_origins: bool = False,
        unlike_populations: bool = False,
    ) -> Compared:
        """Cities and runs side by side: coverage, figures, differences and ratios with intervals, ranks on request.

        Times are on the clock of the comparison: each city's own, or UTC. `against` is the start of another range of
        the same length (last March). `per` is `capita` or `area`. Buckets with less than a share `least_coverage` of
        their readings are not compared. `mixed_origins` and `unlike_populations` lift conditions on ranking, and the
        outcome says so. Raises `InputError` for what makes no sense or is not there.
        """
        if per not in (None, "capita", "area"):
            raise InputError(f"expected per='capita' or per='area', came {per!r}")
        request = Request(
            self._indicators(indicators),
            names(cities),
            names(runs),
            clock(start),
            clock(end),
            length(bucket),
            local=not utc,
            baseline=baseline,
            rank=rank,
            per_capita=per == "capita",
            per_area=per == "area",
            mixed_origins=mixed_origins,
            unlike_populations=unlike_populations,
            least_coverage=least_coverage,
            against=clock(against),
            without=names(without),
        )
        return compared_of(compare(self.store, request))

    def index(
        self,
        name: str,
        *,
        cities: Names | None = None,
        runs: Names | None = None,
        start: Time | None = None,
        end: Time | None = None,
        least_coverage: float = LEAST_COVERAGE,
        without: Names | None = None,
        agreed: float | None = None,
    ) -> Table:
        """An index of cities with every part of it, on each city's own clock; nothing is filled in.

        `aqi-us-epa` and `aqi-thai-pcd` by local day, `nowcast` and `heat-index` by hour, `travel-reliability` and
        `service-level` (of what was `agreed`, in hours) of the whole span. A row a part, with its value and unit, and
        one for the whole; `note` says why there is no index. Hours and days with less than a share `least_coverage`
        of their values do not count. Raises `InputError` for what makes no sense or is not there.
        """
        request = IndexRequest(
            index_name(name),
            names(cities),
            names(runs),
            clock(start),
            clock(end),
            least_coverage=least_coverage,
            without=names(without),
            agreed=agreed,
        )
        return Table("index", index_table(self.store, request))

    def league(
        self,
        composite: str = "environment",
        *,
        cities: Names | None = None,
        runs: Names | None = None,
        start: Time | None = None,
        end: Time | None = None,
        mixed_origins: bool = False,
        unlike_populations: bool = False,
    ) -> Ranked:
        """Cities ranked by a composite score, with its parts and how sure each place is.

        `composite` is a pillar that is shipped (environment, economy, governance) or the path of a TOML file. Times
        are on each city's own clock. Values of mixed origin are not ranked unless `mixed_origins`, and the outcome
        says so. Raises `InputError` for what is not there, with a suggestion.
        """
        request = LeagueRequest(
            load_composite(composite),
            names(cities),
            names(runs),
            clock(start),
            clock(end),
            mixed_origins=mixed_origins,
            unlike_populations=unlike_populations,
        )
        return ranked_of(league(self.store, request))

    def close(self) -> None:
        """Let go of the store."""
        self.store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Nakhon data in {self.url}>"

    def _indicators(self, told: Names) -> tuple[str, ...]:
        asked = names(told)
        for name in asked:
            indicator(name)
        return asked

    def _run(self, run: str | None) -> str:
        held = [info.run for info in self.store.runs()]
        if run is None and held:
            return held[-1]
        if run not in held:
            hint = suggestion(run or "", held, f"there are {', '.join(held[-12:])}") if held else "there is none yet"
            raise UnknownRun(f"no run {run!r} in {self.url}; {hint}")
        return run

    def _listed(self, name: str, rows: list[dict[str, Any]], kind: type, run: str | None = None) -> Table:
        columns = {one.name: [row[one.name] for row in rows] for one in fields(kind)}
        about = {"source": self.url} if run is None else run_facts(self.store, [run])
        return Table(name, described(pa.table(columns), about))


def latest_with_origin(store: Store, run: str) -> pa.Table:
    """The last value of each series of a run, with the origin of the series."""
    table = store.latest(run)
    if "origin" in table.column_names:
        return table
    key = ["city", "pillar", "station", "indicator"]
    origins = store.series(run).select([*key, "origin"])
    return table.join(origins, key, join_type="left outer").sort_by([(name, "ascending") for name in key])


def check_names(store: Store, selection: Selection, table: pa.Table) -> None:
    """Raise `InputError` for a name that a selection asks for, nothing was found of, and nobody knows."""
    strange = [name for name in selection.indicators if not table.num_rows and name not in indicators()]
    held = set(store.series()["indicator"].to_pylist()) if strange else set()
    for name in strange:
        if name not in held:
            indicator(name)  # raises, with a suggestion
    for what, asked in (("city", selection.cities), ("station", selection.stations)):
        told = what in table.column_names  # a bucket is of a city, not of a station
        found = set(pc.unique(table[what]).to_pylist()) if told else set(asked if table.num_rows else ())
        lacking = [name for name in asked if name not in found]
        known = _known(store, what, selection.runs) if lacking else set()
        for name in lacking:
            if name not in known:
                others = f"there are {', '.join(sorted(known)[:12])}" if known else "there is none yet"
                raise InputError(f"no {what} {name!r} in {store.url}; {suggestion(name, known, others)}")


def _known(store: Store, what: str, runs: tuple[str, ...]) -> set[str]:
    """The cities or stations that have said anything, in these runs or in all."""
    wanted = runs or tuple(info.run for info in store.runs())
    born = [one.id for run in wanted for one, _ in store.cities(run)] if what == "city" else []
    born += [one.id for run in wanted for one in store.stations(run)] if what == "station" else []
    return {*born, *(row[what] for row in store.series().to_pylist() if row["run"] in wanted)}


def _moment(seconds: int | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None)


def _plain(told: object) -> object:
    return str(told) if isinstance(told, str) else told
