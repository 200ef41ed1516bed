"""What a report answers, on results whose truth is known."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from report_samples import known, results

from collector.answers.intervals import mean_interval
from collector.answers.totals import Kind, Statistic
from collector.language.errors import InputError
from nakhon.reporting.answers import Answers, answers
from nakhon.reporting.effects import Conclusion
from nakhon.reporting.manner import Manner
from nakhon.reporting.material import numbers_of
from nakhon.reporting.measures import Outcome, statistics_of
from nakhon.reporting.report import as_data, as_json, telling_of
from nakhon.reporting.telling import Telling

PM25 = Outcome("chiang-mai", "pm25", Statistic(Kind.MEAN))


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Telling:
    return telling_of(results(tmp_path_factory.mktemp("known")), Manner())


@pytest.fixture(scope="module")
def made(told: Telling) -> Answers:
    return told.answers


def test_a_difference_is_the_mean_of_the_replications_with_its_pairing(made: Answers) -> None:
    days = [[known(variant, n, "chiang-mai", "pm25", 39).mean() for n in range(12)] for variant in ("half", "baseline")]
    effect = made.of("half", PM25)
    assert effect is not None
    assert effect.difference.difference.value == pytest.approx(np.mean(days[0]) - np.mean(days[1]))
    assert effect.clear and effect.firm and effect.improvement is not None and effect.improvement.value > 0.0
    assert effect.difference.pairing == pytest.approx((1 + 0.25) / 0.25)


def test_what_a_scenario_says_itself_is_entered_and_all_else_emerges(made: Answers) -> None:
    for effect in made.effects:
        says = effect.variant == "wet" and effect.outcome.indicator == "rain"
        assert effect.entered == (("assumptions.rainfall",) if says else ())


def test_what_is_the_same_to_the_last_bit_is_untouched_and_no_comparison(made: Answers) -> None:
    same = [one for one in made.effects if one.outcome.indicator == "electricity_demand"]
    assert len(same) == 6 and all(one.untouched and not one.clear and not one.firm for one in same)
    assert made.comparisons == sum(not one.untouched for one in made.effects) < len(made.effects)


def test_where_neither_way_is_better_nothing_is_an_improvement(made: Answers) -> None:
    rain = made.of("wet", Outcome("rayong", "rain", Statistic(Kind.TOTAL)))
    assert rain is not None and rain.clear and rain.improvement is None


def test_a_target_has_its_probability_in_every_scenario(made: Answers) -> None:
    found = {one.variant: one.chance.probability.value for one in made.targets}
    assert found == {"baseline": 0.0, "half": 1.0, "most": 0.0, "wet": 0.0}


def test_the_break_even_of_a_target_lies_where_the_model_says(made: Answers) -> None:
    """20 + s (25 + luck) is 35 at s = 15 / (25 + luck), and luck is 2 in spread: 0.8 of them at about 0.56."""
    turn = next(one for one in made.turns if one.variant == "half" and one.conclusion is Conclusion.TARGET)
    assert turn.axis is not None and turn.axis.sizes == (0.5, 0.8, 1.0) and turn.axis.none == 1.0
    assert turn.at is not None and turn.at.found and 0.5 < turn.at.interval.value < 0.62


def test_the_break_even_of_costs_is_where_a_unit_costs_the_same(made: Answers) -> None:
    """1,000 for half the fires is 2 a unit of size, 300 for a fifth is 1.5: they meet where 300 buys 0.15."""
    turn = next(one for one in made.turns if one.variant == "most" and one.conclusion is Conclusion.COST)
    assert turn.rival == "half" and turn.at is not None
    assert turn.at.interval.value == pytest.approx(0.85, abs=0.005)


def test_a_difference_vanishes_only_without_its_cause_and_untouched_ones_have_no_turn(made: Answers) -> None:
    turn = next(one for one in made.turns if one.variant == "half" and one.conclusion is Conclusion.DIFFERENCE)
    assert turn.only_none
    assert not [one for one in made.turns if one.variant == "wet"]


def test_scenarios_that_change_several_things_determine_no_break_even(tmp_path: Path) -> None:
    more = '[[variants]]\nname = "both"\nset = { "assumptions.burning_severity" = 0.5, "policies.crews" = 2 }\n'

    def series(variant: str, *others: object) -> np.ndarray:
        return known("half" if variant == "both" else variant, *others)  # type: ignore[arg-type]

    turns = telling_of(results(tmp_path, series, 4, more, days=5), Manner()).answers.turns
    both = [one for one in turns if one.variant == "both"]
    assert both and all(one.axis is None and one.at is None for one in both)


def test_the_cheaper_way_costs_less_a_unit(made: Answers) -> None:
    costs = {one.variant: one.per_unit.interval.value for one in made.costs}
    assert costs["half"] / costs["most"] == pytest.approx(2.0 / 1.5, rel=0.01)


def test_the_order_of_the_scenarios_is_by_what_was_asked_for(made: Answers) -> None:
    assert [one.name for one in made.rankings[0].places] == ["half", "most", "baseline", "wet"]


def test_intervals_of_a_whole_experiment_cover_the_truth_at_their_nominal_rate(tmp_path: Path) -> None:
    """A known answer: half of the fires takes 12.5 away; experiments of 5 replications each, in two cities."""
    numbers = telling_of(results(tmp_path, days=3, replications=60), Manner()).answers.numbers
    cities = [numbers[replace(PM25, city=city)] for city in ("chiang-mai", "rayong")]
    found = [mean_interval(change) for rows in cities for change in np.split(rows[1] - rows[0], 12)]
    rate = np.mean([one.low <= -12.5 <= one.high for one in found])
    assert abs(rate - 0.95) <= 4 * np.sqrt(0.95 * 0.05 / 24)


def test_only_replications_that_every_scenario_has_are_used_and_the_report_says_so(tmp_path: Path) -> None:
    left_out = frozenset({("half", 1), ("wet", 3)})
    told = telling_of(results(tmp_path, replications=6, days=4, left_out=left_out), Manner())
    assert told.answers.replications == 4


def test_without_two_replications_there_is_no_answer(tmp_path: Path) -> None:
    directory = results(tmp_path, replications=2, days=4, left_out=frozenset({("half", 1)}))
    with pytest.raises(InputError, match="at least 2 replications"):
        telling_of(directory, Manner())


def test_a_one_at_a_time_design_is_a_tornado_and_its_ends_are_not_told_one_by_one(tmp_path: Path) -> None:
    more = """
[design]
kind = "one-at-a-time"
percent = 20
[[design.factors]]
path = "assumptions.burning_severity"
[[design.factors]]
path = "assumptions.rainfall"
"""

    def series(variant: str, number: int, city: str, indicator: str, buckets: int) -> np.ndarray:
        if variant.startswith("burning-severity") and indicator == "pm25":
            luck = known("baseline", number, city, indicator, buckets) - 20.0
            return 20.0 + luck * (0.8 if variant.endswith("low") else 1.2)
        return known(variant if variant in ("half", "most", "wet") else "baseline", number, city, indicator, buckets)

    found = telling_of(results(tmp_path, series, 5, more, days=5), Manner()).answers
    assert {one.variant for one in found.effects} == {"half", "most", "wet"}
    bars = found.sensitivities[0].bars
    assert [bar.path for bar in bars] == ["assumptions.burning_severity", "assumptions.rainfall"]
    assert bars[0].low.difference.value == pytest.approx(-bars[0].high.difference.value)
    turn = next(one for one in found.turns if one.variant == "half" and one.axis)
    assert turn.axis is not None and turn.axis.sizes == (0.5, 0.8, 1.0, 1.2)  # the design gives sizes to read between


def test_a_latin_hypercube_tells_how_outcomes_go_with_factors(tmp_path: Path) -> None:
    more = """
[design]
kind = "latin-hypercube"
samples = 8
[[design.factors]]
path = "assumptions.burning_severity"
low = 0.2
high = 1.0
"""

    def series(variant: str, number: int, city: str, indicator: str, buckets: int) -> np.ndarray:
        extra = 3.0 * int(variant[-1]) if variant.startswith("latin") else 0.0
        return known("baseline", number, city, indicator, buckets) + extra

    told = telling_of(results(tmp_path, series, 3, more, days=3), Manner())
    found = told.answers.sensitivities[0].associations
    assert [one.path for one in found] == ["assumptions.burning_severity"] and found[0].correlation.low >= -1.0


def test_the_figures_are_json_without_nan(told: Telling) -> None:
    data = json.loads(as_json(as_data(told)))
    assert data["simulated"] is True and data["forecast"] is False and data["replications"] == 12
    assert len(data["differences"]) == len(told.answers.effects)


def test_the_statistics_that_are_told_suit_the_indicator() -> None:
    assert [str(one) for one in statistics_of("pm25")] == ["mean", "count over 37.5"]
    assert [str(one) for one in statistics_of("resolution_time")] == ["median"]
    added = ("electricity_demand", "power_outages", "outage_hours", "rain")
    assert [str(statistics_of(name)[0]) for name in added] == ["total"] * 4
    assert [str(one) for one in statistics_of("pm25", 3_600)] == ["mean"]  # the limit is one of daily means
    assert str(statistics_of("traffic_flow")[0]) == "mean"


def test_an_outcome_that_no_run_has_is_left_out(tmp_path: Path) -> None:
    def series(variant: str, number: int, city: str, indicator: str, buckets: int) -> np.ndarray:
        made = known(variant, number, city, indicator, buckets)
        return np.full(buckets, np.nan) if (city, indicator) == ("rayong", "rain") else made

    found = telling_of(results(tmp_path, series, 3, days=4), Manner())
    assert not [one for one in numbers_of(found.found) if (one.city, one.indicator) == ("rayong", "rain")]
    assert answers(found.found, found.answers.numbers).effects
