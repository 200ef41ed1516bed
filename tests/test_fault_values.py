"""Faults of values: each does what it says, to its target, in its window, and to nothing else."""

import numpy as np
import pytest
from fault_runs import SMALL, TWO, Sink, run, scenario, series

from collector.language.ledger import Effect
from collector.language.messages import Event, Readings
from simulator.faults.conversions import CONVERSIONS, conversion_of

START = 1_772_323_200  # 2026-03-01T00:00:00Z
HOUR = 3_600
AT = ("rayong", "wx-01", "air_temperature")
WINDOW = 'after = "6h"\nfor = "6h"\n'


@pytest.fixture(scope="module")
def plain() -> Sink:
    return run(scenario())


def faulty(kind: str, more: str = "", target: str = 'station = "wx-01"', pack: int = 1, head: str = SMALL) -> Sink:
    return run(scenario(f'[[faults]]\nfault = "{kind}"\n{target}\n{WINDOW}{more}', head), pack=pack)


def within(time: int) -> bool:
    return START + 6 * HOUR <= time < START + 12 * HOUR


def changed(plain: Sink, other: Sink) -> set[tuple[str, str, str]]:
    """The series that differ."""
    names = {
        (message.address.city, message.address.station, name)
        for message, _ in plain.ledger
        if isinstance(message.body, Readings)
        for name in message.body.columns
    }
    return {name for name in names if series(plain, *name) != series(other, *name)}


def pair(plain: Sink, other: Sink, name: str = "air_temperature") -> tuple[dict[int, float], dict[int, float]]:
    true, told = series(plain, "rayong", "wx-01", name), series(other, "rayong", "wx-01", name)
    assert {time: told[time] for time in told if not within(time)} == {
        time: true[time] for time in true if not within(time)
    }
    return (
        {time: value for time, value in true.items() if within(time)},
        {time: value for time, value in told.items() if within(time)},
    )


def test_a_stuck_sensor_says_its_first_value_again_and_only_it_is_stuck(plain: Sink) -> None:
    other = faulty("stuck", 'indicator = "air_temperature"')
    true, told = pair(plain, other)
    assert set(told.values()) == {true[min(true)]}
    assert len(set(true.values())) > 3
    assert changed(plain, other) == {("rayong", "wx-01", "air_temperature")}


def test_a_sensor_can_be_stuck_at_a_value_that_is_given(plain: Sink) -> None:
    _true, told = pair(plain, faulty("stuck", 'indicator = "air_temperature"\nvalue = -40'))
    assert set(told.values()) == {-40.0}


def test_drift_grows_with_the_days(plain: Sink) -> None:
    true, told = pair(plain, faulty("drift", "per_day = 2.4"))
    for time, value in true.items():
        assert told[time] == pytest.approx(value + 2.4 * (time - START - 6 * HOUR) / 86_400, abs=1e-5)
    true, told = pair(plain, faulty("drift"))
    last = max(true)
    assert told[last] == pytest.approx(true[last] * (1 + 0.05 * (last - START - 6 * HOUR) / 86_400), abs=1e-5)


@pytest.mark.parametrize(
    ("more", "share", "offset"), [("", 1.2, 0.0), ("offset = 3", 1.0, 3.0), ("percent = -50", 0.5, 0.0)]
)
def test_a_bias_adds_and_multiplies(plain: Sink, more: str, share: float, offset: float) -> None:
    true, told = pair(plain, faulty("bias", more))
    assert told == pytest.approx({time: value * share + offset for time, value in true.items()}, abs=1e-5)


def test_spikes_are_few_and_far_away(plain: Sink) -> None:
    true, told = pair(plain, faulty("spike", "probability = 0.2"))
    spikes = [time for time in true if told[time] != true[time]]
    assert 0 < len(spikes) < len(true) / 2
    assert all(told[time] == pytest.approx(true[time] * 6, abs=1e-5) for time in spikes)


def test_noise_has_the_standard_deviation_that_was_asked_for(plain: Sink) -> None:
    true, told = pair(plain, faulty("noise", "sd = 2.0"))
    errors = np.array([told[time] - true[time] for time in true])
    assert 1.0 < errors.std() < 3.0
    assert len(set(errors)) == len(errors)


def test_a_wrong_unit_is_that_of_the_indicator_and_leaves_others_alone(plain: Sink) -> None:
    other = faulty("wrong-unit", 'conversion = "celsius-to-fahrenheit"')
    true, told = pair(plain, other)
    assert told == pytest.approx({time: value * 1.8 + 32 for time, value in true.items()}, abs=1e-5)
    assert changed(plain, other) == {("rayong", "wx-01", "air_temperature")}
    usual = changed(plain, faulty("wrong-unit"))
    assert {"air_temperature", "relative_humidity", "wind_speed"} <= {name for _, _, name in usual}


@pytest.mark.parametrize("name", CONVERSIONS)
def test_a_conversion_changes_a_value_and_needs_its_unit(name: str) -> None:
    found = conversion_of(name, CONVERSIONS[name].unit)
    assert found is CONVERSIONS[name]
    assert 7.0 * found.factor + found.offset != 7.0
    assert conversion_of(name, "stars") is None


@pytest.mark.parametrize("pack", [1, 8])
@pytest.mark.parametrize("offset", [300, -7_200])
def test_a_wrong_clock_moves_all_times_of_its_station(plain: Sink, pack: int, offset: int) -> None:
    other = faulty("clock-skew", f"offset = {offset}", pack=pack)
    true = series(plain, "rayong", "wx-01", "air_temperature")
    expected: dict[int, list[float]] = {}
    for time, value in true.items():
        expected.setdefault(time + offset * within(time), []).append(value)
    told = series(other, "rayong", "wx-01", "air_temperature")
    assert set(told) == set(expected)
    assert all(value in expected[time] for time, value in told.items())
    for message, _ in other.ledger:
        if isinstance(message.body, Readings):
            assert (np.diff(message.body.times.view(np.int64)) > 0).all()


def test_a_clock_that_drifts_gains_with_time(plain: Sink) -> None:
    other = faulty("clock-skew", "offset = 0\nppm = 10000")
    told = set(series(other, "rayong", "wx-01", "air_temperature"))
    true = series(plain, "rayong", "wx-01", "air_temperature")
    assert told == {time + round(0.01 * (time - START - 6 * HOUR)) * within(time) for time in true}


def test_events_have_the_wrong_clock_too(plain: Sink) -> None:
    other = faulty("clock-skew", "offset = 7", target='city = "rayong"')
    true = [m.body.time for m, _ in plain.ledger if isinstance(m.body, Event) and m.address.city == "rayong"]
    told = [m.body.time for m, _ in other.ledger if isinstance(m.body, Event) and m.address.city == "rayong"]
    moved = [(there - here).astype(int) for here, there in zip(sorted(true), sorted(told), strict=True)]
    assert set(moved) == {0, 7}


@pytest.mark.parametrize("pack", [1, 16])
def test_a_silent_station_says_nothing_and_numbers_nothing(plain: Sink, pack: int) -> None:
    other = faulty("silence", pack=pack)
    true, told = pair(plain, other)
    assert true
    assert not told
    assert other.numbers()["rayong/environment/wx-01"] == list(range(len(other.numbers()["rayong/environment/wx-01"])))
    assert other.notes[-1].facts["acted"] == len(true)


def test_silence_of_an_indicator_leaves_the_others(plain: Sink) -> None:
    other = faulty("silence", 'indicator = "rain"')
    assert changed(plain, other) == {("rayong", "wx-01", "rain")}
    assert not pair(plain, other, "rain")[1]


@pytest.mark.parametrize("kind", ["stuck", "drift", "bias", "spike", "noise", "clock-skew", "silence", "wrong-unit"])
def test_a_pack_carries_the_same_faulty_values_as_ticks(kind: str) -> None:
    ticks, packs = faulty(kind, "probability = 0.5"), faulty(kind, "probability = 0.5", pack=12)
    for name in ("air_temperature", "rain"):
        assert series(ticks, "rayong", "wx-01", name) == series(packs, "rayong", "wx-01", name)


def test_targets_narrow_by_city_pillar_kind_station_and_indicator() -> None:
    true = run(scenario("", TWO))

    def hit(target: str) -> set[tuple[str, str, str]]:
        return changed(true, faulty("bias", "", target, head=TWO))

    assert {city for city, _, _ in hit("")} == {"chiang-mai", "rayong"}
    assert {city for city, _, _ in hit('city = "chiang-mai"')} == {"chiang-mai"}
    assert {name for _, _, name in hit('pillar = "economy"')} >= {"traffic_flow", "electricity_demand"}
    assert {station for _, station, _ in hit('kind = "air-quality"')} == {"aq-01", "aq-02"}
    assert {station for _, station, _ in hit('station = "aq-*"')} == {"aq-01", "aq-02"}
    assert {name for _, _, name in hit('indicator = "pm25"')} == {"pm25"}


def test_faults_of_one_station_act_in_the_order_in_which_they_stand(plain: Sink) -> None:
    aimed = f'city = "rayong"\nstation = "wx-01"\nindicator = "air_temperature"\n{WINDOW}'
    add, double = (
        f'[[faults]]\nfault = "bias"\n{aimed}offset = 10\n',
        f'[[faults]]\nfault = "bias"\n{aimed}percent = 100\n',
    )
    true, told = pair(plain, run(scenario(add + double)))
    assert told == pytest.approx({time: (value + 10) * 2 for time, value in true.items()}, abs=1e-5)
    true, told = pair(plain, run(scenario(double + add)))
    assert told == pytest.approx({time: value * 2 + 10 for time, value in true.items()}, abs=1e-5)


def test_the_order_is_that_of_the_file_not_that_of_the_beginnings(plain: Sink) -> None:
    aimed = 'city = "rayong"\nstation = "wx-01"\nindicator = "air_temperature"\n'
    first = f'[[faults]]\nfault = "bias"\n{aimed}after = "6h"\nfor = "6h"\noffset = 10\n'
    second = f'[[faults]]\nfault = "bias"\n{aimed}after = "5h"\nfor = "7h"\npercent = 100\n'
    true, told = series(plain, *AT), series(run(scenario(first + second)), *AT)
    assert all(told[time] == pytest.approx((true[time] + 10) * 2, abs=1e-5) for time in true if within(time))


def test_a_fault_does_not_change_the_luck_of_another(plain: Sink) -> None:
    aimed = f'city = "rayong"\nstation = "wx-01"\n{WINDOW}'
    noise = f'[[faults]]\nfault = "noise"\nid = "n"\n{aimed}'
    silence = f'[[faults]]\nfault = "spike"\nid = "s"\nstation = "aq-*"\n{WINDOW}'
    alone, both = run(scenario(noise)), run(scenario(silence + noise))
    assert pair(plain, alone)[1] == pair(plain, both)[1]


def test_the_ledger_names_the_messages_whose_values_were_changed(plain: Sink) -> None:
    other = faulty("bias", 'indicator = "air_temperature"')
    named = other.named(Effect.NONE)["rayong/environment/wx-01"]
    at_all = {
        message.seq: payload
        for message, payload in plain.ledger
        if message.address.station == "wx-01" and message.address.city == "rayong"
    }
    told = {
        message.seq: message.body
        for message, _ in other.ledger
        if message.address.station == "wx-01" and message.address.city == "rayong"
    }
    assert len(at_all) == len(told)
    times = {seq: body.times.astype(np.int64).item() for seq, body in told.items() if isinstance(body, Readings)}
    assert named == {seq for seq, time in times.items() if within(time)}
