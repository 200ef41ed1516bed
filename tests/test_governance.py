import numpy as np
import pytest

from simulator import governance
from tests.reference import models


@pytest.mark.parametrize(("years", "share"), models.BASS)
def test_adoption_follows_the_bass_model(years, share):
    assert governance.eservice_adoption(years, 0.03, 0.38, 100.0) / 100 == pytest.approx(share, abs=2e-5)


def test_adoption_continues_from_where_it_is():
    whole = governance.eservice_adoption(5.0, 0.03, 0.38, 75.0)
    half = float(governance.eservice_adoption(2.0, 0.03, 0.38, 75.0))
    assert governance.eservice_adoption(3.0, 0.03, 0.38, 75.0, half) == pytest.approx(float(whole))


def test_more_innovation_means_more_adoption_and_before_the_launch_there_is_none():
    assert governance.eservice_adoption(3.0, 0.05, 0.38, 75.0) > governance.eservice_adoption(3.0, 0.03, 0.38, 75.0)
    assert governance.eservice_adoption(-1.0, 0.03, 0.38, 75.0) == 0.0


def test_requests_per_day_are_the_volume_when_the_hours_average_to_one():
    rate = governance.service_requests(24.0, np.ones(24), 1.0, 0.0, 1.0)
    assert rate.sum() == pytest.approx(24.0)
    assert governance.service_requests(24.0, np.ones(1), 1.5, 1.0, 1.0)[0] == pytest.approx(3.0)


def test_backlog_counts_what_was_opened_and_not_closed_by_the_tick():
    opened, closed = np.array([5, 10, 20]), np.array([15, 20])
    backlog = governance.service_backlog(np.array([0, 10, 15, 30]), opened, closed, before=2)
    assert backlog.tolist() == [2, 4, 3, 3]


def test_resolution_time_is_in_hours():
    assert governance.resolution_time(np.array([0, 60]), np.array([9000, 60])).tolist() == [2.5, 0.0]


def test_mixing_has_mean_one_and_the_given_dispersion():
    factors = governance.mixing(np.random.default_rng(1).standard_normal(20_000), 27.0, 9.0)
    assert np.mean(factors) == pytest.approx(1.0, abs=0.01)
    assert np.var(factors) == pytest.approx(1 / 27, rel=0.05)
    assert governance.mixing(np.array([9.0]), 27.0, 1.5).tolist() == [1.5]


def test_work_is_lognormal_around_its_median():
    luck = np.array([-1.0, 0.0, 1.0])
    assert governance.work_hours(np.array(4.0), np.array(0.5), luck) == pytest.approx(4 * np.exp([-0.5, 0, 0.5]))
