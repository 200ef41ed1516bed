"""A table that an analyst holds: Arrow inside, with units, origins and provenance, as whatever the notebook wants."""

from __future__ import annotations

import html
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from collector.comparing.comparison import shown
from collector.language.errors import InputError
from collector.reporting.tables import about, write_table

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go
    import polars as pl

ROWS_SHOWN = 20


@dataclass(frozen=True, slots=True, repr=False)
class Table:
    """Rows with what they mean. `name` says what kind of table it is, `table` is the Arrow table itself."""

    name: str
    table: pa.Table

    @property
    def about(self) -> dict[str, Any]:
        """What the table carries about itself: version, indicators with units, origins, runs, cities, the query."""
        return about(self.table)

    @property
    def notices(self) -> tuple[str, ...]:
        """What a reader of the table should know."""
        return tuple(self.about.get("notices", ()))

    def arrow(self) -> pa.Table:
        """The Arrow table; its schema has the metadata."""
        return self.table

    def pandas(self) -> pd.DataFrame:
        """A pandas frame; what the table is about is in its `attrs`. Raises `InputError` without pandas."""
        try:
            frame: pd.DataFrame = self.table.to_pandas()
        except ImportError:
            raise InputError("pandas is not installed: `pip install pandas`, or take .arrow()") from None
        frame.attrs.update(self.about)
        return frame

    def polars(self) -> pl.DataFrame:
        """A polars frame (which has no place for what the table is about: see `about`). Raises without polars."""
        try:
            import polars as pl
        except ImportError:
            raise InputError("polars is not installed: `pip install polars`, or take .arrow()") from None
        frame = pl.from_arrow(self.table)
        assert isinstance(frame, pl.DataFrame)  # noqa: S101 - of a table
        return frame

    def rows(self) -> list[dict[str, Any]]:
        """The rows as dictionaries."""
        return list(self.table.to_pylist())

    def figure(self, indicator: str | None = None) -> go.Figure:
        """A Plotly figure of the values, units on the axis and origins in the legend. Raises `InputError` without any.

        Of several indicators one is drawn: the one named, or the first.
        """
        from collector.reporting.pictures import figure_of

        return figure_of(self.name, self.table, indicator)

    def save(self, path: str | Path, *, bom: bool = False) -> None:
        """Write the table as .csv, .xlsx, .parquet, .arrow or .json; a `bom` lets Excel read Thai in CSV."""
        write_table(self.table, Path(path), bom=bom)

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def __repr__(self) -> str:
        origins = f", {' and '.join(self.about['origins'])}" if self.about.get("origins") else ""
        return f"<{self.name}: {len(self):,} rows of {', '.join(self.table.column_names)}{origins}>"

    def _repr_html_(self) -> str:
        names = self.table.column_names
        head = "".join(f"<th>{_escaped(name)}</th>" for name in names)
        lines = [
            "".join(f"<td>{_escaped(_cell(name, row[name]))}</td>" for name in names)
            for row in self.table.slice(0, ROWS_SHOWN).to_pylist()
        ]
        body = "".join(f"<tr>{line}</tr>" for line in lines)
        more = f"<p>… {len(self) - ROWS_SHOWN:,} more rows</p>" if len(self) > ROWS_SHOWN else ""
        said = "".join(f"<li>{_escaped(notice)}</li>" for notice in self.notices)
        caption = f"<caption>{_escaped(repr(self).strip('<>'))}</caption>"
        table = f"<table>{caption}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        return f"{table}{more}{f'<ul>{said}</ul>' if said else ''}"


def _cell(name: str, value: object) -> str:
    if value is None or isinstance(value, str | int | float):
        return shown(name, value)
    return str(value)


def _escaped(value: object) -> str:
    return html.escape(str(value), quote=True)
