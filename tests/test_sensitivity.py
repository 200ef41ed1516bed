"""Which factors matter, on functions whose answer is known."""

import numpy as np
import pytest

from collector.answers.designs import Factor
from collector.answers.sensitivity import morris, morris_design, sobol, sobol_design, tornado

ISHIGAMI = tuple(Factor(f"x{number}", -np.pi, np.pi) for number in (1, 2, 3))
LINEAR = (Factor("a", 0, 2), Factor("b", -1, 1), Factor("c", 10, 20))


def test_sobols_indices_of_ishigamis_function_are_the_published_ones() -> None:
    """Ishigami and Homma 1990 with a = 7, b = 0.1: S1 = .3139, .4424, 0; ST = .5576, .4424, .2437."""
    rows = sobol_design(ISHIGAMI, 1024, seed=1)
    one, two, three = rows.T
    found = {
        index.path: index
        for index in sobol(ISHIGAMI, np.sin(one) + 7 * np.sin(two) ** 2 + 0.1 * three**4 * np.sin(one))
    }
    first = [found[name].first for name in ("x1", "x2", "x3")]
    total = [found[name].total for name in ("x1", "x2", "x3")]
    assert [each.value for each in first] == pytest.approx([0.3139, 0.4424, 0.0], abs=0.03)
    assert [each.value for each in total] == pytest.approx([0.5576, 0.4424, 0.2437], abs=0.03)
    for each, truth in zip([*first, *total], [0.3139, 0.4424, 0.0, 0.5576, 0.4424, 0.2437], strict=True):
        assert each.low <= truth <= each.high


def test_elementary_effects_of_a_linear_model_are_its_slopes_over_the_ranges() -> None:
    rows = morris_design(LINEAR, 10, seed=1)
    found = {effect.path: effect for effect in morris(LINEAR, rows, rows @ np.array([3.0, -1.0, 0.0]))}
    assert [found[name].mean for name in "abc"] == pytest.approx([6.0, -2.0, 0.0], abs=1e-9)
    assert [found[name].strength.value for name in "abc"] == pytest.approx([6.0, 2.0, 0.0], abs=1e-9)
    assert [found[name].spread for name in "abc"] == pytest.approx([0.0, 0.0, 0.0], abs=1e-9)


@pytest.mark.parametrize("design", [sobol_design, morris_design])
def test_a_design_is_the_same_for_the_same_seed_and_stays_in_its_ranges(design) -> None:
    rows = design(LINEAR, 8, seed=3)
    assert (rows == design(LINEAR, 8, seed=3)).all() and not (rows == design(LINEAR, 8, seed=4)).all()
    assert all(
        (factor.low <= column).all() and (column <= factor.high).all()
        for factor, column in zip(LINEAR, rows.T, strict=True)
    )


def test_a_tornado_has_the_longest_bar_first() -> None:
    base = np.random.default_rng(1).normal(0, 1, 20)
    outcomes = np.array([base, base - 1, base + 1, base - 5, base + 2])
    found = tornado(["small", "large"], outcomes)
    assert [bar.path for bar in found] == ["large", "small"]
    assert [bar.swing for bar in found] == pytest.approx([7.0, 2.0])
    assert found[0].low.difference.value == pytest.approx(-5.0)


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="power of two"):
        sobol_design(LINEAR, 12, seed=1)
    with pytest.raises(ValueError, match="all the same"):
        sobol(LINEAR, np.ones(5 * 8))
    with pytest.raises(ValueError, match="expected 3 rows"):
        tornado(["a"], np.zeros((2, 5)))
