"""Composite scores and leagues: the steps of the OECD handbook by hand, places by their definition, refusals."""

from __future__ import annotations

import itertools
import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from collector.comparing.comparison import Column, Comparison, Entry, Request, Section
from collector.comparing.difference import DAY, figures
from collector.language.errors import InputError
from collector.language.indicators import Pillar, indicator
from collector.league.composite import (
    Aggregation,
    Composite,
    Missing,
    Normalisation,
    Part,
    combined,
    drawn_weights,
    scores,
)
from collector.league.composite_file import load_composite, parse_composite, shipped_composites
from collector.league.league import Contender, Daily, Place, places, ranked
from collector.league.league_store import League, LeagueRequest, league_of
from collector.league.telling import told
from collector.reporting.league_report import league_page, write_league

AIR = Part(indicator("pm25"), 0.5, Normalisation.GOALPOSTS, worst=75, best=15, source="s")
STARS = Part(indicator("citizen_rating"), 0.5, Normalisation.GOALPOSTS, worst=1, best=5, source="s")
RUN = "base"


def composite(*parts: Part, **told: object) -> Composite:
    given_parts = parts or (AIR, STARS)
    fields: dict[str, object] = {
        "name": "x", "title": "X", "pillar": Pillar.ENVIRONMENT, "parts": given_parts,
        "aggregation": Aggregation.ARITHMETIC, "missing": Missing.REWEIGH, "least_weight": 0.4, "floor": 1.0,
        "concentration": 50.0, "source": "", "assumption": True,
    }  # fmt: skip
    return Composite(**(fields | told))  # type: ignore[arg-type]


def daily(values: np.ndarray, days: int = 30, noise: float = 0.0, seed: int = 1) -> Daily:
    """Days of cities and parts around the values given; the first part is noisy."""
    rng = np.random.default_rng(seed)
    sums = np.repeat(values[None], days, axis=0)
    sums[:, :, 0] += noise * rng.standard_normal(sums.shape[:2])
    counts = np.broadcast_to(np.isfinite(values), sums.shape).astype(float)
    origins = [["simulated"] * values.shape[1] for _ in values]
    return Daily(np.nan_to_num(sums), counts, origins, [False] * values.shape[1], ["u"] * values.shape[1])


def cities(many: int) -> list[Contender]:
    return [Contender(RUN, f"c{number}", f"City {number}") for number in range(many)]


def league_places(values: list[list[float]], one: Composite | None = None, **told_of: float) -> dict[str, Place]:
    array = np.array(values, float)
    found = places(cities(len(array)), daily(array, **told_of), one or composite())  # type: ignore[arg-type]
    return {place.contender.city: place for place in found}


# ---- normalisation and aggregation -----------------------------------------------------------------------


def test_goalposts_are_the_ends_and_cut_off_what_is_beyond() -> None:
    found = scores(np.array([[75.0, 1.0], [15.0, 5.0], [45.0, 3.0], [200.0, 5.0], [1.0, np.nan]]), composite())
    assert np.array_equal(found, [[0, 0], [100, 100], [50, 50], [0, 100], [100, np.nan]], equal_nan=True)


def test_the_distance_to_a_target_is_a_ratio_where_one_way_is_better_and_a_tolerance_where_none_is() -> None:
    parts = (
        Part(indicator("pm25"), 1 / 3, Normalisation.TARGET, target=15),
        Part(indicator("citizen_rating"), 1 / 3, Normalisation.TARGET, target=4),
        Part(indicator("air_temperature"), 1 / 3, Normalisation.TARGET, target=24, tolerance=10),
    )
    found = scores(np.array([[30.0, 3.0, 29.0], [10.0, 5.0, 19.0], [0.0, 4.0, 60.0]]), composite(*parts))
    assert np.allclose(found, [[50, 75, 50], [100, 100, 50], [100, 100, 0]])


def test_z_scores_have_mean_0_and_deviation_1_and_point_upwards_where_it_is_better() -> None:
    part = Part(indicator("pm25"), 1.0, Normalisation.Z_SCORE)
    found = scores(np.array([[10.0], [20.0], [30.0], [np.nan]]), composite(part))[:, 0]
    assert np.allclose(found[:3], [math.sqrt(1.5), 0, -math.sqrt(1.5)])
    assert np.isnan(found[3])
    assert np.allclose(scores(np.full((3, 1), 7.0), composite(part)), 0)


def test_the_means_are_those_of_the_handbook_and_a_floor_keeps_a_0_from_erasing_all() -> None:
    scored, weights = np.array([[64.0, 100.0], [0.0, 100.0]]), np.array([0.5, 0.5])
    assert np.allclose(combined(scored, weights, composite()), [82, 50])
    geometric = composite(aggregation=Aggregation.GEOMETRIC)
    assert np.allclose(combined(scored, weights, geometric), [80, 10])


@given(st.lists(st.floats(1, 100), min_size=2, max_size=2), st.floats(0.1, 0.9))
def test_a_geometric_mean_is_never_above_the_arithmetic_one(pair: list[float], weight: float) -> None:
    scored, weights = np.array([pair]), np.array([weight, 1 - weight])
    low = combined(scored, weights, composite(aggregation=Aggregation.GEOMETRIC))[0]
    assert low <= combined(scored, weights, composite())[0] + 1e-9
    assert min(pair) - 1e-9 <= low


def test_what_is_missing_refuses_a_score_or_spreads_its_weight() -> None:
    scored, weights = np.array([[80.0, np.nan], [np.nan, np.nan]]), np.array([0.5, 0.5])
    assert np.isnan(combined(scored, weights, composite(missing=Missing.REFUSE))).all()
    assert np.array_equal(combined(scored, weights, composite()), [80, np.nan], equal_nan=True)
    assert np.isnan(combined(scored, weights, composite(least_weight=0.6))).all()


def test_drawn_weights_lie_around_the_declared_ones_as_the_concentration_says() -> None:
    drawn = drawn_weights(composite(concentration=24.0), 20_000, np.random.default_rng(3))
    assert np.allclose(drawn.sum(axis=1), 1)
    assert drawn.mean(axis=0) == pytest.approx([0.5, 0.5], abs=0.005)
    assert drawn.std(axis=0) == pytest.approx([0.1, 0.1], abs=0.005)  # √(0.5 * 0.5 / 25)


# ---- places ----------------------------------------------------------------------------------------------


@given(st.lists(st.one_of(st.floats(0, 100), st.just(float("nan"))), min_size=1, max_size=8))
def test_a_place_is_one_more_than_those_that_are_better(found: list[float]) -> None:
    known = [-1.0 if math.isnan(one) else one for one in found]
    assume(all(one == other or abs(one - other) > 1e-6 for one in known for other in known))
    assert ranked(np.array(found)).tolist() == [1 + sum(other > one for other in known) for one in known]


def test_cities_far_apart_have_sure_places_and_those_close_together_do_not() -> None:
    found = league_places([[20, 4.5], [40, 3.0], [41, 3.02]], noise=4.0)
    assert (found["c0"].rank, found["c0"].interval.low, found["c0"].interval.high) == (1, 1, 1)  # type: ignore[union-attr]
    assert found["c0"].interval.first == 1.0  # type: ignore[union-attr]
    for city in ("c1", "c2"):
        assert (found[city].interval.low, found[city].interval.high) == (2, 3)  # type: ignore[union-attr]


def test_weights_alone_may_turn_a_place_and_days_alone_may_not() -> None:
    found = league_places([[29.9, 4.0], [45, 5.0]], noise=0.0)  # 75 + 75 against 50 + 100, and a little more
    assert (found["c0"].score, found["c1"].score) == (pytest.approx(75.08, abs=0.01), pytest.approx(75))
    assert (found["c0"].weights.low, found["c0"].weights.high) == (1, 2)  # type: ignore[union-attr]
    assert (found["c0"].days.low, found["c0"].days.high) == (1, 1)  # type: ignore[union-attr]
    assert (found["c0"].interval.low, found["c0"].interval.high) == (1, 2)  # type: ignore[union-attr]


def alike(many: int, days: int, seed: int) -> Daily:
    """Cities that differ by chance alone, in days that remember: 0.6 of the day before."""
    one = daily(np.full((many, 2), [45.0, 3.0]), days)
    noise = np.random.default_rng(seed).standard_normal((days + 30, many))
    for day in range(1, days + 30):
        noise[day] += 0.6 * noise[day - 1]
    one.sums[:, :, 0] += noise[30:]
    return one


def test_cities_that_differ_by_chance_are_seldom_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("collector.league.league.TRIED", 2)
    found = [place for seed in range(15) for place in places(cities(4), alike(4, 30, seed), composite())]
    sure = [place for place in found if (place.days.low, place.days.high) != (1, 4)]  # type: ignore[union-attr]
    truth = 0.5 * (50 + 50)
    known = [(place.low, place.high) for place in found if place.low is not None and place.high is not None]
    assert len(sure) <= 0.1 * len(found)
    assert len(known) >= 0.8 * len(found)  # of some the days remember too long
    assert sum(low <= truth <= high for low, high in known) >= 0.85 * len(known)


def test_the_score_of_a_part_beyond_its_goalposts_does_not_move_with_the_days() -> None:
    found = league_places([[200.0, 3.0], [210.0, 3.0]], noise=5.0)
    assert found["c0"].low <= found["c0"].score <= found["c0"].high  # type: ignore[operator]
    assert (found["c0"].days.low, found["c0"].days.high) == (1, 2)  # type: ignore[union-attr]
    near = league_places([[15.0, 5.0], [16.0, 5.0]], noise=5.0)
    assert near["c0"].high == 100.0  # not beyond


def test_below_seven_days_nothing_but_the_weights_tells_how_sure_a_place_is() -> None:
    found = league_places([[20, 4.5], [40, 3.0]], days=6)
    assert found["c0"].interval is found["c0"].days is found["c0"].low is None
    assert found["c0"].weights is not None


def test_statistics_of_years_ago_do_not_thin_out_the_days_that_are_drawn() -> None:
    near, far = daily(np.array([[30.0, 3.0], [31.0, 3.0]]), noise=4.0), 1000
    sums, counts = np.zeros((2, far + 30, 2, 2))
    sums[far:, :, 0], counts[far:, :, 0] = near.sums[:, :, 0], near.counts[:, :, 0]
    sums[0, :, 1], counts[0, :, 1] = 3.0, 1.0
    old = Daily(sums, counts, near.origins, [False, True], near.units)
    same = Daily(near.sums, near.counts, near.origins, [False, True], near.units)
    one, other = (places(cities(2), data, composite())[0] for data in (old, same))
    assert one.high - one.low == pytest.approx(other.high - other.low, rel=0.1)  # type: ignore[operator]


def test_the_same_seed_gives_the_same_league() -> None:
    values = np.array([[30.0, 3.0], [31.0, 3.1]])
    one, other = (places(cities(2), daily(values, noise=3.0), composite(), seed=5) for _ in range(2))
    assert one == other


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.floats(16, 74), st.floats(1.1, 4.9)), min_size=2, max_size=5, unique=True), st.booleans())
def test_a_move_lifts_a_city_past_the_next_better_one_and_not_by_more_than_it_must(
    values: list[tuple[float, float]], geometric: bool
) -> None:
    one = composite(aggregation=Aggregation.GEOMETRIC if geometric else Aggregation.ARITHMETIC)
    array = np.array(values)
    scored = combined(scores(array, one), one.weights, one)
    assume(all(abs(left - right) > 0.5 for left, right in itertools.combinations(scored, 2)))
    for place in places(cities(len(array)), daily(array, days=3), one):
        at = int(place.contender.city[1:])
        for move in place.moves:
            part = [part.indicator.id for part in one.parts].index(move.indicator)
            for share, better in ((1.0, 1), (0.99, 0)):
                moved = array.copy()
                moved[at, part] = move.value + share * (move.to - move.value)
                again = combined(scores(moved, one), one.weights, one)
                assert ranked(again)[at] == place.rank - better  # type: ignore[operator]


def test_what_cannot_be_reached_is_no_move_and_the_first_has_none() -> None:
    found = league_places([[15, 5.0], [70, 1.2], [16, 4.9]])
    assert found["c0"].moves == ()
    assert found["c1"].moves == ()  # even 100 in one part is too little
    assert {move.indicator for move in found["c2"].moves} == set()  # only both parts together reach the best


def test_the_place_without_a_part_is_told() -> None:
    found = league_places([[20, 2.0], [60, 3.0]])
    assert found["c0"].rank == 1
    assert [part.without for part in found["c0"].parts] == [2, 1]


# ---- a league of a comparison ----------------------------------------------------------------------------


def entry(column: Column, level: float, days: int = 10) -> Entry:
    values = np.full(days if math.isfinite(level) else 0, level)
    return Entry(column, column.origin, "", np.arange(len(values)) * DAY, values, figures(values, 10))


def comparison(*told_of: tuple[str, str, list[float]]) -> Comparison:
    """A comparison in days: city, origin, the level of each part."""
    columns = tuple(Column(RUN, city, city.title(), origin) for city, origin, _ in told_of)
    sections = tuple(
        Section(
            part.indicator,
            part.indicator.unit,
            tuple(entry(column, levels[at]) for column, (_, _, levels) in zip(columns, told_of, strict=True)),
        )
        for at, part in enumerate((AIR, STARS))
    )
    return Comparison(Request(("pm25", "citizen_rating"), bucket=DAY), columns, 0, 10 * DAY, sections)


def ranks(found: League) -> dict[str, int | None]:
    return {place.contender.city: place.rank for place in found.places}


SIMULATED = ("rayong", "simulated", [20.0, 4.0]), ("phuket", "simulated", [40.0, 3.0])


def test_a_league_ranks_and_tells_every_part_with_its_code_and_its_origin() -> None:
    found = told(league_of(comparison(*SIMULATED), LeagueRequest(composite())))
    assert [(one["city"], one["rank"]) for one in found["places"]] == [("rayong", 1), ("phuket", 2)]
    assert found["composite"]["parts"][0]["standard_code"] == "EN: EN: AQ: 1C"
    assert found["places"][0]["parts"][0]["origin"] == "simulated"
    assert "A simulation is not a forecast." in found["notes"]
    assert json.loads(json.dumps(found, allow_nan=False))["places"][1]["rank"] == 2


def test_mixed_origins_are_not_ranked_unless_asked_and_then_carry_a_mark() -> None:
    mixed = comparison(SIMULATED[0], ("phuket", "measured", [40.0, 3.0]))
    refused = league_of(mixed, LeagueRequest(composite()))
    assert ranks(refused) == {"rayong": None, "phuket": None}
    assert "mixed or unknown origin (measured and simulated)" in refused.refusals[0]
    assert all(not place.moves and place.interval is None for place in refused.places)
    lifted = league_of(mixed, LeagueRequest(composite(), mixed_origins=True))
    assert ranks(lifted) == {"rayong": 1, "phuket": 2}
    assert lifted.lifted
    assert 'class="watermark"' in league_page(lifted)
    assert 'class="watermark"' not in league_page(refused)
    assert "Not ranked" in league_page(refused)


def test_unknown_origins_are_not_ranked() -> None:
    found = league_of(
        comparison(*((city, "unknown", levels) for city, _, levels in SIMULATED)), LeagueRequest(composite())
    )
    assert found.refusals


def test_one_city_alone_has_no_place() -> None:
    assert ranks(league_of(comparison(SIMULATED[0]), LeagueRequest(composite()))) == {"rayong": None}


def test_a_part_is_compared_on_the_days_that_all_have_and_left_out_for_who_has_too_few() -> None:
    whole = comparison(*SIMULATED)
    section = whole.sections[0]
    some = tuple(
        entry(one.column, levels, days)
        for one, levels, days in zip(section.entries, (20.0, 40.0), (10, 6), strict=True)
    )
    found = league_of(
        Comparison(
            whole.request, whole.columns, 0, 10 * DAY, (Section(section.indicator, "u", some), whole.sections[1])
        ),
        LeagueRequest(composite()),
    )
    assert {part.days for place in found.places for part in place.parts} == {6, 10}
    assert any("on the 6 days that all have, of 10 (fewest: Phuket, base: 6," in note for note in found.notes)
    few = tuple(
        entry(one.column, levels, days)
        for one, levels, days in zip(section.entries, (20.0, 40.0), (10, 4), strict=True)
    )
    found = league_of(
        Comparison(
            whole.request, whole.columns, 0, 10 * DAY, (Section(section.indicator, "u", few), whole.sections[1])
        ),
        LeagueRequest(composite()),
    )
    assert any("left out for Phuket" in note for note in found.notes)
    missing = next(part for place in found.places if place.contender.city == "phuket" for part in place.parts)
    assert (missing.value, missing.weight) == (None, 0.0)


def test_a_league_of_few_common_days_says_why_nothing_is_sure_and_what_to_do() -> None:
    whole = comparison(*SIMULATED)
    sections = tuple(
        Section(one.indicator, "u", tuple(entry(old.column, float(old.values[0]), 6) for old in one.entries))
        for one in whole.sections
    )
    found = league_of(Comparison(whole.request, whole.columns, 0, 10 * DAY, sections), LeagueRequest(composite()))
    assert all(place.rank and place.days is None for place in found.places)
    (why,) = (note for note in found.notes if note.startswith("By days nothing tells"))
    assert "pm25 rests on 6, citizen_rating rests on 6, and 7 days that all have are needed; take a longer time" in why


def test_a_page_is_whole_and_shows_no_markup_of_strangers(tmp_path: Path) -> None:
    strange = comparison(SIMULATED[0], ("x", "simulated", [22.0, 3.9]))
    columns = (strange.columns[0], Column(RUN, "x", "<script>alert(1)</script>", "simulated"))
    sections = tuple(
        Section(
            one.indicator,
            one.unit,
            tuple(entry(column, old.values[0]) for column, old in zip(columns, one.entries, strict=True)),
        )
        for one in strange.sections
    )
    found = league_of(Comparison(strange.request, columns, 0, 10 * DAY, sections), LeagueRequest(composite()))
    write_league(found, tmp_path / "l.html")
    page = (tmp_path / "l.html").read_text("utf-8")
    assert "<script>alert" not in page
    assert "What would change it" in page
    assert "EN: EN: AQ: 1C" in page


# ---- the file --------------------------------------------------------------------------------------------


def test_there_is_a_composite_for_each_pillar_whose_parts_say_where_they_come_from() -> None:
    assert set(shipped_composites()) == {pillar.value for pillar in Pillar}
    for name in shipped_composites():
        found = load_composite(name)
        assert found.pillar == name
        assert found.weights.sum() == pytest.approx(1)
        assert all(bool(part.source) != part.assumption for part in found.parts)


def test_every_error_of_a_composite_comes_at_once() -> None:
    text = """
        name = "x"
        piller = "economy"
        aggregation = "harmonic"
        [[part]]
        indicator = "pm2.5"
        weight = 0
        [[part]]
        indicator = "pm25"
        weight = 1
        worst = 5
        best = 75
        assumption = true
    """
    with pytest.raises(InputError) as caught:
        parse_composite(text, "x.toml")
    said = str(caught.value)
    for part in ("did you mean pillar?", "pillar: missing; expected environment", "aggregation", "part[1].weight",
                 "did you mean pm25?", "part[2]: lower is better in the catalogue"):  # fmt: skip
        assert part in said


@pytest.mark.parametrize(
    ("parts", "head", "complaint"),
    [
        ('indicator = "air_temperature"\nweight = 1\nworst = 1\nbest = 2\nassumption = true', "", "normalisation ="),
        ('indicator = "pm25"\nweight = 1\nworst = 75\nassumption = true', "", "expected best and worst"),
        ('indicator = "pm25"\nweight = 1\nworst = 75\nbest = 15', "", "either a source"),
        ('indicator = "pm10"\nweight = 1\nworst = 75\nbest = 15\nassumption = true', "", "came twice: pm10"),
        ('indicator = "pm25"\nweight = 1\nnormalisation = "z-score"\nassumption = true', "", "do not mix"),
    ],
)
def test_a_composite_that_makes_no_sense_is_refused(parts: str, head: str, complaint: str) -> None:
    other = '[[part]]\nindicator = "pm10"\nweight = 1\nworst = 150\nbest = 45\nassumption = true\n'
    with pytest.raises(InputError, match=complaint):
        parse_composite(f'name = "x"\npillar = "environment"\nassumption = true\n{head}{other}[[part]]\n{parts}', "x")


def test_an_unknown_pillar_is_answered_with_a_suggestion() -> None:
    with pytest.raises(InputError, match="did you mean environment"):
        load_composite("enviroment")
