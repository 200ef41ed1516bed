"""Days over a limit, totals and means of replications."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.answers.totals import Kind, Statistic

DAYS = np.array([[10.0, 40.0, 50.0, 37.5], [90.0, np.nan, 38.0, 1.0]])


def test_days_over_a_limit_are_counted_and_a_missing_day_counts_as_the_others_do() -> None:
    over = Statistic(Kind.COUNT_OVER, 37.5)
    assert over.of("pm25", DAYS).tolist() == pytest.approx([2.0, 2.0 * 4 / 3])
    assert over.unit("pm25") == "days" and over.unit("pm25", 3600.0) == "hours"


def test_days_under_a_limit_exclude_the_limit() -> None:
    assert Statistic(Kind.COUNT_UNDER, 37.5).of("pm25", DAYS)[0] == 1.0


def test_power_adds_up_to_energy_by_its_hours() -> None:
    total = Statistic(Kind.TOTAL)
    assert total.of("electricity_demand", np.full((1, 48), 100.0), 1800.0).tolist() == [2400.0]
    assert total.unit("electricity_demand") == "MWh"
    assert total.of("rain", np.full((1, 2), 0.5)).tolist() == [24.0] and total.unit("rain") == "mm"


def test_amounts_add_up_as_they_are() -> None:
    assert Statistic(Kind.TOTAL).of("digital_payments", np.array([[3.0, 4.0]])).tolist() == [7.0]


def test_what_cannot_be_added_up_is_refused() -> None:
    with pytest.raises(ValueError, match="means nothing"):
        Statistic(Kind.TOTAL).of("pm25", DAYS)


@pytest.mark.parametrize(("kind", "wanted"), [(Kind.MEAN, 34.375), (Kind.MEDIAN, 38.75), (Kind.P95, 48.5)])
def test_means_and_percentiles_are_those_of_numpy(kind: Kind, wanted: float) -> None:
    assert Statistic(kind).of("pm25", DAYS)[0] == pytest.approx(wanted)


@pytest.mark.parametrize("kind", list(Kind))
def test_a_replication_without_values_has_no_statistic(kind: Kind) -> None:
    assert np.isnan(Statistic(kind, 1.0).of("rain", np.full((1, 3), np.nan))).all()


@given(st.lists(st.floats(0, 1e3), min_size=1, max_size=30), st.sampled_from(list(Kind)), st.randoms())
def test_the_order_of_the_days_is_irrelevant(days: list[float], kind: Kind, luck) -> None:
    shuffled = list(days)
    luck.shuffle(shuffled)
    one, other = (Statistic(kind, 37.5).of("rain", np.array([each])) for each in (days, shuffled))
    assert one == pytest.approx(other)
