"""Designs: seeded, in a stable order, within their ranges."""

import numpy as np
import pytest

from collector.answers.designs import Factor, grid, latin_hypercube, one_at_a_time, sobol_points

BURNING = Factor("assumptions.burning_severity", 0.3, 1.2, base=1.0)
CREWS = Factor("policies.crews", 0, 3, base=1, whole=True)


def test_a_grid_has_every_combination_once_the_last_factor_fastest() -> None:
    found = grid([BURNING, Factor("x", values=(5.0, 1.0))], levels=2)
    assert found.rows.tolist() == [[0.3, 5.0], [0.3, 1.0], [1.2, 5.0], [1.2, 1.0]]
    assert found.names == ("grid-0", "grid-1", "grid-2", "grid-3")


def test_a_latin_hypercube_has_one_row_in_each_share_of_each_range() -> None:
    found = latin_hypercube([BURNING, Factor("y", -1, 1)], 16, seed=2)
    for place, factor in enumerate(found.factors):
        shares = (found.rows[:, place] - factor.low) / (factor.high - factor.low)
        assert sorted(np.floor(shares * 16).tolist()) == list(range(16))


def test_sobol_points_come_in_powers_of_two_and_whole_settings_are_even() -> None:
    found = sobol_points([BURNING, CREWS], 60, seed=3)
    assert found.rows.shape == (64, 2)
    assert np.bincount(found.rows[:, 1].astype(int)).tolist() == [16, 16, 16, 16]


@pytest.mark.parametrize("design", [latin_hypercube, sobol_points])
def test_the_seed_alone_decides(design) -> None:
    factors = [BURNING, CREWS]
    assert (design(factors, 8, 1).rows == design(factors, 8, 1).rows).all()
    assert not (design(factors, 8, 1).rows == design(factors, 8, 2).rows).all()


def test_one_at_a_time_changes_one_factor_by_the_percentage() -> None:
    found = one_at_a_time([BURNING, Factor("y", base=-10)], percent=20)
    assert found.rows.tolist() == [[1, -10], [0.8, -10], [1.2, -10], [1, -12], [1, -8]]
    assert found.names[:3] == ("base", "assumptions.burning_severity low", "assumptions.burning_severity high")
    assert one_at_a_time([BURNING]).rows.tolist() == [[1.0], [0.3], [1.2]]


def test_what_cannot_be_designed_is_refused() -> None:
    with pytest.raises(ValueError, match=r"missing of x"):
        one_at_a_time([Factor("x", 0, 1)], 10)
    with pytest.raises(ValueError, match="combinations"):
        grid([BURNING] * 6, levels=10)
