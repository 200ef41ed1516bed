import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kstest, norm

from simulator.streams import (
    DailyNormals,
    LongMemory,
    Persistence,
    QuantileNoise,
    Streams,
    WhiteNoise,
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
            Persistence(Streams(5), NAMES, "haze", 4.0, 900),
            WhiteNoise(Streams(5), NAMES, "noise"),
            QuantileNoise(Streams(5), NAMES, "noise", 3),
            QuantileNoise(Streams(5), NAMES, "noise", 6),
        )

    whole, parts = make(), make()
    for one, cut in zip(whole, parts, strict=True):
        blocks = np.concatenate([cut.render(length) for length in lengths], axis=-1)
        assert np.array_equal(one.render(sum(lengths)), blocks)


def test_persistence_has_the_variance_and_memory_of_an_ornstein_uhlenbeck_process():
    values = Persistence(Streams(1), [f"s{i}" for i in range(40)], "x", 4.0, 3600).render(20_000)
    assert abs(values.var() - 1.0) < 0.02
    for hours in (1, 6):
        measured = np.mean(values[:, hours:] * values[:, :-hours])
        assert abs(measured - np.exp(-hours / 4.0)) < 0.02


def test_persistence_is_stationary_from_its_first_tick():
    first = Persistence(Streams(1), [f"s{i}" for i in range(4000)], "x", 100.0, 900).render(1)
    assert abs(first.var() - 1.0) < 0.07


def test_long_memory_adds_a_fast_and_a_slow_term():
    values = LongMemory(Streams(1), [f"s{i}" for i in range(60)], 0.5, (4.0, 80.0), 3600).render(10_000)
    for hours in (1, 6, 24):
        expected = 0.5 * np.exp(-hours / 4.0) + 0.5 * np.exp(-hours / 80.0)
        assert abs(np.mean(values[:, hours:] * values[:, :-hours]) - expected) < 0.03


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
