from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kstest, norm

from simulator.streams import (
    DailyNormals,
    Memory,
    QuantileNoise,
    Relaxation,
    Streams,
    once,
    seed_sequence,
)

NAMES = ["rayong/aq-01", "rayong/aq-02", "rayong/aq-03"]


def test_a_stream_is_the_same_in_every_process_and_release():
    # Golden values: the digest is a stable hash and the bit generator is fixed.
    draws = Streams(42, 3).generator("chiang-mai/aq-01", "pm25/noise").integers(0, 1 << 32, 3)
    again = Streams(42, 3).generator("chiang-mai/aq-01", "pm25/noise").integers(0, 1 << 32, 3)
    assert draws.tolist() == again.tolist() == GOLDEN


def test_name_purpose_replication_and_seed_each_change_the_stream():
    streams = [
        Streams(1).generator("a", "x"),
        Streams(1).generator("b", "x"),
        Streams(1).generator("a", "y"),
        Streams(1, 1).generator("a", "x"),
        Streams(2).generator("a", "x"),
        Streams(1).generator("ax", ""),
    ]
    assert len({int(stream.integers(0, 1 << 62)) for stream in streams}) == len(streams)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(1, 40), min_size=1, max_size=8))
def test_any_division_into_blocks_gives_the_same_values(lengths):
    def make():
        return (
            QuantileNoise(Streams(5), NAMES, "noise", 3),
            QuantileNoise(Streams(5), NAMES, "noise", 6),
        )

    whole, parts = make(), make()
    for one, cut in zip(whole, parts, strict=True):
        blocks = np.concatenate([cut.render(length) for length in lengths], axis=-1)
        assert np.array_equal(one.render(sum(lengths)), blocks)


def test_the_draws_at_some_ticks_are_those_among_all():
    which = np.array([0, 3, 7])
    whole, some = (QuantileNoise(Streams(5), NAMES, "noise", 6) for _ in range(2))
    assert np.array_equal(some.render(10, which), whole.render(10)[..., which])
    assert np.array_equal(some.render(5), whole.render(5))


@dataclass
class Terms:
    fast_share: float = 0.3
    fast_hours: float = 4.0
    slow_share: float = 0.5
    slow_hours: float = 40.0
    cycle_share: float = 0.2
    cycle_hours: float = 80.0


def memory(seed=5, name="rayong", cadence=900, **terms):
    return Memory(Streams(seed), name, "haze", Terms(**terms), cadence)


@pytest.mark.parametrize("cadence", [900, 420, 86_400, 50_000])
@settings(max_examples=20, deadline=None)
@given(lengths=st.lists(st.integers(1, 300), min_size=1, max_size=6))
def test_a_memory_does_not_depend_on_the_division_into_blocks(cadence, lengths):
    times = 1_700_000_000 + cadence * np.arange(sum(lengths))
    cut = memory(cadence=cadence)
    blocks = [cut.render(part) for part in np.split(times, np.cumsum(lengths)[:-1])]
    assert np.array_equal(memory(cadence=cadence).render(times), np.concatenate(blocks))


def test_a_relaxation_has_the_variance_and_memory_of_an_ornstein_uhlenbeck_process():
    noise = QuantileNoise(Streams(1), [f"s{i}" for i in range(40)], "x", 1)
    values = Relaxation(noise.render(1)[0], 4.0, 3600, 2.0).follow(noise.render(20_000)[0])
    assert values.var() == pytest.approx(4.0, rel=0.02)
    for hours in (1, 6):
        measured = np.mean(values[:, hours:] * values[:, :-hours]) / 4.0
        assert abs(measured - np.exp(-hours / 4.0)) < 0.02


def test_a_memory_is_stationary_from_its_first_tick():
    first = np.concatenate([memory(name=f"s{i}").render(np.array([1_700_000_000])) for i in range(3000)])
    assert abs(first.var() - 1.0) < 0.08


def test_a_memory_adds_a_fast_a_slow_and_a_daily_term():
    times = 3600 * np.arange(20_000)
    values = np.array([memory(name=f"s{i}", cadence=3600).render(times) for i in range(60)])
    for hours in (0, 1, 6, 24):
        wave = np.exp(-hours / 80.0) * np.cos(2.0 * np.pi * hours / 24.0)
        expected = 0.3 * np.exp(-hours / 4.0) + 0.5 * np.exp(-hours / 40.0) + 0.2 * wave
        assert abs(np.mean(values[:, hours:] * values[:, : len(times) - hours]) - expected) < 0.03


def test_daily_normals_do_not_depend_on_the_order_of_asking():
    forward, backward = (DailyNormals(Streams(1).generator("region/north", "wet"), 100) for _ in range(2))
    assert [forward[day] for day in range(100, 130)] == [backward[day] for day in range(129, 99, -1)][::-1]


@given(st.integers(0, (1 << 200) - 1), st.lists(st.integers(0, (1 << 33) - 1), min_size=1, max_size=6))
def test_a_seed_sequence_assembled_here_is_that_of_numpy(seed, key):
    theirs = np.random.SeedSequence(seed, spawn_key=key).generate_state(8)
    assert seed_sequence(seed, tuple(key)).generate_state(8).tolist() == theirs.tolist()


def test_quantile_noise_is_standard_normal_and_independent_between_columns_names_and_ticks():
    drawn = QuantileNoise(Streams(1), NAMES, "noise", 6).render(60_000)
    assert drawn.shape == (6, 3, 60_000)
    rows = drawn.reshape(18, -1)
    assert np.abs(rows.mean(axis=1)).max() < 0.015
    assert np.abs(rows.var(axis=1) - 1.0).max() < 0.02
    assert np.abs(np.corrcoef(rows) - np.eye(18)).max() < 0.02
    assert np.abs(np.mean(rows[:, 1:] * rows[:, :-1], axis=1)).max() < 0.02
    assert kstest(drawn.ravel()[:200_000], "norm").pvalue > 0.01
    assert (np.abs(rows) > 3.5).mean() == pytest.approx(2 * norm.sf(3.5), rel=0.2)
    assert 4.2 < np.abs(rows).max() < 4.4


def test_noise_of_a_station_does_not_depend_on_the_other_stations():
    more = QuantileNoise(Streams(1), [*NAMES, "rayong/aq-04"], "noise", 3).render(50)
    assert np.array_equal(more[:, :3], QuantileNoise(Streams(1), NAMES, "noise", 3).render(50))


def test_what_is_drawn_once_has_a_column_for_each_purpose():
    luck = once(Streams(1), NAMES, ("gain", "offset"))
    assert luck["gain"].shape == luck["offset"].shape == (3, 1)
    assert len({float(value) for column in luck.values() for value in column[:, 0]}) == 6
    assert np.array_equal(once(Streams(1), NAMES[1:], ("gain", "offset"))["offset"], luck["offset"][1:])


GOLDEN = [2113968526, 915345544, 790702878]
