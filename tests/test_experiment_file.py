"""The experiment file: every error at once, each with its place; designs; what was shipped."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from experiments import EXPERIMENT, files

from collector.answers.designs import MOST_ROWS
from collector.answers.sensitivity import sobol_design
from collector.answers.totals import Kind
from collector.language.errors import InputError
from nakhon.experimenting.asked import cost_of
from nakhon.experimenting.experiment_file import load_experiment, parse_experiment, shipped_experiments
from nakhon.experimenting.plan import Experiment
from nakhon.experimenting.plan_data import plan_as_data, what_differs
from simulator.experiment import gathered

BASE = 'name = "x"\nscenario = "burning-ban"\n'
SEVERITY = '\n[[design.factors]]\npath = "assumptions.burning_severity"\n'
RAIN = '\n[[design.factors]]\npath = "assumptions.rainfall"\n'
ONE = '[[variants]]\nname = "a"\nset = { "assumptions.rainfall" = 0.5 }\n'


def errors(text: str) -> str:
    with pytest.raises(InputError) as raised:
        parse_experiment(text, "x.toml")
    return str(raised.value)


def designed(text: str) -> Experiment:
    return parse_experiment(BASE + text, "x.toml")


def test_the_scenario_itself_is_the_baseline_and_comes_first(tmp_path: Path) -> None:
    plan = load_experiment(files(tmp_path))
    assert [one.name for one in plan.variants] == ["baseline", "half"]
    assert plan.baseline.scenario.assumptions.burning_severity == 1.0
    assert plan.variants[1].scenario.assumptions.burning_severity == 0.5
    assert plan.variants[1].scenario.digest != plan.baseline.scenario.digest
    assert (plan.bucket, plan.warm_up, plan.indicators) == (86_400, 0, ())


def test_all_errors_are_told_at_once_each_with_its_place_and_a_suggestion() -> None:
    wrong = BASE + (
        'replication = 3\nbucket = "7h"\nwarm_up = "soon"\nindicators = ["pm2.5"]\n'
        '[[variants]]\nname = "No Good"\n'
        '[[variants]]\nname = "b"\nset = { "assumptions.rain" = 1 }\n'
        '[[targets]]\nindicator = "pm25"\ncity = "chiangmai"\nstatistic = "mean"\nat_most = 1\nsource = "x"\n'
        '[[targets]]\nindicator = "pm25"\ncity = "lampang"\nstatistic = "total"\nat_most = 1\nat_least = 1\n'
        '[[costs]]\nvariant = "c"\namount = "much"\ncurrency = "THB"\n'
        '[stop]\nindicator = "pm25"\ncity = "lampang"\nstatistic = "mean"\n'
    )
    said = errors(wrong)
    for expected in (
        'x.toml: replication: unknown key "replication"; did you mean replications',
        'x.toml: bucket: expected a length that divides a day in whole half hours, like "1d" or "1h", came "7h"',
        'x.toml: warm_up: expected a length of time like "0d" or "30d", came "soon"',
        'x.toml: indicators[0]: unknown indicator of these stations "pm2.5"; did you mean pm25',
        "x.toml: variants[0].name: expected a name",
        'x.toml: variants[1]: burning-ban.toml: assumptions.rain: unknown key "rain"',
        'x.toml: targets[0].city: unknown city of this scenario "chiangmai"; did you mean chiang-mai',
        "x.toml: targets[1].source: missing",
        "x.toml: targets[1].at_most: expected either at_most or at_least, came both",
        "x.toml: targets[1].statistic: a total of pm25",
        'x.toml: costs[0].variant: unknown variant "c"',
        'x.toml: costs[0].amount: expected a number from -1e+12 to 1e+12, came "much"',
        "x.toml: costs[0].source: expected either source or assumption",
        "x.toml: stop.half_width: expected half_width, relative or both",
    ):
        assert expected in said, said


def test_what_is_wrong_with_all_settings_of_a_design_is_told_a_few_times() -> None:
    wrong = SEVERITY.replace("burning_severity", "burning") + "low=0\nhigh=1\n"
    said = errors(BASE + '[design]\nkind = "grid"\nlevels = 30' + wrong).splitlines()
    assert len(said) <= 7 and said[5] == "x.toml: design: and 25 more, mostly of the same kind"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("x = [", "expected TOML"),
        (ONE, "name: missing"),
        ('name = "x"\nscenario = "burning-bann"\n', "did you mean burning-ban"),
        (BASE, "expected at least one beside the baseline"),
        (BASE + ONE + ONE, "expected another name"),
        (BASE + '[[variants]]\nname = "a"\nscenario = "baseline"\n', "expected the end of the baseline"),
        (BASE + '[[variants]]\nname = "a"\nset.seed = 5\n', "expected the seed of the baseline"),
        (BASE + 'warm_up = "400d"\n' + ONE, "between the warm-up and the end"),
        (BASE + 'replications=9999\n[design]\nkind = "grid"\nlevels = 20' + SEVERITY + "low=0\nhigh=1\n", "runs"),
        (BASE + '[design]\nkind = "gird"' + SEVERITY + "low=0\nhigh=1\n", "did you mean grid"),
        (BASE + '[design]\nkind = "grid"\n', "factors: expected at least one"),
        (BASE + '[design]\nkind = "grid"' + SEVERITY + "low=1\nhigh=1\n", "expected low < high"),
        (BASE + '[design]\nkind = "grid"' + SEVERITY + "low=0\nhigh=99\n", "expected a number from 0 to 10"),
        (BASE + '[design]\nkind = "sobol-indices"\nsamples = 5' + SEVERITY + "low=0\nhigh=1\n", "power of two"),
        (BASE + '[design]\nkind = "list"' + SEVERITY + "values = [1, 2]\n" + RAIN + "values = [1]\n", "as many of all"),
        (
            BASE + '[design]\nkind = "one-at-a-time"\n[[design.factors]]\npath = "interventions[expo].strength"\n'
            "low=0\nhigh=1\n",
            "expected the usual value",
        ),
        (
            BASE + '[design]\nkind = "one-at-a-time"\npercent = 20\n[[design.factors]]\npath = "policies.crews"\n',
            "a percentage of 0 is 0",
        ),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(text: str, complaint: str) -> None:
    assert complaint in errors(text)


def test_a_path_in_quotes_and_one_with_dots_mean_the_same() -> None:
    quoted, dotted = designed(ONE), designed('[[variants]]\nname = "a"\nset.assumptions.rainfall = 0.5\n')
    assert quoted.variants[1].scenario.digest == dotted.variants[1].scenario.digest


def test_one_at_a_time_begins_with_the_baseline_and_moves_one_factor_in_each_variant() -> None:
    plan = designed('[design]\nkind = "one-at-a-time"\npercent = 20\n' + SEVERITY + RAIN + "[[design.factors]]\n"
                    'path = "interventions[burning-ban].strength"\n')  # fmt: skip
    names = ["baseline"] + [f"{one}-{end}" for one in ("burning-severity", "rainfall", "burning-ban-strength")
                            for end in ("low", "high")]  # fmt: skip
    assert [one.name for one in plan.variants] == names
    assert plan.design is not None and plan.design.variants == tuple(names)
    moved = [dict(one.settings) for one in plan.variants]
    assert moved[0] == {} and all(len(one) == 1 for one in moved[1:])
    assert moved[1] == {"assumptions.burning_severity": 0.8} and moved[2] == {"assumptions.burning_severity": 1.2}


@pytest.mark.parametrize(("kind", "count"), [("grid", 9), ("latin-hypercube", 8), ("sobol", 8), ("morris", 24)])
def test_a_design_makes_its_variants_and_remembers_their_rows(kind: str, count: int) -> None:
    plan = designed(f'[design]\nkind = "{kind}"\nsamples = 8{SEVERITY}low = 0.2\nhigh = 1{RAIN}low = 0.5\nhigh = 2\n')
    assert plan.design is not None and len(plan.variants) == 1 + count
    for name, row in zip(plan.design.variants, plan.design.rows, strict=True):
        made = next(one for one in plan.variants if one.name == name).scenario.assumptions
        assert (made.burning_severity, made.rainfall) == row
        assert 0.2 <= made.burning_severity <= 1 and 0.5 <= made.rainfall <= 2
    again = designed(f'[design]\nkind = "{kind}"\nsamples = 8{SEVERITY}low = 0.2\nhigh = 1{RAIN}low = 0.5\nhigh = 2\n')
    assert again == plan


def test_the_rows_of_sobol_indices_are_those_that_the_analysis_expects() -> None:
    plan = designed(
        f'[design]\nkind = "sobol-indices"\nsamples = 4{SEVERITY}low = 0\nhigh = 1{RAIN}low = 0\nhigh = 2\n'
    )
    assert plan.design is not None
    expected = sobol_design(plan.design.factors, 4, plan.baseline.scenario.seed)
    assert np.array_equal(np.array(plan.design.rows), expected) and len(expected) <= MOST_ROWS


def test_a_list_takes_the_values_of_all_factors_side_by_side() -> None:
    plan = designed(f'[design]\nkind = "list"{SEVERITY}values = [0.5, 0.2]{RAIN}values = [1, 2]\n')
    assert [dict(one.settings) for one in plan.variants[1:]] == [
        {"assumptions.burning_severity": 0.5, "assumptions.rainfall": 1.0},
        {"assumptions.burning_severity": 0.2, "assumptions.rainfall": 2.0},
    ]


def test_costs_add_up_for_a_variant_and_by_the_units_of_a_factor() -> None:
    plan = designed(
        f'[design]\nkind = "grid"\nlevels = 2\n[[design.factors]]\npath = "policies.crews"\nlow = 1\nhigh = 3\n{ONE}'
        '[[costs]]\nfactor = "policies.crews"\namount = 10\nquantity = 2\ncurrency = "THB"\nsource = "s"\n'
        '[[costs]]\nvariant = "a"\namount = 7\ncurrency = "THB"\nassumption = "s"\n'
    )
    assert [cost_of(plan.costs, one, plan.design) for one in plan.variants] == [None, 7.0, 20.0, 60.0]


def test_targets_and_the_stopping_rule_are_read() -> None:
    plan = designed(
        f'{ONE}[[targets]]\nindicator = "pm25"\ncity = "lampang"\ncount_over = 37.5\nat_least = 3\nsource = "s"\n'
        '[stop]\nindicator = "pm25"\ncity = "lampang"\nstatistic = "mean"\nrelative = 0.1\nleast = 4\nmost = 60\n'
    )
    (target,) = plan.targets
    assert (target.statistic.kind, target.statistic.limit, target.at_most, target.probability) == (
        Kind.COUNT_OVER, 37.5, False, 0.8,
    )  # fmt: skip
    (stop,) = plan.stop
    assert (stop.rule.least, stop.rule.most, plan.most) == (4, 60, 60)


def test_what_differs_is_what_changes_results_and_not_words_or_replications(tmp_path: Path) -> None:
    plan = load_experiment(files(tmp_path))
    before = plan_as_data(plan)
    assert what_differs(before, plan_as_data(replace(plan, title="Other", replications=9, question="?"))) == []
    (tmp_path / "fires.toml").write_text(EXPERIMENT.format(replications=2).replace("0.5", "0.4"))
    changed = what_differs(before, plan_as_data(load_experiment(tmp_path / "fires.toml")))
    assert changed == ["variants.half.assumptions.burning_severity: 0.5 there, 0.4 in this plan"]
    assert what_differs(before, plan_as_data(replace(plan, bucket=3_600))) == [
        "bucket_seconds: 86400 there, 3600 in this plan"
    ]


def test_a_file_that_is_not_there_or_not_text_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no such file.*did you mean burning-ban"):
        load_experiment(tmp_path / "burning-bann")
    (tmp_path / "x.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="expected UTF-8"):
        load_experiment(tmp_path / "x.toml")


@pytest.mark.parametrize("name", shipped_experiments())
def test_every_shipped_experiment_is_read_and_its_variants_run_short(name: str) -> None:
    plan = load_experiment(name)
    assert plan.question and plan.targets and all(one.source for one in plan.targets)
    assert plan_as_data(plan)["name"] == name
    for one in plan.variants:
        short = replace(one.scenario, end=one.scenario.start + 3 * 86_400, cities=one.scenario.cities[:1])
        assert any(np.isfinite(found.values).any() for found in gathered(short, 0, plan.indicators))
