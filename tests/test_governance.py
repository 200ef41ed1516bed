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


def test_sla_compliance_is_the_share_within_target_and_nothing_where_nothing_was_closed():
    found = governance.sla_compliance(np.array([4.0, 8.0, 0.0]), np.array([3.0, 8.0, 0.0]))
    assert found[:2].tolist() == [75.0, 100.0]
    assert np.isnan(found[2])


def test_services_become_electronic_one_by_one():
    luck = np.array([0.9, 0.1, 0.5, 0.3, 0.7])
    years = np.array([-100.0, -2.0, 0.0, 2.0, 100.0])  # expit(0.5 * years) = 0, 0.2689, 0.5, 0.7311, 1
    assert governance.eservice_share(years, 0.5, luck).tolist() == [0.0, 20.0, 60.0, 80.0, 100.0]


def test_electronic_procurement_grows_to_its_ceiling():
    assert governance.eprocurement_share(2.0, 95.0, 0.35, 0.0) == pytest.approx(models.EPROCUREMENT_SHARE, abs=1e-4)
    assert governance.eprocurement_share(0.0, 95.0, 0.35, 0.0) == pytest.approx(47.5)
    assert governance.eprocurement_share(100.0, 95.0, 0.35, 0.3) == pytest.approx(95.0)


def test_uptime_is_the_share_of_answered_probes():
    assert governance.portal_uptime(np.array([15, 12, 0]), np.array([15, 15, 15])).tolist() == [100.0, 80.0, 0.0]
