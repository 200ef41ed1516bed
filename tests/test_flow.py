"""Flow control: a window beyond what collectors hold, and no waiting for what is lost for certain."""

import threading

import pytest

from collector.language.control import Committed
from simulator import flow as flow_module
from simulator.flow import Flow


def admitted(flow: Flow, count: int, acknowledge: bool = True) -> None:
    for _ in range(count):
        assert flow.admit()
        if acknowledge:
            flow.acknowledge()


def blocks(flow: Flow) -> threading.Thread:
    """A thread that waits for room; the caller has to give it some, or close the flow."""
    waiting = threading.Thread(target=flow.admit, daemon=True)
    waiting.start()
    waiting.join(0.1)
    assert waiting.is_alive()
    return waiting


def test_without_a_collector_only_the_broker_counts() -> None:
    flow = Flow("s", window=10)
    admitted(flow, 100)
    admitted(flow, 10, acknowledge=False)
    waiting = blocks(flow)
    flow.acknowledge()
    waiting.join(5)
    assert not waiting.is_alive()


def test_a_publisher_keeps_within_the_window_of_the_collectors_word() -> None:
    flow = Flow("s", window=10)
    flow.hear(Committed("c", "s", 0))
    admitted(flow, 10)
    waiting = blocks(flow)
    flow.hear(Committed("c", "other", 50))
    assert waiting.is_alive()
    flow.hear(Committed("c", "s", 1))
    waiting.join(5)
    assert not waiting.is_alive()


def test_words_of_one_group_add_up_and_the_slowest_group_counts() -> None:
    flow = Flow("s")
    for word in (Committed("a", "s", 30, "g"), Committed("b", "s", 12, "g"), Committed("alone", "s", 40)):
        flow.hear(word)
    assert flow.held == 40
    flow.hear(Committed("alone", "s", 100))
    assert flow.held == 42


def test_what_a_speaking_collector_will_never_get_is_written_off_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flow_module, "PATIENCE", 0.3)
    told: list[str] = []
    flow = Flow("s", window=10, tell=told.append)
    flow.hear(Committed("c", "s", 4))
    admitted(flow, 10 + 4)
    waiting = threading.Thread(target=flow.admit, daemon=True)
    waiting.start()
    for _ in range(200):
        flow.hear(Committed("c", "s", 4))  # the collector goes on speaking
        waiting.join(0.05)
        if not waiting.is_alive():
            break
    assert not waiting.is_alive()
    assert any("10 messages were taken by the broker but never reached" in text for text in told)


def test_a_closed_flow_admits_nothing_and_lets_the_waiting_go() -> None:
    flow = Flow("s", window=1)
    assert flow.admit()
    waiting = blocks(flow)
    flow.close()
    waiting.join(5)
    assert not waiting.is_alive()
    assert not flow.admit()
    assert flow.handed_over == 1


def test_births_are_waited_for_but_no_collector_counts_them() -> None:
    flow = Flow("s", window=10)
    flow.hear(Committed("c", "s", 0))
    flow.expect()
    assert flow.wait_until_taken(0.05) == 1
    flow.acknowledge()
    assert flow.wait_until_taken(0.05) == 0


def silent_then_speaking(monkeypatch: pytest.MonkeyPatch) -> tuple[Flow, list[str]]:
    """A full window, and a collector that has said nothing for longer than anybody's patience."""
    monkeypatch.setattr(flow_module, "PATIENCE", 0.2)
    monkeypatch.setattr(flow_module, "SILENCE", 0.1)
    told: list[str] = []
    flow = Flow("s", window=10, tell=told.append)
    flow.hear(Committed("c", "s", 0))
    admitted(flow, 10)
    threading.Event().wait(0.3)
    return flow, told


def test_a_retained_word_does_not_make_a_dead_collector_speak(monkeypatch: pytest.MonkeyPatch) -> None:
    flow, told = silent_then_speaking(monkeypatch)
    waiting = threading.Thread(target=flow.admit, daemon=True)
    waiting.start()
    for _ in range(10):
        flow.hear(Committed("c", "s", 0), retained=True)
        waiting.join(0.1)
    assert waiting.is_alive()
    assert not any("never reached" in text for text in told)
    flow.close()
    waiting.join(5)


def test_a_collector_that_comes_back_is_given_time_before_anything_is_called_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    flow, told = silent_then_speaking(monkeypatch)
    flow.hear(Committed("c", "s", 0))
    flow._write_off()
    assert not told


def test_what_was_written_off_and_comes_after_all_does_not_widen_the_window(monkeypatch: pytest.MonkeyPatch) -> None:
    flow, told = silent_then_speaking(monkeypatch)
    for _ in range(30):
        flow.hear(Committed("c", "s", 0))
        threading.Event().wait(0.02)
    flow._write_off()
    assert len(told) == 1
    flow.hear(Committed("c", "s", 10))
    admitted(flow, 10)
    blocks(flow)
    flow.close()
