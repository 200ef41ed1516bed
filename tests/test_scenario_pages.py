"""The pages about the shipped scenarios are current, and say of each effect what it is based on."""

from __future__ import annotations

from pathlib import Path

import pytest

from nakhon.documents.scenario_pages import page_about, with_tables
from simulator.scenario import load_scenario, shipped_scenarios

DOCS = Path(__file__).parents[1] / "docs"


@pytest.mark.parametrize("name", shipped_scenarios())
def test_every_shipped_scenario_has_a_current_page_that_names_what_it_assumes(name: str) -> None:
    page = (DOCS / "scenarios" / f"{name}.md").read_text(encoding="utf-8")
    assert page == page_about(name), "run scripts/schema"
    found = load_scenario(name)
    assert found.description in page
    for one in found.interventions:
        assert (one.source or one.assumption or "?") in page


def test_the_tables_of_scenarios_are_current_and_link_to_every_page() -> None:
    page = (DOCS / "scenarios.md").read_text(encoding="utf-8")
    assert page == with_tables(page), "run scripts/schema"
    assert all(f"(scenarios/{name}.md)" in page for name in shipped_scenarios())
    assert {path.stem for path in (DOCS / "scenarios").glob("*.md")} == set(shipped_scenarios())
