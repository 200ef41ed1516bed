"""Alerts: rules as written, tracks by their definition, states that outlive a restart and a crash."""

from __future__ import annotations

import itertools
import json
import threading
from dataclasses import asdict
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.alerts import states
from collector.alerts.board import Board
from collector.alerts.notices import told
from collector.alerts.rules import BINS, Across, Kind, Rule, Track
from collector.alerts.rules_file import parse_rules
from collector.alerts.watch import Watch
from collector.intake.ingest import Delivery, Ingest
from collector.language.errors import InputError, StoreError
from collector.language.time import format_epoch
from collector.language.topics import is_segment
from collector.serving.metrics import Metrics
from collector.stores import open_store
from collector.stores.protocol import Store
from nakhon.alerts import find_rules, shipped_rules, states_file

START = 1_772_352_000  # 2026-03-01T08:00:00Z
RULES = """
[[rule]]
id = "smoke"
indicator = "pm25"
above = 50
clear = 40
for = "10min"
[[rule]]
id = "silent"
missing = "1h"
"""


def rule(**told: object) -> Rule:
    given: dict[str, object] = {"id": "r", "kind": Kind.ABOVE, "level": 50.0, "clear": 40.0, "indicator": "pm25"}
    return Rule(**(given | told))  # type: ignore[arg-type]


def changes(one: Rule, readings: list[tuple[int, float]]) -> list[tuple[int, str]]:
    track = Track()
    return [(time, str(found)) for time, value in readings if (found := track.take(one, time, value)) is not None]


# ---- tracks ----------------------------------------------------------------------------------------------

readings = st.lists(st.floats(0, 100), min_size=1, max_size=60).map(
    lambda values: [(600 * place, value) for place, value in enumerate(values)]
)


@given(readings, st.floats(20, 80), st.floats(0, 20), st.integers(0, 5))
def test_a_threshold_with_hysteresis_and_duration_follows_its_definition(
    given_readings: list[tuple[int, float]], level: float, gap: float, ticks: int
) -> None:
    one = rule(level=level, clear=level - gap, lasting=600 * ticks)
    raised, since, expected = False, None, []
    for time, value in given_readings:
        if raised:
            if value <= level - gap:
                raised, since = False, None
                expected.append((time, "quiet"))
            continue
        since = (time if since is None else since) if value > level else None
        if since is not None and time - since >= 600 * ticks:
            raised = True
            expected.append((time, "raised"))
    assert changes(one, given_readings) == expected


@given(readings, st.floats(20, 80))
def test_raised_and_cleared_take_turns_and_below_mirrors_above(
    given_readings: list[tuple[int, float]], level: float
) -> None:
    above = changes(rule(level=level, clear=level), given_readings)
    below = changes(rule(kind=Kind.BELOW, level=-level, clear=-level), [(time, -one) for time, one in given_readings])
    assert [state for _, state in above] == list(itertools.islice(itertools.cycle(["raised", "quiet"]), len(above)))
    assert below == above


@settings(max_examples=30)
@given(given_readings=readings, cut=st.integers(0, 59), across=st.sampled_from(Across))
def test_a_track_taken_from_the_disk_goes_on_as_if_it_had_never_left(
    given_readings: list[tuple[int, float]], cut: int, across: Across, tmp_path_factory: pytest.TempPathFactory
) -> None:
    scale = 3 if across is Across.SUM else 1
    one = rule(average=BINS * 600, level=45.0 * scale, clear=40.0 * scale, by_city=True, across=across)
    whole, parted = Board([one]), Board([one])
    path = tmp_path_factory.mktemp("states") / "s.json"
    found, again = [], []
    for place, (time, value) in enumerate(given_readings):
        if place == cut:
            states.save(path, parted, states.Kept())
            parted = Board([one])
            assert states.load(path, parted) is not None
        found += list(whole.take("run", ("city", f"s{place % 3}", "pm25"), time, value))
        again += list(parted.take("run", ("city", f"s{place % 3}", "pm25"), time, value))
    assert found == again


def test_a_late_reading_raises_nothing() -> None:
    assert changes(rule(), [(600, 10), (0, 99), (600, 99), (1200, 10)]) == []


def test_a_moving_mean_is_judged_when_a_bin_has_ended_and_enough_of_them_hold_a_reading() -> None:
    one = rule(average=BINS * 3600)
    hourly = [(3600 * hour, 60.0) for hour in range(40)]
    assert changes(one, hourly) == [(18 * 3600, "raised")]  # 18 of 24 bins have ended
    assert changes(one, hourly[:17] + hourly[30:36]) == []


def test_a_city_is_judged_by_the_mean_of_all_its_stations() -> None:
    board = Board([rule(average=BINS * 3600, by_city=True)])
    found = [
        notice
        for hour in range(30)
        for station, value in (("a", 30.0), ("b", 80.0))
        for notice in board.take("run", ("rayong", station, "pm25"), hour * 3600, value)
    ]
    assert [(one.state, one.station, one.value) for one in found] == [("raised", "", pytest.approx(55.0))]
    assert found[0].topic == "nakhon/v1/run/alerts/r/rayong/-"


def city_values(one: Rule, told: list[tuple[int, str, float]]) -> Track:
    board = Board([one])
    for time, station, value in told:
        list(board.take("run", ("rayong", station, one.indicator), time, value))
    return board.run("run").tracks[one.id, "rayong", ""]


def test_what_adds_up_over_a_city_is_the_sum_of_its_stations_however_often_each_speaks() -> None:
    (one,) = parse_rules(
        '[[rule]]\nid = "demand"\nindicator = "electricity_demand"\nabove = 100\naverage = "24h"\nper = "city"', "f"
    )
    told = [(hour * 3600, "a", 40.0) for hour in range(30)] + [(900 * at, "b", 70.0) for at in range(120)]
    track = city_values(one, sorted(told))
    assert (track.value, track.state) == (pytest.approx(110.0), "raised")
    highest = Rule(**{**asdict(one), "across": Across.MAX})
    assert city_values(highest, sorted(told)).value == pytest.approx(70.0)
    assert parse_rules('[[rule]]\nid = "w"\nindicator = "water_level"\nabove = 1\naverage = "1h"\nper = "city"', "f")[
        0
    ].across is Across.MAX  # fmt: skip


def test_a_rule_of_means_asks_the_same_as_before_there_were_sums() -> None:
    assert rule(by_city=True).digest == "43af7b0e1e7bcb6a"
    assert rule(by_city=True, across=Across.SUM).digest != rule(by_city=True).digest


def test_sound_levels_are_averaged_by_their_energy() -> None:
    one = rule(average=BINS * 3600, level=76.9, clear=70.0, indicator="noise_laeq", energetic=True)
    track = Track()
    for hour in range(21):
        track.take(one, hour * 3600, 80.0 if hour % 2 else 60.0)
    assert track.value == pytest.approx(77.0, abs=0.3)  # the arithmetic mean is 70


def test_a_rate_of_change_is_per_the_time_given_from_half_of_it_on() -> None:
    one = rule(kind=Kind.RISES, level=0.5, clear=0.1, within=3600, indicator="water_level")
    rising = [(600 * place, 0.1 * place) for place in range(7)]
    assert changes(one, rising) == [(1800, "raised")]
    assert changes(one, [(600 * place, 0.05 * place) for place in range(20)]) == []
    assert changes(rule(kind=Kind.FALLS, level=0.5, clear=0.1, within=3600), rising) == []


def test_silence_is_told_by_what_two_stations_have_reached_and_cleared_by_the_next_word() -> None:
    board = Board([rule(kind=Kind.MISSING, level=3600.0, clear=3600.0, indicator="")])

    def hear(station: str, time: int) -> list[tuple[str, str]]:
        sane = board.sane("run", "rayong", station, time, time)
        return [(one.station, one.state) for one in board.hear("run", "rayong", station, time)] if sane else []

    for station in ("a", "b", "c"):
        assert not hear(station, 0)
    assert not hear("a", 90_000)
    assert not list(board.look("run"))  # one wrong clock
    assert not hear("b", 3600)
    assert [(one.station, one.state, one.time) for one in board.look("run")] == [("c", "raised", 3600)]
    assert not list(board.look("run"))
    assert hear("c", 3700) == [("c", "cleared")]


# ---- the file --------------------------------------------------------------------------------------------


def test_every_error_of_a_file_comes_at_once_with_its_path_and_a_suggestion() -> None:
    text = """
        [[rule]]
        id = "Bad Id"
        indicator = "pm2.5"
        abov = 3
        [[rule]]
        id = "late"
        indicator = "gpp_per_capita"
        above = 3
        for = "soon"
        message = "{vlue}"
        [[rule]]
        id = "both"
        indicator = "pm25"
        above = 3
        below = 1
    """
    with pytest.raises(InputError) as caught:
        parse_rules(text, "rules.toml")
    said = str(caught.value)
    for part in ("rule[1].id", "did you mean pm25?", "rule[1].abov: no such key; did you mean above?",
                 "rule[2].indicator", "rule[2].for: expected a time such as", "did you mean value?",
                 "rule[3]: expected exactly one of"):  # fmt: skip
        assert part in said


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        ('indicator = "power_outages"\nabove = 1\naverage = "1d"\nper = "city"', "a mean of them tells nothing"),
        ('indicator = "pm25"\nabove = 5\nclear = 9', "expected clear at 5 or below"),
        ('indicator = "pm25"\nbelow = 5\nclear = 1', "expected clear at 5 or above"),
        ('indicator = "pm25"\nrises = 5', "expected within"),
        ('indicator = "pm25"\nabove = 5\nper = "city"', "needs an average"),
        ("above = 5", "expected an indicator"),
        ('missing = "1h"\nclear = 3', "clears with the next reading"),
        ('indicator = "pm25"\nabove = 5\nmessage = "{value.__class__}"', "no {value.__class__}"),
        ('indicator = "pm25"\nabove = 5\nmessage = "{value:999999999f}"', "expected a short form"),
        ('indicator = "pm25"\nabove = 5\nmessage = "{value"', "cannot be filled in"),
        ('indicator = "pm25"\nabove = inf', "finite"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(body: str, complaint: str) -> None:
    with pytest.raises(InputError, match=complaint.replace("{", r"\{")):
        parse_rules(f'[[rule]]\nid = "x"\n{body}', "rules")


def test_an_id_comes_once_and_a_file_holds_a_rule() -> None:
    one = '[[rule]]\nid = "x"\nindicator = "pm25"\nabove = 5\n'
    with pytest.raises(InputError, match="came twice: x"):
        parse_rules(one * 2, "rules")
    with pytest.raises(InputError, match="rule: missing"):
        parse_rules("", "rules")
    with pytest.raises(InputError, match="not TOML"):
        parse_rules("[[rule", "rules")


def test_the_shipped_rules_are_sound_and_say_where_their_levels_come_from() -> None:
    for name in shipped_rules():
        assert all(one.source for one in find_rules(name))
    with pytest.raises(InputError, match="did you mean thailand"):
        find_rules("thailnd")


def test_states_are_kept_beside_a_store_that_is_a_file(tmp_path: Path) -> None:
    assert states_file(None, f"duckdb://{tmp_path}/c.duckdb") == tmp_path / "c.duckdb.alerts.json"
    with pytest.raises(InputError, match="--alerts-state"):
        states_file(None, "influxdb://host:8086/org/bucket")
    with pytest.raises(InputError, match="no directory"):
        states_file(tmp_path / "none" / "s.json", "duckdb://x")


def test_no_city_can_be_called_as_the_topics_of_alerts_are() -> None:
    assert not is_segment("alerts")
    assert not is_segment("-")


# ---- beside an ingest, through a crash -------------------------------------------------------------------


class Collector:
    """A store, an ingest and a watch; `crash` leaves them as a kill does."""

    def __init__(self, folder: Path, text: str = RULES) -> None:
        self.store: Store = open_store(f"duckdb://{folder}/city.duckdb")
        self.watch = Watch(parse_rules(text, "rules"), folder / "states.json")
        self.said: list[tuple[str, dict[str, object]]] = []
        self.watch.start(self.store)
        self.watch.connect(self.hear)
        self.ingest = Ingest(self.store, after=self.watch.update)

    def hear(self, topic: str, payload: bytes, taken: object) -> None:
        self.said.append((topic, json.loads(payload)))
        taken()  # type: ignore[operator]

    def tell(self, minute: int, value: float | None, station: str = "aq-01") -> None:
        topic = f"nakhon/v1/run/chiang-mai/environment/{station}"
        time = format_epoch(START + 60 * minute)
        payload = json.dumps({"session": "9f3c", "seq": minute, "time": time, "pm25": value})
        self.ingest.process([Delivery(topic, payload.encode(), 1.8e9)])

    @property
    def states(self) -> list[str]:
        return [str(told["state"]) for _, told in self.said]

    def close(self) -> None:
        self.watch.stop()
        self.store.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def test_an_alert_is_said_once_however_often_the_collector_starts_again(folder: Path) -> None:
    said = []
    for start in range(0, 30, 10):
        one = Collector(folder)
        one.tell(start, 60.0)
        one.tell(start + 5, 60.0)
        said += one.states
        one.close()
    last = Collector(folder)
    last.tell(30, 30.0)
    assert said == ["raised"]
    assert last.states == ["cleared"]
    topic, told_of = last.said[0]
    assert topic == "nakhon/v1/run/alerts/smoke/chiang-mai/aq-01"
    assert told_of["since"] == "2026-03-01T08:00:00Z"
    assert told_of["message"] == "smoke is over in chiang-mai aq-01"
    last.close()


def test_what_was_stored_and_never_looked_at_is_looked_at_after_a_crash(folder: Path) -> None:
    one = Collector(folder)
    one.tell(0, 60.0)
    one.close()
    with_nobody_watching = open_store(f"duckdb://{folder}/city.duckdb")
    two = Collector.__new__(Collector)
    two.ingest = Ingest(with_nobody_watching)
    two.tell(10, 70.0)
    two.tell(20, 70.0)
    with_nobody_watching.close()
    three = Collector(folder)
    assert three.states == ["raised"]
    assert three.said[0][1]["value"] == 70.0
    three.close()
    assert Collector(folder).states == []


def test_a_notice_that_nobody_took_is_said_again_after_a_restart(folder: Path) -> None:
    one = Collector(folder)
    one.hear = lambda *_: None  # type: ignore[method-assign]
    one.watch.connect(one.hear)
    one.tell(0, 60.0)
    one.tell(10, 60.0)
    one.close()
    two = Collector(folder)
    assert two.states == ["raised"]
    two.close()


def test_values_out_of_bounds_are_seen_only_by_a_rule_that_asks_for_all(folder: Path) -> None:
    seen = '[[rule]]\nid = "a"\nindicator = "pm25"\nabove = 50\n'
    text = seen + seen.replace('"a"', '"b"') + 'values = "all"\n'
    one = Collector(folder, text)
    one.tell(0, 5000.0)
    assert [told_of["rule"] for _, told_of in one.said] == ["b"]
    one.close()


def test_the_alert_of_a_rule_that_is_gone_is_over(folder: Path) -> None:
    one = Collector(folder, RULES.replace("clear = 40", 'clear = 40\nseverity = "critical"'))
    one.tell(0, 60.0)
    one.tell(10, 60.0)
    one.close()
    two = Collector(folder, '[[rule]]\nid = "other"\nindicator = "pm25"\nabove = 500\n')
    ((topic, over),) = two.said
    assert (topic, over["id"]) == (one.said[0][0], str(one.said[0][1]["id"]).replace("raised", "cleared"))
    kept = {name: over[name] for name in ("rule", "state", "severity", "indicator", "level", "value")}
    assert kept == {
        "rule": "smoke", "state": "cleared", "severity": "critical", "indicator": "pm25", "level": 50.0, "value": None,
    }  # fmt: skip
    assert over["message"] == "smoke is over in chiang-mai aq-01: its rule was changed or taken out"
    assert not two.watch.view().alerts
    assert two.watch.standing() == {"other": 0}
    two.close()


def test_without_states_nothing_is_told_of_what_was_stored_before(folder: Path) -> None:
    store = open_store(f"duckdb://{folder}/city.duckdb")
    before = Collector.__new__(Collector)
    before.ingest = Ingest(store)
    for minute in (0, 10, 20):
        before.tell(minute, 60.0)
    store.close()
    one = Collector(folder)
    assert one.states == []
    one.tell(30, 60.0)
    one.tell(40, 60.0)
    assert one.states == ["raised"]
    one.close()


def test_a_file_of_states_that_is_none_is_refused(folder: Path) -> None:
    (folder / "states.json").write_text('{"version": 1}')
    with pytest.raises(StoreError, match="move it away"):
        Collector(folder)


def test_what_stands_is_shown_with_its_origin(folder: Path) -> None:
    one = Collector(folder)
    one.tell(0, 60.0)
    one.tell(10, 60.0)
    (standing,) = one.watch.view("run").alerts
    assert told(standing)["origin"] == "unknown"
    assert standing.message == "PM2.5 mass concentration in chiang-mai aq-01 is 60 µg/m³, over 50"
    assert not one.watch.view("other").alerts
    metrics = Metrics()
    metrics.follow_alerts(one.watch.standing)
    exported = metrics.exposition().decode()
    assert 'nakhon_alerts_standing{rule="smoke"} 1.0\nnakhon_alerts_standing{rule="silent"} 0.0\n' in exported
    one.tell(20, 10.0)
    assert 'nakhon_alerts_standing{rule="smoke"} 0.0' in metrics.exposition().decode()
    one.close()


def test_a_notice_waits_until_the_disk_says_that_it_was_taken(folder: Path) -> None:
    one = Collector(folder)
    one.tell(0, 60.0)
    waiting = []
    one.hear = lambda _topic, _payload, taken: (taken(), waiting.append(one.watch.view().waiting))  # type: ignore[method-assign]
    one.watch.connect(one.hear)
    one.tell(10, 60.0)
    assert waiting == [{"mqtt": 1, "webhook": 0}]  # a kill now would say it again
    one.watch.stop()
    assert one.watch.view().waiting == {"mqtt": 0, "webhook": 0}
    assert json.loads((folder / "states.json").read_text())["pending"] == []
    one.store.close()


def test_what_is_retained_is_what_happened_last_though_a_broker_is_told_again(folder: Path) -> None:
    one = Collector(folder)
    one.tell(0, 60.0)
    one.tell(10, 60.0)
    over = threading.Thread(target=one.tell, args=(20, 10.0))

    def slowly(topic: str, payload: bytes, taken: object) -> None:
        if not over.ident:
            over.start()
            over.join(0.3)
        Collector.hear(one, topic, payload, taken)

    one.watch.connect(slowly)
    one.watch.forgotten()
    over.join()
    assert one.states == ["raised", "raised", "cleared"]
    one.close()


def test_a_wrong_clock_neither_hides_its_city_nor_silences_itself_for_ever(folder: Path) -> None:
    text = '[[rule]]\nid = "hour"\nindicator = "pm25"\nabove = 50\naverage = "24min"\nper = "city"\n'
    one = Collector(folder, text + text.replace('"hour"', '"each"').replace('average = "24min"\nper = "city"\n', ""))
    year = 366 * 24 * 60
    one.tell(year, 10.0, "aq-01")  # at its first word nobody can tell
    for minute in range(30):
        one.tell(minute, 60.0, "aq-02")
        one.tell(minute, 60.0, "aq-03")
        one.tell(year + 1 + minute, 10.0, "aq-01")
    assert sorted({(str(told["rule"]), told["station"]) for _, told in one.said}) == [
        ("each", "aq-02"), ("each", "aq-03"), ("hour", None),
    ]  # fmt: skip
    one.said.clear()
    one.tell(31, 60.0, "aq-01")  # put right
    assert [(told["rule"], told["station"]) for _, told in one.said] == [("each", "aq-01")]
    one.close()


def test_a_disk_that_keeps_nothing_is_told_and_stops_nobody(folder: Path) -> None:
    one = Collector(folder)
    (folder / "states.json.new").mkdir()
    one.tell(0, 60.0)
    one.tell(10, 60.0)
    assert one.states == ["raised"]
    assert "cannot keep the states" in str(one.watch.trouble)
    one.close()
