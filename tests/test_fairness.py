"""Which column is better and who comes first, and where neither may be said: directions, origins, populations."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from comparisons import CHIANG_MAI, KHON_KAEN, MEASURED, UTC, compared, entries, noise, table_of

from collector.comparing.compare import Evidence, compare_table
from collector.comparing.comparison import NOT_A_FORECAST, Request, Verdict, rows

BACKLOG = Request(("service_backlog",), local=False, rank=True)


@pytest.mark.parametrize(
    ("indicator", "first", "second", "verdict"),
    [
        ("pm25", 20, 30, Verdict.WORSE),
        ("pm25", 30, 20, Verdict.BETTER),
        ("pm25", 30, 30, Verdict.UNCLEAR),
        ("hotel_occupancy", 20, 30, Verdict.BETTER),
        ("air_temperature", 20, 30, Verdict.NEITHER),
    ],
)
def test_the_verdict_follows_the_direction_of_the_catalogue(
    indicator: str, first: float, second: float, verdict: Verdict
) -> None:
    request = replace(UTC, indicators=(indicator,))
    assert entries(request, (CHIANG_MAI, noise(first)), (KHON_KAEN, noise(second, seed=2)))[1].verdict is verdict


def test_two_buckets_are_too_few_for_an_interval() -> None:
    part = compared(UTC, (CHIANG_MAI, [1, 2]), (KHON_KAEN, [4, 5])).sections[0]
    gap = part.entries[1].difference
    assert gap is not None
    assert gap.mean == 3
    assert np.isnan(gap.low)
    assert part.entries[1].verdict is Verdict.UNJUDGED
    assert any("too few" in refusal for refusal in part.refusals)


def test_a_scale_without_a_zero_has_no_percentage() -> None:
    request = replace(UTC, indicators=("air_temperature",))
    assert rows(compared(request, (CHIANG_MAI, [20, 20, 20]), (KHON_KAEN, [30, 30, 30])))[1]["relative"] is None


def test_mixed_origins_are_neither_judged_nor_ranked() -> None:
    part = compared(replace(UTC, rank=True), (CHIANG_MAI, noise(20)), (MEASURED, noise(30))).sections[0]
    assert [entry.rank for entry in part.entries] == [None, None]
    assert part.entries[1].verdict is Verdict.UNJUDGED
    assert part.entries[1].difference is not None
    assert any("Not ranked" in refusal and "measured and simulated" in refusal for refusal in part.refusals)


def test_mixed_origins_are_ranked_when_told_and_the_outcome_says_so() -> None:
    request = replace(UTC, rank=True, mixed_origins=True)
    told = compared(request, (CHIANG_MAI, noise(20)), (MEASURED, noise(30)))
    part = told.sections[0]
    assert [entry.rank for entry in part.entries] == [1, 2]
    assert part.entries[1].verdict is Verdict.WORSE
    assert told.lifted
    assert all("reader's own risk" in str(row["notice"]) for row in rows(told))


def test_unknown_origins_are_not_taken_to_be_alike() -> None:
    unknown = [replace(column, origin="unknown") for column in (CHIANG_MAI, KHON_KAEN)]
    part = compared(replace(UTC, rank=True), (unknown[0], noise(20)), (unknown[1], noise(30))).sections[0]
    assert part.entries[0].rank is None


def test_values_of_two_origins_in_one_column_are_kept_apart() -> None:
    mixed = pa.concat_tables(
        [table_of(CHIANG_MAI, [1.0, 2.0]), table_of(replace(CHIANG_MAI, origin="measured"), [5.0])]
    )
    part = compare_table(UTC, [CHIANG_MAI], mixed).sections[0]
    assert {entry.origin: entry.figures.mean for entry in part.entries} == {"measured": 5, "simulated": 1.5}


def test_every_row_tells_its_origin_and_a_simulation_is_never_a_forecast() -> None:
    evidence = Evidence(parameters={("base", "chiang-mai", "pm25"): "assumed", ("real", "chiang-mai", "pm25"): "?"})
    told = rows(compared(UTC, (CHIANG_MAI, [1, 2, 3]), (MEASURED, [1, 2, 3]), evidence=evidence))
    assert [(row["origin"], row["parameters"]) for row in told] == [("simulated", "assumed"), ("measured", "")]
    assert all(NOT_A_FORECAST in str(row["notice"]) for row in told)


def test_what_grows_with_a_city_is_ranked_per_inhabitant() -> None:
    part = compared(BACKLOG, (CHIANG_MAI, noise(300)), (KHON_KAEN, noise(200))).sections[0]
    assert [round(entry.figures.mean) for entry in part.entries] == [150, 200]
    assert [entry.rank for entry in part.entries] == [1, 2]
    assert part.unit == "requests per 100,000 inhabitants"


@pytest.mark.parametrize("kind", ["province", "unknown", None])
def test_unlike_populations_are_not_ranked_unless_told(kind: str | None) -> None:
    other = replace(KHON_KAEN, population_kind=kind)
    part = compared(BACKLOG, (CHIANG_MAI, noise(300)), (other, noise(200))).sections[0]
    assert part.entries[0].rank is None
    assert any("not known to be of one kind" in refusal for refusal in part.refusals)
    told = compared(replace(BACKLOG, unlike_populations=True), (CHIANG_MAI, noise(300)), (other, noise(200)))
    assert told.sections[0].entries[0].rank == 1
    assert told.lifted


def test_two_populations_of_unknown_kind_are_not_alike() -> None:
    cities = [replace(column, population_kind="unknown") for column in (CHIANG_MAI, KHON_KAEN)]
    part = compared(BACKLOG, (cities[0], noise(300)), (cities[1], noise(200))).sections[0]
    assert part.entries[0].rank is None


def test_an_unknown_population_cannot_be_lifted() -> None:
    other = replace(KHON_KAEN, population=None, population_kind=None)
    request = replace(BACKLOG, unlike_populations=True)
    part = compared(request, (CHIANG_MAI, noise(300)), (other, noise(200))).sections[0]
    assert part.entries[0].rank is None
    assert part.unit == "requests"
    assert any("population of Khon Kaen is unknown" in refusal for refusal in part.refusals)


def test_totals_of_two_cities_are_not_judged() -> None:
    part = compared(replace(BACKLOG, rank=False), (CHIANG_MAI, noise(300)), (KHON_KAEN, noise(200))).sections[0]
    assert part.entries[1].verdict is Verdict.UNJUDGED
    assert any("grows with the size of a city" in refusal for refusal in part.refusals)


def test_one_city_in_two_runs_needs_no_population() -> None:
    base = replace(CHIANG_MAI, population=None, population_kind=None)
    part = compared(BACKLOG, (base, noise(300)), (replace(base, run="more-crews"), noise(200))).sections[0]
    assert [entry.rank for entry in part.entries] == [2, 1]
    assert part.entries[1].verdict is Verdict.BETTER
    assert part.unit == "requests"


def test_figures_per_area_need_the_area_and_no_population() -> None:
    request = replace(BACKLOG, per_area=True)
    uncounted = replace(CHIANG_MAI, population=None)
    part = compared(request, (uncounted, noise(400)), (KHON_KAEN, noise(250))).sections[0]
    assert [round(entry.figures.mean) for entry in part.entries] == [10, 5]
    assert [entry.rank for entry in part.entries] == [2, 1]
    assert part.unit == "requests per km²"
    unmeasured = replace(KHON_KAEN, area_km2=None)
    refused = compared(request, (uncounted, noise(400)), (unmeasured, noise(250))).sections[0]
    assert any("Not shown per km²: the area of Khon Kaen is unknown." in refusal for refusal in refused.refusals)
    assert refused.unit == "requests"


def test_what_does_not_grow_with_a_city_is_not_divided_by_its_inhabitants() -> None:
    part = compared(replace(UTC, per_capita=True), (CHIANG_MAI, [1, 2]), (KHON_KAEN, [1, 2])).sections[0]
    assert part.unit == "µg/m³"
    assert any("Not shown per 100,000 inhabitants" in refusal for refusal in part.refusals)


def test_ranks_are_by_the_buckets_common_to_all() -> None:
    told = entries(replace(UTC, rank=True), (CHIANG_MAI, [1, 1, 1, 90]), (KHON_KAEN, [2, 2, 2, np.nan]))
    assert [entry.rank for entry in told] == [1, 2]


def test_equal_means_share_a_rank() -> None:
    third = replace(KHON_KAEN, city="rayong")
    told = entries(replace(UTC, rank=True), (CHIANG_MAI, [2, 2]), (KHON_KAEN, [1, 1]), (third, [2, 2]))
    assert [entry.rank for entry in told] == [2, 1, 2]


def test_an_indicator_without_a_better_way_is_not_ranked() -> None:
    request = replace(UTC, indicators=("wind_speed",), rank=True)
    part = compared(request, (CHIANG_MAI, noise(2)), (KHON_KAEN, noise(3))).sections[0]
    assert any("neither way is better" in refusal for refusal in part.refusals)
