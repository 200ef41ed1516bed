"""The faults of a scenario file: read whole, or every error at once with its path and a suggestion."""

from datetime import UTC, datetime

import pytest
from fault_runs import SMALL, scenario

from collector.language.errors import InputError
from simulator.faults.kinds import KINDS, Family
from simulator.scenario import ScenarioError, load_scenario, new_scenario, shipped_scenarios
from simulator.scenario_faults import Place, fault_of, lines_of

START = 1_772_323_200


def errors(faults: str) -> tuple[str, ...]:
    with pytest.raises(ScenarioError) as caught:
        scenario(faults)
    return caught.value.errors


def test_a_scenario_without_faults_has_the_digest_it_always_had() -> None:
    assert load_scenario("demo").digest == "40d5926f634b9d04c883558a98148b5f97b8fa2236627115a8c521f74f05f12f"
    assert not any(load_scenario(name).faults for name in shipped_scenarios())
    assert scenario('[[faults]]\nfault = "lost"\n').digest != scenario().digest


@pytest.mark.parametrize("kind", KINDS)
def test_a_fault_needs_no_more_than_its_kind(kind: str) -> None:
    (found,) = scenario(f'[[faults]]\nfault = "{kind}"\n').faults
    assert (found.id, found.since, found.until) == ("f1", START, None)
    assert set(found.parameters) == {parameter.name for parameter in KINDS[kind].parameters}
    assert kind in next(lines_of([found]))
    assert KINDS[kind].explanation.endswith(".")


def test_windows_are_given_by_times_or_by_lengths() -> None:
    def window(text: str) -> tuple[int, int | None]:
        (found,) = scenario(f'[[faults]]\nfault = "lost"\n{text}\n').faults
        return found.since - START, None if found.until is None else found.until - START

    assert window('after = "1h"\nfor = "2h"') == (3_600, 10_800)
    assert window("from = 2026-03-01T01:00:00Z\nuntil = 2026-03-01T03:00:00Z") == (3_600, 10_800)
    assert window('from = "2026-03-01T08:00:00+07:00"\nfor = "2h"') == (3_600, 10_800)
    assert window("from = 2020-01-01") == (0, None)


def test_faults_move_with_the_start_of_the_scenario() -> None:
    moved = scenario('[[faults]]\nfault = "lost"\nafter = "1h"\nfor = "1h"').starting(START + 86_400)
    assert [(fault.since, fault.until) for fault in moved.faults] == [(START + 90_000, START + 93_600)]


def test_every_error_is_told_at_once_with_its_path() -> None:
    found = errors(
        '[[faults]]\nfault = "stuk"\n'
        '[[faults]]\nfault = "bias"\npercnt = 3\noffset = "much"\nprobability = 0\ncity = "bangkook"\n'
        '[[faults]]\nid = "f2"\nfault = "clock-skew"\nindicator = "pm2"\nkind = "air_qality"\npillar = "x"\n'
        'station = "A B"\nfrom = 3\nafter = "1h"\n'
        '[[faults]]\nfault = "kill"\nfor = "1h"\nprobability = 0.5\n'
        '[[faults]]\nfault = "lost"\nuntil = 2026-02-01\n'
        '[[faults]]\nid = "No Good"\n'
    )
    assert {error.partition(": ")[0] for error in found} == {
        "faults[0].fault", "faults[1].percnt", "faults[1].offset", "faults[1].probability", "faults[1].city",
        "faults[2].id", "faults[2].indicator", "faults[2].kind", "faults[2].pillar", "faults[2].station",
        "faults[2].from", "faults[2].after", "faults[3].for", "faults[3].probability", "faults[4].until",
        "faults[5].fault",
    }  # fmt: skip
    told = "\n".join(found)
    assert 'unknown fault "stuk"; did you mean stuck?' in told
    assert 'unknown key "percnt"; did you mean percent' in told
    assert 'unknown kind of station "air_qality"; did you mean air-quality' in told
    assert "a fault of kind clock-skew concerns whole stations" in told
    assert "happens at a moment; leave for out" in told


def test_a_command_is_read_as_the_file_is() -> None:
    place = Place(START, ("rayong",), ("air_quality",))
    found = fault_of({"fault": "bias", "percent": 5, "for": "1h", "kind": "air-quality"}, place, "live-1")
    assert (found.id, found.until, found.parameters) == ("live-1", START + 3_600, {"offset": None, "percent": 5.0})
    with pytest.raises(InputError) as caught:
        fault_of({"fault": "bias", "percent": "5", "city": "yangon"}, place, "live-1")
    assert len(str(caught.value).splitlines()) == 2


def test_the_example_in_the_template_is_a_fault() -> None:
    text = new_scenario("my-plan")
    example = text[text.index("# [[faults]]") :].replace("# ", "", 1).replace("\n# ", "\n")
    (found,) = scenario(example, SMALL).faults
    assert found.fault == "stuck"
    assert datetime.fromtimestamp(found.since, UTC).hour == 6


def test_kinds_of_connections_act_once_and_the_others_have_a_probability() -> None:
    assert {kind.probability is None for kind in KINDS.values() if kind.family is Family.CONNECTION} == {True}
    assert all(kind.probability for kind in KINDS.values() if kind.family is not Family.CONNECTION)
