import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st
from parts import need

from collector.serving.metrics import RUNS, Metrics, Refusal
from collector.stores.protocol import Fate

COMMITS = st.lists(
    st.dictionaries(st.tuples(st.sampled_from(["one", "two", ""]), st.sampled_from(Fate)), st.integers(0, 50)),
    max_size=8,
)


@given(COMMITS, st.integers(0, 50))
def test_received_is_the_sum_of_the_fates_and_what_is_pending(commits, waiting):
    metrics = Metrics()
    metrics.received(sum(sum(counts.values()) for counts in commits) + waiting)
    metrics.pending(waiting)
    for counts in commits:
        metrics.committed(counts, readings=1, messages=sum(counts.values()), seconds=0.01, waited=0.1)
    terms = [f"nakhon_messages_{fate.value}_total" for fate in Fate] + ["nakhon_messages_pending"]
    assert metrics.value("nakhon_messages_received_total") == sum(metrics.value(term) for term in terms)


def test_every_fate_has_a_counter_of_its_own():
    metrics = Metrics()
    metrics.committed({("run", fate): place for place, fate in enumerate(Fate, 1)}, 0, 10, 0.01, 0.1)
    metrics.committed({("other", Fate.STORED): 5}, 0, 5, 0.01, 0.1)
    assert [metrics.value(f"nakhon_messages_{fate.value}_total") for fate in Fate] == [6, 2, 3, 4]


def test_every_figure_is_exported_from_the_start():
    text = Metrics().exposition().decode()
    for name in (
        "nakhon_messages_received_total 0.0",
        "nakhon_messages_stored_total 0.0",
        "nakhon_messages_rejected_total 0.0",
        "nakhon_messages_duplicate_total 0.0",
        "nakhon_messages_conflict_total 0.0",
        "nakhon_messages_pending 0.0",
        "nakhon_readings_stored_total 0.0",
        "nakhon_batch_messages_count 0.0",
        "nakhon_commit_seconds_count 0.0",
        "nakhon_lag_seconds_count 0.0",
        "nakhon_broker_connected 0.0",
        "nakhon_broker_reconnects_total 0.0",
        "nakhon_messages_unaccounted 0.0",
        "nakhon_store_refusals_total 0.0",
        "nakhon_spool_messages 0.0",
        "nakhon_spool_bytes 0.0",
        "nakhon_ready 0.0",
    ):
        assert f"\n{name}\n" in text


def test_a_commit_shows_its_size_time_and_lag():
    metrics = Metrics()
    metrics.committed({("run", Fate.STORED): 20}, readings=200, messages=20, seconds=0.02, waited=0.25)
    assert metrics.value("nakhon_readings_stored_total") == 200
    assert metrics.value("nakhon_batch_messages_sum") == 20
    assert metrics.value("nakhon_commit_seconds_sum") == pytest.approx(0.02)
    assert metrics.value("nakhon_lag_seconds_sum") == pytest.approx(0.25)


def test_a_connection_said_twice_counts_once_and_only_later_ones_are_reconnects():
    metrics = Metrics()
    for up in (True, True, False, False, True):
        metrics.connection(up)
    assert metrics.value("nakhon_broker_reconnects_total") == 1
    assert metrics.value("nakhon_broker_connected") == 1


def test_two_collectors_in_one_process_do_not_share_figures():
    one, two = Metrics(), Metrics()
    one.received(3)
    assert two.value("nakhon_messages_received_total") == 0


def test_an_unknown_figure_is_refused():
    with pytest.raises(KeyError, match="nakhon_guesses"):
        Metrics().value("nakhon_guesses")


@given(COMMITS, st.integers(0, 50), st.integers(-3, 3))
def test_what_is_unaccounted_is_what_was_received_and_came_to_no_fate(commits, waiting, gone):
    metrics = Metrics()
    metrics.received(sum(sum(counts.values()) for counts in commits) + waiting + max(gone, 0))
    metrics.pending(waiting - min(gone, 0))
    for counts in commits:
        metrics.committed(counts, readings=1, messages=sum(counts.values()), seconds=0.01, waited=0.1)
    assert metrics.unaccounted() == gone
    assert metrics.value("nakhon_messages_unaccounted") == gone


def test_what_others_know_is_asked_for_whenever_somebody_looks():
    metrics, held = Metrics(), {"messages": 3, "bytes": 700, "size": 5000, "missing": None}
    metrics.follow_spool(lambda: held["messages"], lambda: held["bytes"])
    metrics.follow_store({"bytes": lambda: held["size"], "free_bytes": lambda: 9.0})
    metrics.follow_ready(lambda: held["missing"])
    names = ("nakhon_spool_messages", "nakhon_spool_bytes", "nakhon_store_bytes", "nakhon_store_free_bytes")
    assert [metrics.value(name) for name in (*names, "nakhon_ready")] == [3, 700, 5000, 9, 1]
    held |= {"messages": 4, "missing": "the broker is away"}
    assert [metrics.value(name) for name in ("nakhon_spool_messages", "nakhon_ready")] == [4, 0]


def test_the_newest_reading_is_told_of_a_bounded_number_of_runs():
    metrics = Metrics()
    metrics.follow_runs(lambda: ((f"run-{n}", 1_000 + n) for n in range(3 * RUNS)))
    shown = [line for line in metrics.exposition().decode().splitlines() if line.startswith("nakhon_newest")]
    assert len(shown) == RUNS
    assert shown[-1] == f'nakhon_newest_reading_timestamp_seconds{{run="run-{3 * RUNS - 1}"}} {1_000 + 3 * RUNS - 1}.0'


def test_refusals_of_the_store_and_at_the_door_are_counted():
    metrics = Metrics()
    metrics.refused()
    metrics.turned_away(Refusal.TOKEN)
    assert metrics.value("nakhon_store_refusals_total") == 1
    text = metrics.exposition().decode()
    assert 'nakhon_api_refused_total{reason="token"} 1.0' in text
    assert all(f'reason="{reason.value}"' in text for reason in Refusal)
    assert 'nakhon_build_info{version="' in text
    assert "process_resident_memory_bytes " in text


def test_prometheus_itself_finds_nothing_wrong_with_what_is_exported():
    metrics = Metrics()
    metrics.follow_runs(lambda: [("haze-1", 1_772_366_400)])
    metrics.follow_store({"bytes": lambda: 1.0, "free_bytes": lambda: 1.0})
    checked = subprocess.run([need("promtool"), "check", "metrics"], input=metrics.exposition(), capture_output=True)
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, b"")
