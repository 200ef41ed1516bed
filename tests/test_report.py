"""The report: what it says, that nothing leaves it, and that no name from outside becomes markup or script."""

from __future__ import annotations

import html
import json
import re
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import plotly.graph_objects as go
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from parts import need
from plotly.offline import get_plotlyjs

from collector.comparing.compare import Evidence, compare_table
from collector.comparing.comparison import NOT_A_FORECAST, Column, Comparison, Request
from collector.language.errors import InputError
from collector.reporting.charts import MOST_POINTS, chart_step, daily_cycle, means_by_step, over_the_day, over_time
from collector.reporting.report import report, write_report

HOUR, DAY = 3600, 86_400
START = 1_772_323_200  # 2026-03-01T00:00:00Z
EVIL = '</script><script>alert(1)</script><img src=x onerror="alert(2)">'


def compared(hours: int = 10 * 24, name: str = "Chiang Mai", **flags: bool) -> Comparison:
    simulated = Column("haze", "chiang-mai", name, "simulated", scenario=name, population=1, population_kind=name)
    columns = [simulated, replace(simulated, run="pcd", origin="measured")]
    rng, times = np.random.default_rng(1), (START + HOUR * np.arange(hours)).astype("datetime64[s]")
    parts = [
        pa.table(
            {key: [getattr(column, key)] * hours for key in ("run", "city", "origin")}
            | {"indicator": ["pm25"] * hours, "time": times, "value": 30 + place * 10 + rng.normal(size=hours)}
        )
        for place, column in enumerate(columns)
    ]
    evidence = Evidence(parameters={("haze", "chiang-mai", "pm25"): "assumed"})
    request = Request(("pm25", "travel_time_index"), local=False, **flags)
    return compare_table(request, columns, pa.concat_tables(parts), evidence)


def page(comparison: Comparison) -> str:
    """The report without the two scripts that run."""
    return re.sub(r"<script>.*?</script>\n", "", report(comparison).replace(get_plotlyjs(), ""), flags=re.DOTALL)


def test_the_report_names_what_is_compared_with_every_origin() -> None:
    told = page(compared())
    for expected in ("PM2.5 mass concentration", "µg/m³", "haze", "pcd", "measured", "simulated", NOT_A_FORECAST):
        assert expected in told
    assert "2026-03-01 00:00 to 2026-03-11 00:00 (UTC), in buckets of 1 h" in told
    assert "not judged, for the columns are of mixed or unknown origin" in told


def test_every_legend_tells_the_origin_of_values_and_of_parameters() -> None:
    told = compared()
    legends = [trace.name for trace in over_time(told.sections[0], told).data]
    assert legends == ["Chiang Mai, haze (simulated,<br>parameters assumed)", "Chiang Mai, pcd (measured)"]


def test_measured_values_alone_are_not_called_a_simulation() -> None:
    told = compared()
    part = replace(told.sections[0], entries=told.sections[0].entries[1:], notes=())
    assert NOT_A_FORECAST not in page(replace(told, columns=told.columns[1:], sections=(part,)))


def test_what_was_lifted_is_on_its_face() -> None:
    assert "watermark" not in page(compared()).split("</style>")[1]
    told = page(compared(mixed_origins=True)).split("</style>")[1]
    assert '<div class="watermark"' in told
    assert 'role="alert"' in told


def test_a_name_from_outside_is_never_markup() -> None:
    told = page(compared(name=EVIL))
    assert "<img" not in told
    assert "<script>" not in told
    assert html.escape(EVIL) in told
    assert EVIL not in report(compared(), title=EVIL).replace(get_plotlyjs(), "")


def test_a_name_in_a_chart_stays_the_text_it_is() -> None:
    told = re.search(r'data-chart="pm25-time" data-bar="yes">(.*?)</script>', page(compared(name=EVIL)))
    assert told is not None
    assert json.loads(told[1])["data"][0]["name"].replace("<br>", "").startswith(html.escape(EVIL))


def test_nothing_is_fetched_from_elsewhere() -> None:
    told = page(compared())
    assert "default-src 'none'" in told
    assert not re.findall(r'(?:src|href)="(?!#)', told)
    assert not re.findall(r"url\(|@import", told)


@pytest.mark.system
def test_a_browser_draws_every_chart_under_the_policy_of_the_page(tmp_path: Path) -> None:
    browser = need("chromium")
    write_report(compared(name=EVIL), tmp_path / "report.html")
    quiet = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
    more = (
        f"--disable-component-update --disable-sync --user-data-dir={tmp_path / 'profile'} --virtual-time-budget=5000"
    )
    command = [browser, *quiet.split(), *more.split(), "--dump-dom", (tmp_path / "report.html").as_uri()]
    drawn = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout
    assert drawn.count('class="main-svg"') >= 4
    assert "<img" not in drawn.split("<main>")[1].split("</main>")[0]


def test_the_file_is_whole_or_not_there(tmp_path: Path) -> None:
    write_report(compared(), tmp_path / "report.html")
    assert (tmp_path / "report.html").read_text().endswith("</html>\n")
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]
    with pytest.raises(InputError, match="choose a folder that exists"):
        write_report(compared(), tmp_path / "absent" / "report.html")


def test_two_reports_of_the_same_comparison_are_the_same_bytes() -> None:
    assert report(compared()) == report(compared())


# ---- charts ----------------------------------------------------------------------------------------------


@given(st.integers(1, 400).map(lambda n: n * 1800), st.integers(1, 20 * 366 * DAY))
def test_a_chart_has_at_most_two_thousand_points_in_whole_buckets(bucket: int, span: int) -> None:
    step = chart_step(bucket, span)
    assert span / step <= MOST_POINTS
    assert step % bucket == 0


def test_a_long_span_is_drawn_as_daily_means_and_says_so() -> None:
    told = compared(hours=100 * 24)
    figure = over_time(told.sections[0], told)
    assert len(figure.data[0].y) == 100
    assert "daily means" in figure.layout.yaxis.title.text
    assert figure.data[0].y[0] == pytest.approx(told.sections[0].entries[0].values[:24].mean(), rel=1e-4)


def test_missing_buckets_are_gaps_in_the_line() -> None:
    told = compared()
    entry = told.sections[0].entries[0]
    kept = np.r_[0:5, 8:20]
    holed = replace(entry, clock=entry.clock[kept], values=entry.values[kept])
    drawn = over_time(replace(told.sections[0], entries=(holed,)), told).data[0].y
    assert np.flatnonzero(np.isnan(drawn)).tolist() == [5, 6, 7]


def test_a_day_with_few_hours_is_not_drawn_as_a_daily_mean() -> None:
    clock = START + HOUR * np.arange(24 + 5)
    starts, means = means_by_step(clock, np.ones(29), DAY, least=0.5)
    assert (starts.tolist(), means.tolist()) == ([START], [1.0])


def test_the_daily_cycle_is_the_mean_by_the_hour_of_the_day() -> None:
    clock = START + HOUR * np.arange(48)
    hours, means = daily_cycle(clock, np.arange(48.0), HOUR)
    assert hours.tolist() == [hour + 0.5 for hour in range(24)]
    assert means.tolist() == [hour + 12.0 for hour in range(24)]


def test_days_have_no_daily_cycle() -> None:
    told = compared()
    assert isinstance(over_the_day(told.sections[0], told), go.Figure)
    assert over_the_day(told.sections[0], replace(told, request=replace(told.request, bucket=DAY))) is None
