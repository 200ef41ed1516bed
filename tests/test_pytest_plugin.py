"""The fixtures of pytest-nakhon, in test runs of their own, as their users have them."""

from __future__ import annotations

import re
from importlib.metadata import entry_points
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

PAGE = Path(__file__).parents[1] / "docs" / "pytest.md"
FAILING = """
def said(nakhon_city):
    city = nakhon_city("demo", cities=["chiang-mai"], duration="2h", seed=7)
    assert city.wait() > 90
    return f"nakhon/v1/{city.run}/+/environment/aq-01"

def test_none(nakhon_city, nakhon_expect):
    said(nakhon_city)
    nakhon_expect("alarm/#", 2, within=0.2)

def test_too_few(nakhon_city, nakhon_expect):
    nakhon_expect(said(nakhon_city), 9, within=0.2, where=lambda one: b'"seq":7,' not in one.payload)

def test_too_many(nakhon_city, nakhon_expect):
    topic = said(nakhon_city)
    assert len(nakhon_expect(topic, 8, exactly=True)) == 8
    nakhon_expect("alarm/#", 0, exactly=True)
    nakhon_expect(topic, 7, exactly=True)

def test_unknown(nakhon_city):
    nakhon_city("demo", cities=["atlantis"])

def test_no_fault(nakhon_city, nakhon_fault):
    nakhon_fault(nakhon_city("demo", cities=["chiang-mai"], pace=900), "tired")
"""
EMBEDDED = """
def test_city(nakhon_broker, nakhon_city, nakhon_expect):
    city = nakhon_city("demo", cities=["chiang-mai"], duration="1h", seed=7)
    nakhon_expect(f"nakhon/v1/{city.run}/+/environment/aq-01", 4, within=20, exactly=False)
"""
UNTOUCHED = """
import sys

def test_nothing_is_imported():
    ours = [name for name in sys.modules if name.split(".")[0] in ("nakhon", "collector", "simulator", "numpy", "paho")]
    assert set(ours) <= {"nakhon", "nakhon.pytest_plugin"}, ours
"""


def test_it_is_found_by_pytest() -> None:
    found = [one.value for one in entry_points(group="pytest11") if one.name == "nakhon"]
    assert found == ["nakhon.pytest_plugin"], "install this package again: pip install -e ."


def test_the_example_of_the_page_passes_and_a_failure_says_what_came_instead(pytester: pytest.Pytester) -> None:
    examples = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    pytester.makepyfile(test_page="\n\n".join(examples), test_failing=FAILING)
    done = pytester.runpytest_subprocess("-W", "error", "-rA", timeout=120)
    done.assert_outcomes(passed=2, failed=5)
    assert all(line.split()[1].startswith("test_page.py::") for line in done.outlines if line.startswith("PASSED "))
    done.stdout.fnmatch_lines(
        [
            "*expected at least 2 messages on 'alarm/#' within 0.2 s; 0 came",
            "*on other topics came *:",
            "*nakhon/v1/*: {*",
            "*expected at least 9 messages on *aq-01' where it holds within 0.2 s; 7 came",
            "*on the topic came 8, of which it holds for 7",
            '*/environment/aq-01: {"session":*',
            "*expected exactly 7 messages on *aq-01' within 5 s; 8 came",
            "*atlantis: not in the scenario; it has chiang-mai, khon-kaen, rayong",
            "*fault.start: fault: *tired*",
        ]
    )


def test_without_mosquitto_the_embedded_broker_takes_its_place(pytester: pytest.Pytester) -> None:
    pytester.makeconftest("import shutil\nshutil.which = lambda *_given, **_more: None\n")
    pytester.makepyfile(EMBEDDED)
    pytester.runpytest_subprocess("-W", "error", timeout=120).assert_outcomes(passed=1)


def test_it_costs_nothing_where_nobody_asks_and_can_be_turned_off(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(UNTOUCHED)
    pytester.runpytest_subprocess("-W", "error", timeout=60).assert_outcomes(passed=1)
    off = pytester.runpytest_subprocess("-W", "error", "-p", "no:nakhon", "--fixtures", timeout=60)
    assert "nakhon_broker" not in off.stdout.str()
