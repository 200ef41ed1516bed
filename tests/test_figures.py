"""The statistics office: what it publishes, late, and revises; what smoke and requests do to it."""

from dataclasses import replace
from datetime import date
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.language.indicators import IndicatorKind, indicators
from collector.language.messages import Statistic
from collector.stores import open_store
from collector.stores.protocol import Accepted, Batch, Selection
from simulator import parameters
from simulator.cities import cities
from simulator.drivers import date_of, local_day, midnight
from simulator.figures.memory import FIRST_MONTH, MonthlyMemory, YearlyWalk
from simulator.figures.schedule import days_of, first_day, names_of, period_of
from simulator.run import Simulation
from simulator.scenario import Assumptions, Policies, Scenario, StationCounts
from simulator.speaker import Speaker
from simulator.stations import KINDS
from simulator.streams import Streams

BANGKOK = ZoneInfo("Asia/Bangkok")
DAY = 86_400
FIRST = (date(2024, 1, 1) - date_of(0)).days
START = midnight(FIRST, BANGKOK)
OFFICE = StationCounts.only(statistics_office=1)
DAYS_OF_PERIOD = st.tuples(st.sampled_from(["day", "month", "year"]), st.integers(-20_000, 80_000))


def scenario(days, *names, cadence=DAY, **changes):
    names = names or ("rayong",)
    made = Scenario("s", "s", "", START, START + days * DAY, cadence, 1, names, dict.fromkeys(names, OFFICE))
    return replace(made, **changes)


def told(made):
    """All statistics of each city."""
    return {
        block.city: [statistic for _, statistic in block.statistics] for block in Simulation(made).advance(made.end)
    }


def figures(statistics, indicator, revision=0):
    return {s.period: s.value for s in statistics if (s.indicator, s.revision) == (indicator, revision)}


@pytest.fixture(scope="module")
def ten_years():
    return told(scenario(3653))["rayong"]


@given(DAYS_OF_PERIOD)
def test_a_day_lies_in_its_period_whose_name_is_the_begin_of_its_date(kind_and_day):
    kind, day = kind_and_day
    period = period_of(kind, day)
    assert day in days_of(kind, period)
    assert date_of(day).isoformat().startswith(*names_of(kind, range(period, period + 1)))
    assert period_of(kind, first_day(kind, period) - 1) == period - 1


def test_every_statistic_of_the_office_has_its_publication_and_the_catalogue_knows_it():
    named = KINDS["statistics-office"].indicators
    assert set(parameters.governance(cities()["rayong"]).publication) == set(named)
    assert all(indicators()[name].kind is IndicatorKind.STATISTIC for name in named)
    every = {name for name, made in indicators().items() if made.kind is IndicatorKind.STATISTIC}
    assert every == set(named)


def test_everything_is_published_in_order_and_when_its_schedule_says(ten_years):
    made = parameters.governance(cities()["rayong"]).publication
    times = [s.published.astype(np.int64) for s in ten_years]
    assert times == sorted(times)
    assert len(set(map(repr, ten_years))) == len(ten_years)
    for statistic in ten_years:
        rule = made[statistic.indicator]
        name = statistic.period + "-01-01"[: 10 - len(statistic.period)]
        day = (date.fromisoformat(name) - date_of(0)).days
        end = days_of(rule.period, period_of(rule.period, day)).stop
        expected = midnight(end + rule.days[statistic.revision], BANGKOK) + 3600 * rule.hour
        assert statistic.published.astype(np.int64) == expected


@pytest.mark.parametrize(
    ("indicator", "periods", "bias", "sd"),
    [("visitor_arrivals", 3600, -0.01, 0.03), ("hotel_occupancy", 110, -0.01, 0.02), ("unemployment", 110, 0.0, 0.04)],
)
def test_first_figures_are_near_the_revised_ones(ten_years, indicator, periods, bias, sd):
    first, revised = (figures(ten_years, indicator, revision) for revision in (0, 1))
    both = [period for period in revised if period in first]
    ratio = np.array([first[period] / revised[period] - 1.0 for period in both])
    assert len(both) >= periods
    assert abs(ratio.mean() - bias) < 3.0 * sd / np.sqrt(len(both))
    assert ratio.std() == pytest.approx(sd, rel=4.0 / np.sqrt(2 * len(both)))


def test_each_revision_loses_an_equal_part_of_the_error(ten_years):
    first, second, last = (figures(ten_years, "gpp_per_capita", revision) for revision in range(3))
    periods = [period for period in last if period in first and period in second]
    assert len(periods) >= 6
    assert [first[p] - last[p] for p in periods] == pytest.approx([2 * (second[p] - last[p]) for p in periods], abs=3)


def test_rates_move_slowly_around_their_means_and_shares_grow(ten_years):
    made = parameters.economy(cities()["rayong"])
    jobless = list(figures(ten_years, "unemployment", 1).values())
    assert np.median(jobless) == pytest.approx(made.unemployment.mean, rel=0.6)
    for name in ("internet_access", "eservice_share", "eservice_adoption"):
        values = list(figures(ten_years, name).values())
        assert values == sorted(values)
        assert values[-1] > values[0]
    rooms = figures(ten_years, "hotel_occupancy", 1)
    months = [np.mean([value for period, value in rooms.items() if period.endswith(m)]) for m in ("-01", "-09")]
    assert months[0] > months[1]


def test_any_division_into_blocks_gives_the_same_statistics():
    counts = StationCounts.only(statistics_office=2, service_desk=1)
    made = scenario(45, "chiang-mai", cadence=3600, stations={"chiang-mai": counts}, start=START + 30 * DAY + 3600)
    made = replace(made, end=made.start + 45 * DAY)
    whole = Simulation(made).advance(made.end)[0].statistics
    simulation, luck, pieces = Simulation(made), np.random.default_rng(1), []
    while simulation.now < made.end:
        until = min(made.end, simulation.now + 3600 * int(luck.choice([1, 2, 7, 24, 100])))
        pieces += simulation.advance(until)[0].statistics
    assert pieces == list(whole)
    assert len(pieces) == len(whole)
    assert [office.id for office, _ in pieces[:2]] == ["so-01", "so-02"]


def test_a_run_begins_with_the_newest_figures_that_were_published_before():
    early, late = (
        told(scenario(0, start=begin, end=START + 3 * DAY))["rayong"] for begin in (START - 800 * DAY, START)
    )
    before = [s for s in late if s.published < np.datetime64(START, "s")]
    names = [name for name, made in parameters.governance(cities()["rayong"]).publication.items()
             if made.period != "day"]  # fmt: skip
    assert sorted(s.indicator for s in before) == sorted(names)
    for statistic in before:
        known = [s for s in early if s.indicator == statistic.indicator and s.published < np.datetime64(START, "s")]
        newest = max(known, key=lambda s: (s.period, s.revision))
        assert (statistic.period, statistic.revision) == (newest.period, newest.revision)
        assert statistic.published == newest.published
        if statistic.indicator != "hotel_occupancy":  # of whose smoke a later run knows nothing
            assert statistic == newest


def test_what_was_known_before_is_said_at_the_start_with_its_true_time():
    made = scenario(1)
    said = list(Speaker("r", "s").say(Simulation(made).advance(made.end)))
    old = [s for s in said if isinstance(s.message.body, Statistic) and s.message.body.published.astype(int) < START]
    assert len(old) == 7
    assert {s.time for s in old} == {START}


def test_daily_figures_begin_with_the_first_whole_day():
    begin = START + 3 * 3600
    days = figures(told(scenario(0, cadence=3600, start=begin, end=begin + 5 * DAY))["rayong"], "visitor_arrivals")
    assert list(days) == ["2024-01-02", "2024-01-03", "2024-01-04"]


def test_sla_compliance_is_the_share_of_the_closed_requests_of_the_day():
    counts = StationCounts.only(statistics_office=1, service_desk=2)
    made = scenario(40, cadence=3600, stations={"rayong": counts})
    block = Simulation(made).advance(made.end)[0]
    target = parameters.governance(cities()["rayong"]).service_level
    found: dict[str, list[bool]] = {}
    for _, event in block.events:
        if event.type == "service_request.closed":
            day = date_of(local_day(int(event.time.astype(np.int64)), BANGKOK)).isoformat()
            within = event.fields["resolution_time"] <= target.hours.get(event.fields["category"], target.otherwise)
            found.setdefault(day, []).append(within)
    published = figures([statistic for _, statistic in block.statistics], "sla_compliance")
    assert len(published) >= 38
    assert published == {day: round(100 * np.mean(found[day]), 2) for day in published}
    assert 0 < np.mean(list(published.values())) < 100


def test_without_a_desk_there_is_no_sla_and_without_an_office_no_statistic():
    assert not figures(told(scenario(5))["rayong"], "sla_compliance")
    assert not told(scenario(5, stations={"rayong": StationCounts.only(service_desk=1)}))["rayong"]


def test_smoke_keeps_visitors_away_in_the_smoky_city_only():
    clear, smoky = (
        told(scenario(190, "chiang-mai", "phuket", cadence=3600, assumptions=Assumptions(burning_severity=severity)))
        for severity in (0.0, 3.0)
    )
    assert clear["phuket"] == smoky["phuket"]
    few, many = (figures(found["chiang-mai"], "visitor_arrivals", 1) for found in (smoky, clear))
    assert all(few[day] <= many[day] for day in many)
    march = [day for day in many if day.startswith("2024-03")]
    assert 0.7 < sum(few[day] for day in march) / sum(many[day] for day in march) < 0.95
    rooms = [figures(found["chiang-mai"], "hotel_occupancy", 1) for found in (smoky, clear)]
    assert rooms[0]["2024-03"] < rooms[1]["2024-03"] - 3.0
    others = [[s for s in found["chiang-mai"] if s.indicator == "unemployment"] for found in (clear, smoky)]
    assert others[0] == others[1]


def test_ambassadors_raise_adoption_from_the_start_of_the_scenario():
    without, helped = (told(scenario(300, policies=Policies(ambassadors=n)))["rayong"] for n in (0, 10_000))
    plain, more = (list(figures(found, "eservice_adoption").values()) for found in (without, helped))
    assert more[0] == pytest.approx(plain[0], abs=0.05)
    assert more[-1] > plain[-1] + 0.5
    others = [[s for s in found if s.indicator != "eservice_adoption"] for found in (without, helped)]
    assert others[0] == others[1]


def test_the_monthly_memory_is_stationary_whatever_is_asked_for():
    memory = MonthlyMemory(Streams(1), "a", "b", 0.8)
    whole = memory.of(range(FIRST_MONTH, FIRST_MONTH + 20_000))
    assert whole.std() == pytest.approx(1.0, abs=0.06)
    assert np.corrcoef(whole[:-1], whole[1:])[0, 1] == pytest.approx(0.8, abs=0.03)
    other = MonthlyMemory(Streams(1), "a", "b", 0.8)
    assert other.of(range(600, 601))[0] == whole[600 - FIRST_MONTH]
    assert np.array_equal(other.of(range(50)), whole[-FIRST_MONTH : 50 - FIRST_MONTH])


def test_the_yearly_walk_is_zero_at_its_anchor_and_the_same_whatever_is_asked_for():
    walk = YearlyWalk(Streams(1), "a", "b", 2022)
    whole = walk.of(range(1900, 2200))
    assert whole[122] == 0.0
    assert np.diff(whole).std() == pytest.approx(1.0, abs=0.15)
    assert np.array_equal(YearlyWalk(Streams(1), "a", "b", 2022).of(range(2020, 2025)), whole[120:125])
    assert YearlyWalk(Streams(1), "a", "b", 2022).of(range(1999, 2000))[0] == whole[99]


def test_the_product_of_a_city_is_that_of_its_province_or_country_in_the_year_of_the_anchor():
    made = scenario(0, "rayong", "singapore", start=START + 1800 * DAY, end=START + 1830 * DAY)
    anchors = {name: parameters.economy(cities()[name]).gpp for name in ("rayong", "singapore")}
    assert anchors["rayong"].thb == 1_003_497
    assert anchors["singapore"].thb > 3e6
    long = told(replace(made, start=START - 100 * DAY, end=START + 900 * DAY))["rayong"]
    assert figures(long, "gpp_per_capita", 2)["2022"] == anchors["rayong"].thb


def test_a_store_answers_what_was_known_on_a_date(tmp_path):
    made = scenario(150)
    said = [told.message for told in Speaker("r", "s").say(Simulation(made).advance(made.end))]
    store = open_store(f"duckdb://{tmp_path / 'known.duckdb'}")
    store.write(Batch([Accepted(message, at, 0.0) for at, message in enumerate(said)]))
    statistics = [message.body for message in said]
    for day in (0, 60, 149):
        moment = START + day * DAY
        for name in ("visitor_arrivals", "unemployment", "gpp_per_capita"):
            known = [s for s in statistics if s.indicator == name and s.published <= np.datetime64(moment, "s")]
            newest = {s.period: s.value for s in sorted(known, key=lambda s: s.revision)}
            found = store.read(Selection((name,), known_at=moment))["value"].to_pylist()
            assert found == [newest[period] for period in sorted(newest)]
    store.close()
