"""The notebook in the documentation: executed, of its source, readable anywhere, and of no machine."""

from __future__ import annotations

import base64
import re
from pathlib import Path

import nbformat
from hypothesis import given
from hypothesis import strategies as st

from nakhon.documents.notebook import NAME, notebook_of, source

DOCS = Path(__file__).parents[1] / "docs"
PATH = DOCS / f"{NAME}.ipynb"
NOTEBOOK = nbformat.reads(PATH.read_text("utf-8"), as_version=4)
CODE = [cell for cell in NOTEBOOK.cells if cell.cell_type == "code"]
OUTPUTS = [output for cell in CODE for output in cell.outputs]
TEXT = st.text("ab =#\n", max_size=40)


def test_it_is_valid_and_its_cells_are_those_of_its_source() -> None:
    nbformat.validate(NOTEBOOK)
    assert [(one.cell_type, one.source) for one in NOTEBOOK.cells] == [
        (one.cell_type, one.source) for one in source().cells
    ]


def test_it_is_executed_from_top_to_bottom_without_an_error_or_a_warning() -> None:
    assert [cell.execution_count for cell in CODE] == list(range(1, len(CODE) + 1))
    assert [one for one in OUTPUTS if one.output_type == "error" or one.get("name") == "stderr"] == []
    assert sum(bool(cell.outputs) for cell in CODE) == len(CODE) - 1  # the last one closes the store


def test_its_figures_are_pictures_and_it_is_small_enough_for_a_page() -> None:
    pictures = [one.data["image/png"] for one in OUTPUTS if "image/png" in one.get("data", {})]
    assert len(pictures) == sum(".figure()" in cell.source for cell in CODE) == 4
    assert all(base64.b64decode(one).startswith(b"\x89PNG") for one in pictures)
    assert "plotly.js" not in PATH.read_text("utf-8").lower()
    assert PATH.stat().st_size < 1_500_000


def test_it_tells_nothing_of_the_machine_that_executed_it() -> None:
    told = re.sub(r'"image/png": "[^"]*"', "", PATH.read_text("utf-8"))
    assert re.findall(r"/(?:home|root|tmp|usr|work|Users|var)/\S*|[A-Z]:\\\\\S*|site-packages", told) == []


def test_it_says_at_the_top_that_it_is_simulated_and_no_forecast_and_links_to_what_is_there() -> None:
    top = NOTEBOOK.cells[0].source
    assert "Everything here is simulated" in top
    assert "nothing is a forecast" in top
    links = re.findall(
        r"\]\(([^)]+)\)", "".join(cell.source for cell in NOTEBOOK.cells if cell.cell_type == "markdown")
    )
    assert links
    assert all((DOCS / link).is_file() for link in links)


@given(st.lists(st.tuples(TEXT, TEXT), max_size=4), TEXT)
def test_prose_and_blocks_become_cells_in_their_order(pairs: list[tuple[str, str]], last: str) -> None:
    text = "".join(f"{prose}\n```python\n{code}\n```\n" for prose, code in pairs) + last
    wanted = [("markdown", prose) if at == 0 else ("code", prose) for pair in pairs for at, prose in enumerate(pair)]
    expected = [(kind, told.strip()) for kind, told in [*wanted, ("markdown", last)] if told.strip()]
    assert [(one.cell_type, one.source) for one in notebook_of(text).cells] == expected
