"""The page of a validation: what it says, that nothing leaves it, and that no name from outside becomes markup."""

from __future__ import annotations

import html
import json
import re
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from parts import need
from plotly.offline import get_plotlyjs

from collector.comparing.comparison import NOT_A_FORECAST
from collector.language.errors import InputError
from nakhon.validating.validation_report import validation_report, write_validation_report
from nakhon.validating.validation_rows import curves_of, fault_of, records_of

EVIL = '</script><script>alert(1)</script><img src=x onerror="alert(2)">'


def row(name: str, observed: float = 2.0, **changes: object) -> dict[str, Any]:
    """A row as JSON holds it, inside unless changed."""
    made: dict[str, Any] = {
        "name": name, "unit": "µg/m³", "observed": observed, "low": 1.0, "median": 1.9, "high": 3.0, "spread": 2.5,
        "spread_from": "3 years of the record", "width": 2.0, "inside": True, "why": "in the band",
    }  # fmt: skip
    return made | changes


def told(
    name: str = "Town PM2.5", source: str = "The Town, daily means", why: str = "no file a*.csv"
) -> dict[str, Any]:
    """A validation of two series and a pair, with one row of every fault."""
    rows = [row(f"{name}: mean of {month}") for month in ("January", "February", "March")]
    rows += [row(f"{name}: factor of {hour:02d} h") for hour in (0, 3, 6)]
    rows += [row(f"{name}: quantile {at} %") for at in (5, 50)]
    rows += [row(f"{name}: quantile 95 %", spread=None, spread_from="not known", why="in the band; spread not known")]
    rows += [
        row(f"{name}: days over 75 a year", 0.5, inside=False, why="observed below the band"),
        row(f"{name}: memory at 1 h", 9.0, inside=False, why="observed above the band"),
        row(f"{name}: sd of ln", inside=False, spread=1.0, why="band too wide (2.00 times the spread)"),
        row(f"{name}: mean", low=None, median=None, high=None, width=None, inside=False, why="only 0 of 10 have it"),
        row(f"{name} and Other PM2.5: correlation of residuals"),
    ]
    return {
        "directory": "measurements", "mapping": "open.toml", "replications": 10, "seed": 7, "version": "0.1.0",
        "sources": {name: {"source": source, "licence": "CC BY 4.0"}},
        "rows": rows, "skipped": [{"name": name, "why": why}], "notes": [f"{name}: 3 values left out"],
        "summary": {"rows": len(rows), "inside": 10, "share": 10 / len(rows), "spread_unknown": 1},
    }  # fmt: skip


def page(validation: dict[str, Any]) -> str:
    """The page without the two scripts that run."""
    whole = validation_report(validation).replace(get_plotlyjs(), "")
    return re.sub(r"<script>.*?</script>\n", "", whole, flags=re.DOTALL)


class Cells(HTMLParser):
    """The texts of the rows of tables, cell by cell."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self._open = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "tr":
            self.rows.append([])
        elif tag in {"td", "th"}:
            self.rows[-1].append("")
            self._open = True

    def handle_endtag(self, tag: str) -> None:
        self._open = self._open and tag not in {"td", "th"}

    def handle_data(self, data: str) -> None:
        if self._open:
            self.rows[-1][-1] += data


def cells(validation: dict[str, Any]) -> list[list[str]]:
    parser = Cells()
    parser.feed(page(validation))
    return parser.rows


def test_the_page_says_what_was_compared_with_what_and_what_inside_means() -> None:
    said = page(told())
    for expected in ("10 of 14 rows are inside (71%)", "measurements", "open.toml", "seed 7", "Nakhon 0.1.0"):
        assert expected in said
    assert "For 1 of them the width of the band could not be judged." in said
    assert NOT_A_FORECAST in said
    assert "at most 1.5 times" in said


def test_every_row_stands_in_a_table_with_its_numbers_and_its_verdict() -> None:
    found = {line[0]: [text.strip() for text in line] for line in cells(told()) if len(line) == 11}
    assert len(found) == 1 + 14
    assert found["days over 75 a year"][1:6] == ["µg/m³", "0.5", "1", "1.9", "3"]
    assert found["days over 75 a year"][7:] == ["no", "2", "2.5a", "observed below the band"]
    assert found["mean of March"][7:] == ["yes", "2", "2.5a", ""]
    assert found["mean"][3:6] == ["–", "–", "–"]
    assert found["quantile 95 %"][8:] == ["2", "–b", "in the band; spread not known"]
    assert "Town PM2.5 and Other PM2.5: correlation of residuals" in found
    assert "<sup>a</sup> 3 years of the record" in page(told())


def test_the_summary_counts_by_series_why_rows_are_outside() -> None:
    summary = next(line for line in cells(told()) if line[0] == "Town PM2.5")
    assert [text.strip() for text in summary[1:]] == ["13", "9", "", "1", "1", "1", "1", "1"]


def test_a_series_tells_its_source_and_its_licence_where_they_are_known() -> None:
    assert "Measured: The Town, daily means · licence: CC BY 4.0" in page(told())
    without = told()
    del without["sources"]
    assert "Measured: " not in page(without)


def test_months_hours_and_quantiles_make_lines_and_other_rows_none() -> None:
    curves = curves_of(records_of(told())[0].rows)
    assert [(curve.title, curve.places) for curve in curves] == [
        ("mean by month", ("Jan", "Feb", "Mar")),
        ("factor by hour of the day", ("00 h", "03 h", "06 h")),
        ("quantile", ("5 %", "50 %", "95 %")),
    ]


def test_two_points_make_no_line_and_rows_without_a_band_are_not_drawn() -> None:
    months = [row(f"A: mean of {month}") for month in ("January", "December")]
    assert curves_of(months) == []
    assert curves_of([*months, row("A: mean of May", low=None, median=None, high=None)]) == []


def test_quantiles_of_a_class_of_requests_are_not_taken_for_those_of_a_series() -> None:
    assert curves_of([row(f"A: quantile 90 % of {kind}") for kind in ("road", "light", "other")]) == []


def test_the_charts_hold_the_observed_values_and_mark_those_outside() -> None:
    outside = told()
    outside["rows"][1] |= {"observed": 9.0, "inside": False, "why": "observed above the band"}
    found = re.search(r'data-chart="series-1-chart" data-bar="no">(.*?)</script>', page(outside))
    assert found is not None
    low, high, median, observed = json.loads(found[1])["data"][:4]
    assert (low["y"], high["y"], median["y"], observed["y"]) == ([1.0] * 3, [3.0] * 3, [1.9] * 3, [2.0, 9.0, 2.0])
    assert observed["marker"]["symbol"] == ["circle", "diamond", "circle"]


@settings(max_examples=30)
@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6), st.floats(0, 1e6))
def test_a_strip_stays_in_its_frame_wherever_the_observed_value_lies(observed: float, low: float, width: float) -> None:
    far = told()
    far["rows"] = [row("A: sd", observed, low=low, median=low + width / 2, high=low + width, inside=False)]
    strip = re.search(r'<svg class="strip".*?</svg>', page(far).split("<h2>")[1], re.DOTALL)
    assert strip is not None
    assert all(0 <= float(at) <= 150 for at in re.findall(r'(?:cx|x1|x2)="([^"]+)"', strip[0]))
    assert "nan" not in strip[0]


def test_a_bound_that_was_fixed_beforehand_is_drawn_without_a_median() -> None:
    fixed = told()
    fixed["rows"] = [row("A: mean absolute error", median=None, spread=None, why="a bound of 1 to 3, fixed beforehand")]
    said = page(fixed)
    assert said.count("<circle") == 1
    assert 'aria-label="inside"' in said
    assert "a bound of 1 to 3, fixed beforehand" in said


def test_what_is_wrong_with_a_row_is_said_in_a_word() -> None:
    faults = [fault_of(one) for one in told()["rows"]]
    assert faults == [""] * 9 + ["below", "above", "too wide", "no band", ""]


def test_what_comes_from_outside_is_never_markup() -> None:
    evil = told(EVIL, EVIL, EVIL) | {"directory": EVIL, "mapping": EVIL, "version": EVIL}
    for one in evil["rows"]:
        one |= {"unit": EVIL, "why": EVIL, "spread_from": EVIL}
    said = page(evil)
    assert "<img" not in said
    assert "<script>" not in said
    assert html.escape(EVIL) in said


def test_nothing_is_fetched_from_elsewhere() -> None:
    said = page(told())
    assert "default-src 'none'" in said
    assert not re.findall(r'(?:src|href)="(?!#)', said)
    assert not re.findall(r"url\(|@import", said)


def test_a_validation_without_rows_or_series_is_a_page_all_the_same() -> None:
    nothing = told() | {"rows": [], "summary": {"rows": 0, "inside": 0, "share": None}}
    assert "0 of 0 rows are inside." in page(nothing)


def test_the_file_is_whole_or_not_there(tmp_path: Path) -> None:
    write_validation_report(told(), tmp_path / "page.html")
    assert (tmp_path / "page.html").read_text("utf-8").endswith("</html>\n")
    assert [path.name for path in tmp_path.iterdir()] == ["page.html"]
    with pytest.raises(InputError, match="choose a folder that exists"):
        write_validation_report(told(), tmp_path / "absent" / "page.html")


@pytest.mark.system
def test_a_browser_draws_the_lines_under_the_policy_of_the_page(tmp_path: Path) -> None:
    browser = need("chromium")
    write_validation_report(told(EVIL), tmp_path / "page.html")
    quiet = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
    more = (
        f"--disable-component-update --disable-sync --user-data-dir={tmp_path / 'profile'} --virtual-time-budget=5000"
    )
    command = [browser, *quiet.split(), *more.split(), "--dump-dom", (tmp_path / "page.html").as_uri()]
    drawn = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout
    assert drawn.count('class="main-svg"') >= 1
    assert drawn.count('class="trace scatter') == 12
    assert "<img" not in drawn.split("<main>")[1].split("</main>")[0]
