"""A comparison in a notebook: its table, its figure, and what else may be asked of the same aligned values."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from collector.analysis.asked import Length, length
from collector.analysis.described import described, sheet_table
from collector.analysis.table import Table
from collector.comparing.comparison import Comparison, Section
from collector.comparing.exceedance import exceedances
from collector.comparing.lag import lags
from collector.comparing.profiles import profiles
from collector.comparing.sheet import Sheet, comparison_sheet
from collector.comparing.trend import trends
from collector.language.checking import suggestion
from collector.language.errors import InputError

if TYPE_CHECKING:
    import plotly.graph_objects as go


@dataclass(frozen=True, slots=True, repr=False)
class Compared(Table):
    """The table of a comparison, and the comparison itself."""

    comparison: Comparison

    def figure(self, indicator: str | None = None) -> go.Figure:
        """All columns over time, missing buckets as gaps, units on the axis and origins in the legend."""
        from collector.reporting.charts import over_time

        return over_time(self._section(indicator), self.comparison)

    def series(self) -> Table:
        """The aligned values themselves, a row for each bucket that was compared; times on the comparison's clock."""
        parts = [_aligned(part, place) for part in self.comparison.sections for place in range(len(part.entries))]
        return Table("series", described(pa.concat_tables(parts), about_comparison(self.comparison)))

    def trend(self) -> Table:
        """The trend of every column, with a test that respects autocorrelation."""
        return self._told(trends(self.comparison))

    def exceedance(self, *limits: str | float) -> Table:
        """How often limits were exceeded: `who`, `thailand`, `us`, a level (`40`, of daily means) or `"40/1h"`."""
        return self._told(exceedances(self.comparison, tuple(str(one) for one in limits) or ("who",)))

    def profile(self, by: str) -> Table:
        """What the columns are like by `hour`, `weekday`, `month` or `season`."""
        return self._told(profiles(self.comparison, by))

    def lag(self, most: Length = "48h") -> Table:
        """The correlation of each column with the first at every lag up to `most`."""
        return self._told(lags(self.comparison, length(most)))

    def report(self, path: str | Path, title: str = "Comparison of cities") -> None:
        """Write the comparison as one HTML file that needs nothing else."""
        from collector.reporting.report import write_report

        write_report(self.comparison, Path(path), title)

    def _told(self, sheet: Sheet) -> Table:
        return Table(sheet.name, sheet_described(sheet, self.comparison))

    def _section(self, indicator: str | None) -> Section:
        held = {part.indicator.id: part for part in self.comparison.sections}
        if indicator is not None and indicator not in held:
            raise InputError(f"no {indicator!r} in this comparison; {suggestion(indicator, held, ', '.join(held))}")
        return held[indicator] if indicator else self.comparison.sections[0]


def compared_of(comparison: Comparison) -> Compared:
    """The table of a comparison."""
    return Compared("comparison", sheet_described(comparison_sheet(comparison), comparison), comparison)


def sheet_described(sheet: Sheet, comparison: Comparison) -> pa.Table:
    """A sheet of a comparison as an Arrow table that says what it is about."""
    return described(sheet_table(sheet), about_comparison(comparison), sheet.notices)


def about_comparison(comparison: Comparison) -> dict[str, object]:
    """What a comparison is about, as the schemas of its tables say it."""
    request = {key: told for key, told in asdict(comparison.request).items() if told not in (None, (), False)}
    cities = {one.city: {"name": one.name, "timezone": one.timezone} for one in comparison.columns}
    runs = {one.run: {"origin": one.origin, "scenario": one.scenario} for one in comparison.columns}
    told = {"query": request, "bucket": comparison.request.bucket, "clock": comparison.clock}
    return told | {"cities": cities, "runs": runs}


def _aligned(part: Section, place: int) -> pa.Table:
    entry = part.entries[place]
    n = len(entry.clock)
    same = {"indicator": part.indicator.id, "city": entry.column.city, "run": entry.column.run, "origin": entry.origin}
    columns = {key: pa.array([told] * n, pa.string()) for key, told in same.items()}
    times = pa.array((entry.clock - entry.column.shift).astype("datetime64[s]"))
    aligned = pa.array(entry.clock.astype("datetime64[s]"))
    units = pa.array([part.unit] * n, pa.string())
    values = pa.array(np.asarray(entry.values, np.float64))
    return pa.table(columns | {"time": times, "aligned": aligned, "value": values, "unit": units})
