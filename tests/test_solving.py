"""The smallest setting that reaches targets: on models with a known answer, and in the simulation."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from typer.testing import CliRunner

from collector.answers.targets import Target
from collector.answers.totals import Kind, Statistic
from collector.language.errors import InputError
from nakhon.cli import app
from nakhon.solving import solve as solving
from nakhon.solving.known import known_of
from nakhon.solving.plan import load_plan, parse_plan, shipped_plans
from nakhon.solving.search import Curve, Lever, answer, critical_settings, search
from nakhon.solving.simulating import hotspots, simulated, simulating
from simulator.run import Simulation

BURNING = Lever("assumptions.burning_severity", 0.0, 1.0, "low", 0.01)
CREWS = Lever("policies.crews", 0, 20, "high", 1)


def days(bound: float, probability: float = 0.8, *, at_most: bool = True) -> Target:
    return Target("pm25", "chiang-mai", Statistic(Kind.COUNT_OVER, 37.5), bound, at_most, probability)


class Model:
    """Outcomes slope * setting + luck of each replication, the same at every setting; counts what it is asked."""

    def __init__(self, slopes: Sequence[float], replications: int = 200, seed: int = 1, sd: float = 10.0) -> None:
        self.slopes, self.asked = np.array(slopes), 0
        self.luck = np.random.default_rng(seed).normal(0, sd, (replications, 1))

    def __call__(self, tried: Sequence[float]) -> np.ndarray:
        self.asked += len(tried)
        return np.array(tried)[:, None, None] * self.slopes + self.luck


def test_the_setting_is_the_known_quantile_and_in_its_interval() -> None:
    """100 s + N(0, 10) is at most 49 with 80 % up to s = (49 - 8.416) / 100."""
    truth = (49 - 10 * stats.norm.ppf(0.8)) / 100
    found = search(BURNING, [days(49)], Model([100.0]))
    assert found.complete and found.answer.reachable and found.answer.interval is not None
    assert found.answer.setting == pytest.approx(truth, abs=0.03)
    assert found.answer.interval.low <= truth <= found.answer.interval.high
    assert found.answer.chances[0].reached


def test_the_interval_of_the_setting_covers_the_truth_at_its_nominal_rate() -> None:
    truth = (49 - 10 * stats.norm.ppf(0.8)) / 100
    tried = np.linspace(0, 1, 6)
    found = [answer(BURNING, [days(49)], Curve(tried, Model([100.0], 40, seed)(tried))).interval for seed in range(300)]
    rate = np.mean([one is not None and one.low <= truth <= one.high for one in found])
    assert 0.935 <= rate <= 0.995


def test_the_setting_found_meets_the_target_and_a_step_less_effort_does_not() -> None:
    model = Model([100.0])
    found = search(BURNING, [days(49)], model).answer
    assert found.setting is not None
    share = [(model([setting])[0, :, 0] <= 49).mean() for setting in (found.setting, found.setting + 0.01)]
    assert share[0] >= 0.8 > share[1]


def test_few_settings_are_tried() -> None:
    model = Model([100.0])
    assert search(BURNING, [days(49)], model).complete
    assert model.asked <= 12


def test_a_lever_of_whole_numbers_gives_the_smallest_number() -> None:
    """60 - 5 crews + N(0, 10) at most 30 with 50 %: six crews."""
    model = Model([-5.0], 2001)
    model.luck = model.luck - np.median(model.luck) + 59.9
    found = search(CREWS, [days(30, 0.5)], model).answer
    assert found.setting == 6.0


def test_what_no_setting_reaches_is_not_reachable_and_its_best_chance_is_told() -> None:
    found = search(BURNING, [days(-30)], Model([100.0])).answer
    assert not found.reachable and found.setting is None and not found.regions[0].reachable
    assert found.regions[0].best.sure and found.regions[0].toward == "low"


def test_a_target_met_without_the_lever_needs_no_effort() -> None:
    found = search(BURNING, [days(500)], Model([100.0])).answer
    assert found.setting == 1.0 and found.interval is None


def test_targets_that_pull_the_lever_both_ways_contradict_or_leave_a_range() -> None:
    """At most 49 needs s up to .41; at least 60 (with 80 %) needs s from .68 on: none. At least 20: from .28 on."""
    both = search(BURNING, [days(49), days(60, at_most=False)], Model([100.0, 100.0])).answer
    assert not both.reachable and both.contradicting == ((0, 1),)
    assert all(one.reachable for one in both.regions)
    fine = search(BURNING, [days(49), days(20, at_most=False)], Model([100.0, 100.0])).answer
    assert fine.setting == pytest.approx(0.41, abs=0.03) and fine.contradicting == ()
    assert fine.regions[1].low == pytest.approx(0.284, abs=0.03)


def test_of_several_targets_the_hardest_decides() -> None:
    alone = search(BURNING, [days(49)], Model([100.0])).answer
    both = search(BURNING, [days(90), days(49)], Model([100.0, 100.0])).answer
    assert both.setting == alone.setting
    assert both.interval is not None and alone.interval is not None
    assert both.interval.low <= alone.interval.low and alone.interval.high <= both.interval.high
    assert both.joint is not None and both.joint.value == both.chances[1].probability.value


def test_a_lever_that_does_not_go_one_way_is_judged_by_the_settings_tried() -> None:
    luck = np.random.default_rng(2).normal(0, 1, (50, 1))

    def valley(tried: Sequence[float]) -> np.ndarray:
        return 400 * (np.array(tried)[:, None, None] - 0.5) ** 2 + luck

    found = search(BURNING, [days(20)], valley, points=9).answer
    assert not found.regions[0].monotone and found.interval is None
    assert found.setting == pytest.approx(0.625, abs=0.01)


def test_a_lever_that_moves_nothing_is_found_out() -> None:
    found = search(BURNING, [days(-20)], Model([0.0])).answer
    assert not found.regions[0].moves and not found.reachable


def test_the_budget_ends_the_search_and_is_said() -> None:
    found = search(BURNING, [days(49)], Model([100.0]), points=3, most=3)
    assert not found.complete and "budget" in found.ended and len(found.curve.settings) == 3


@settings(max_examples=50)
@given(st.lists(st.floats(-50, 150), min_size=3, max_size=20), st.sampled_from(["low", "high"]))
def test_critical_settings_are_where_the_margin_is_nothing(margin: list[float], toward: str) -> None:
    tried = np.linspace(0, 1, 5)
    slope = -100.0 if toward == "low" else 100.0
    margins = np.array(margin)[None, :] + slope * tried[:, None]
    exact = -np.array(margin) / slope
    beyond = (np.inf, -np.inf) if toward == "low" else (-np.inf, np.inf)
    everywhere, nowhere = (margins >= 0).all(axis=0), ~(margins[0 if toward == "low" else -1] >= 0)
    wanted = np.where(everywhere, beyond[0], np.where(nowhere, beyond[1], exact))
    assert critical_settings(tried, margins, toward) == pytest.approx(wanted, abs=1e-9)


PLAN = """
scenario = "chiang-mai-2024"
cadence = "6h"
replications = 5
curve = 2
most_settings = 2
[lever]
path = "assumptions.burning_severity"
low = 0.0
high = 1.0
better = "low"
resolution = 0.5
[[targets]]
indicator = "pm25"
city = "chiang-mai"
count_over = 37.5
at_most = 49
source = "a test"
"""


def test_everything_wrong_with_a_solve_file_is_said_at_once() -> None:
    wrong = PLAN.replace("severity", "severety").replace('"pm25"', '"pm52"').replace("at_most = 49", "")
    with pytest.raises(InputError) as caught:
        parse_plan(wrong, "here.toml", None)
    said = str(caught.value)
    assert all(part in said for part in ("severity", "did you mean pm25", "either at_most or at_least"))
    assert said.count("here.toml: ") >= 3


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("resolution = 0.5", "resolution = 0.3", "whole number of steps"),
        ("high = 1.0", "high = -1.0", "low < high"),
        ("high = 1.0", "high = 11.0", "burning_severity"),
        ('city = "chiang-mai"', 'city = "bangkok"', "not among the cities"),
        ("count_over = 37.5", 'statistic = "total"', "means nothing"),
        ('cadence = "6h"', 'cadence = "7h"', "divides a day"),
        ('source = "a test"', "", "targets[0].source"),
        ('source = "a test"', "probability = 1.5", "targets[0].probability"),
        ("replications = 5", "replications = 5\nunknown = 1", "unknown"),
        ("[lever]", "[lever", "expected TOML"),
    ],
)
def test_what_is_wrong_names_its_place(old: str, new: str, told: str) -> None:
    with pytest.raises(InputError, match=r"here\.toml") as caught:
        parse_plan(PLAN.replace(old, new), "here.toml", None)
    assert told in str(caught.value)


@pytest.mark.parametrize("name", ["chiang-mai-days"])
def test_shipped_solve_files_are_good_and_name_their_sources(name: str) -> None:
    assert name in shipped_plans()
    assert all(one.source for one in load_plan(name).targets)


def test_stations_that_are_not_asked_for_change_nothing() -> None:
    from nakhon.solving.simulating import _needed

    plan = parse_plan(PLAN, "here.toml", None)
    whole = plan.at(0.8)
    few = _needed(whole, plan.targets)
    assert few.station_count < whole.station_count
    assert simulated(few, 1, plan.targets, plan.shares) == simulated(whole, 1, plan.targets, plan.shares)


def test_hours_without_power_keep_the_station_that_tells_of_outages() -> None:
    from nakhon.solving.simulating import _needed

    (target,) = parse_plan(PLAN.replace('"pm25"', '"outage_hours"'), "here.toml", None).targets
    whole = parse_plan(PLAN, "here.toml", None).at(0.8)
    assert _needed(whole, [target]).stations["chiang-mai"].grid_control


def test_days_over_the_limit_are_those_of_the_daily_means_of_the_city() -> None:
    plan = parse_plan(PLAN, "here.toml", None)
    scenario = plan.at(1)
    groups = [group for block in Simulation(scenario, 3).advance(scenario.end) for group in block.groups]
    (observed,) = [group.observed["pm25"] for group in groups if "pm25" in group.observed]
    daily = np.nanmean(np.nanmean(observed, axis=0).reshape(366, 4), axis=1)  # the scenario begins with a local day
    known = np.isfinite(daily)
    assert simulated(scenario, 3, plan.targets, plan.shares) == pytest.approx(
        [(daily[known] > 37.5).sum() / known.mean()]
    )


def test_hotspots_are_those_of_the_simulation_and_follow_the_lever() -> None:
    plan = parse_plan(PLAN, "here.toml", None)
    scenario = plan.at(0.5)
    simulation = Simulation(scenario, 2)
    simulation.advance(scenario.start + 30 * 86_400)
    (season,) = simulation._shared.fires.values()
    first = scenario.start // 86_400
    ours = hotspots(scenario, "chiang-mai", 2, range(first, first + 20))
    assert ours.tolist() == season.hotspots[-len(season.hotspots) + first - simulation._shared.first :][:20]
    assert hotspots(plan.at(0.0), "chiang-mai", 2, range(first, first + 20)).sum() == 0.0


def test_no_probability_of_chiang_mai_is_shown_without_its_bias() -> None:
    known = known_of(days(49))
    assert known.shift is not None and known.shift < -5
    assert any("measured 75" in sentence and "too many" in sentence for sentence in known.sentences)
    nobody = Target("pm25", "battambang", Statistic(Kind.MEAN), 1, True, 0.5)
    assert "No measurement" in known_of(nobody).sentences[0]


@pytest.mark.parametrize(("bound", "code"), [(366, 0), (-1, 1)])
def test_the_command_answers_with_its_exit_code_and_data(tmp_path: Path, bound: int, code: int) -> None:
    file, curve = tmp_path / "solve.toml", tmp_path / "curve.csv"
    file.write_text(PLAN.replace("at_most = 49", f"at_most = {bound}"), "utf-8")
    done = CliRunner().invoke(app, ["solve", str(file), "--workers", "1", "--json", "--curve", str(curve)])
    assert done.exit_code == code
    data = json.loads(done.stdout)
    assert data["answer"]["reachable"] is (code == 0)
    assert data["measured"][0]["shift"] < 0 and data["answer_after_shift"] is not None
    assert [row["setting"] for row in data["curve"]] == [0.0, 1.0]
    assert len(curve.read_text("utf-8").splitlines()) == 3


def test_the_page_says_what_measurements_say(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "solve.toml"
    file.write_text(PLAN, "utf-8")
    solving.solve(str(file), 1, solving.Outputs())
    told = " ".join(capsys.readouterr().out.split())
    assert "measured 75" in told and "After shifting by the observed bias" in told and "Trade-off" in told


def test_processes_give_the_same_outcomes_as_one_and_a_scenario_is_found_beside_the_file(tmp_path: Path) -> None:
    short = 'extends = "chiang-mai-2024"\nname = "short"\nstart = 2024-03-01T00:00:00+07:00\nduration = "20d"\n'
    (tmp_path / "short.toml").write_text(short, "utf-8")
    plan = parse_plan(PLAN.replace("chiang-mai-2024", "short.toml"), "here.toml", tmp_path)
    told: list[tuple[int, int]] = []
    found = []
    for workers in (1, 2):
        with simulating(plan, workers, lambda *so_far: told.append(so_far)) as outcome:
            found.append(outcome([0.0, 0.5, 1.0]))
    assert found[0].shape == (3, 5, 1) and found[0].tobytes() == found[1].tobytes()
    assert (found[0][0] <= found[0][1]).all() and (found[0][1] <= found[0][2]).all() and found[0][2].sum() > 0
    assert told[-1] == (15, 15)
