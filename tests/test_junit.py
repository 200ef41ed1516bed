"""JUnit XML: well formed whatever the texts, with the counts that build servers read."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from collector.auditing.junit import Case, junit


def test_cases_and_failures_are_counted_and_told() -> None:
    root = ET.fromstring(junit("a run", [Case("aq-01", told="all <there>"), Case("aq-02", "lost 3\nand more")]))
    (suite,) = root
    assert root.tag == "testsuites"
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("2", "1", "0")
    good, bad = suite
    assert good.find("failure") is None
    assert good.findtext("system-out") == "all <there>"
    failure = bad.find("failure")
    assert failure is not None
    assert failure.get("message") == "lost 3"
    assert failure.text == "lost 3\nand more"


@given(st.text(), st.text(min_size=1), st.text())
def test_any_text_makes_a_document_that_parses(name: str, failure: str, told: str) -> None:
    root = ET.fromstring(junit(name, [Case(name, failure, told)]))
    assert len(root.findall(".//failure")) == 1
