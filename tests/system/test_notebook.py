"""The notebook in the documentation, executed anew: every cell on a store of its own, and its pictures."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode
from parts import need

from collector.language.errors import InputError
from nakhon.documents.notebook import NAME, PLOTLY, executed, notebook_of, pictured, source

pytestmark = pytest.mark.system
COMMITTED = Path(__file__).parents[2] / "docs" / f"{NAME}.ipynb"


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> NotebookNode:
    """The notebook executed now, its figures still Plotly's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IPYTHONDIR", str(tmp_path_factory.mktemp("ipython")))
        return executed(source(), tmp_path_factory.mktemp("notebook"))


def kinds(notebook: NotebookNode) -> list[list[list[str]]]:
    """What is shown below each cell of code, as kinds of output."""
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    return [[sorted(output.get("data", [output.output_type])) for output in cell.outputs] for cell in code]


def said(notebook: NotebookNode) -> str:
    """All the text below the cells."""
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    return "\n".join(one.get("text", "") or one.get("data", {}).get("text/plain", "") for one in outputs)


def test_every_cell_works_and_what_may_not_be_ranked_is_not(fresh: NotebookNode) -> None:
    told = said(fresh)
    assert "said " in told
    assert "messages with" in told
    assert "Not ranked: the columns are of mixed or unknown origin (measured and simulated)." in told
    assert "Not ranked: neither way is better." in told
    assert "A simulation is not a forecast." in told
    assert sum(kind == [PLOTLY] for cell in kinds(fresh) for kind in cell) == 4


def test_with_its_pictures_it_shows_what_the_committed_one_shows(fresh: NotebookNode) -> None:
    need("chromium")
    committed = nbformat.reads(COMMITTED.read_text("utf-8"), as_version=4)
    assert kinds(pictured(fresh)) == kinds(committed)


def test_a_cell_that_fails_is_named_with_its_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    with pytest.raises(InputError, match=r"(?s)a cell of the notebook failed.*unheard.*NameError"):
        executed(notebook_of("```python\n1 + unheard\n```\n"), tmp_path)
