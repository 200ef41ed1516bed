"""The notebook docs/three-new-members.ipynb: made of a Markdown text, executed, its figures as pictures.

The text, three-new-members.md beside this module, holds prose and blocks of Python, which become the cells.
"""

from __future__ import annotations

import base64
import json
import re
from importlib.resources import files
from pathlib import Path
from typing import Any

import nbformat
import plotly.io
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from collector.language.errors import InputError
from nakhon.reporting.browser import draw

NAME = "three-new-members"
SECONDS = 300
PLOTLY = "application/vnd.plotly.v1+json"
_BLOCK = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_QUIET = "import plotly.io\nplotly.io.renderers.default = 'plotly_mimetype'"


def notebook_of(text: str) -> NotebookNode:
    """Get a notebook without outputs: a cell for each block of Python, and one for the prose between two."""
    pieces = [piece.strip() for piece in _BLOCK.split(text)]
    cells = [
        (new_code_cell if place % 2 else new_markdown_cell)(piece, id=f"cell-{place}")
        for place, piece in enumerate(pieces)
        if piece
    ]
    about = {
        "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"},
        "language_info": {"name": "python", "file_extension": ".py", "mimetype": "text/x-python"},
    }
    return new_notebook(cells=cells, metadata=about)


def source() -> NotebookNode:
    """Get the notebook of the three new members without outputs."""
    return notebook_of((files("nakhon.documents") / f"{NAME}.md").read_text("utf-8"))


def executed(notebook: NotebookNode, folder: Path) -> NotebookNode:
    """Get a notebook with the outputs of all its cells, executed in a folder in which they may write.

    Raises `InputError` with the cell and what went wrong if one fails.
    """
    whole = new_notebook(cells=[new_code_cell(_QUIET), *notebook.cells], metadata=dict(notebook.metadata))
    place = {"metadata": {"path": str(folder)}}
    client = NotebookClient(whole, timeout=SECONDS, record_timing=False, resources=place)
    try:
        client.execute()
    except CellExecutionError as error:
        raise InputError(f"a cell of the notebook failed: {error}") from None
    cells = [NotebookNode(cell) for cell in whole.cells[1:]]
    for number, cell in enumerate((cell for cell in cells if cell.cell_type == "code"), start=1):
        _renumber(cell, number)
    return new_notebook(cells=cells, metadata=dict(notebook.metadata))


def pictured(notebook: NotebookNode) -> NotebookNode:
    """Get an executed notebook whose Plotly figures are pictures (PNG), which every reader of notebooks shows.

    Raises `InputError` where Chromium, which draws them, is missing or draws too few.
    """
    shown = [output for output in _outputs(notebook) if PLOTLY in output.get("data", {})]
    drawn = draw([plotly.io.from_json(json.dumps(one.data[PLOTLY]), skip_invalid=True) for one in shown])
    if len(drawn) != len(shown):
        raise InputError(f"{len(shown)} figures need Chromium to draw them: install Debian's package chromium")
    for output, picture in zip(shown, drawn, strict=True):
        output.data = NotebookNode({"image/png": base64.b64encode(picture).decode() + "\n"})
        output.metadata = NotebookNode({"image/png": {"width": 900}})
    return notebook


def write_notebook(path: Path, folder: Path) -> None:
    """Execute the notebook in a folder and write it, pictures and all, as a file."""
    notebook = pictured(executed(source(), folder))
    nbformat.validate(notebook)
    path.write_text(nbformat.writes(notebook) + "\n", encoding="utf-8")


def _outputs(notebook: NotebookNode) -> list[Any]:
    return [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]


def _renumber(cell: NotebookNode, number: int) -> None:
    cell.execution_count = number
    for output in cell.outputs:
        if "execution_count" in output:
            output.execution_count = number
