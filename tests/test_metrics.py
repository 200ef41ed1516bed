import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.metrics import Metrics
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
