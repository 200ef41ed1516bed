"""The page of the models: a section for every indicator, up to date with catalogue, docstrings and parameters."""

from __future__ import annotations

import inspect
import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.language.errors import InputError
from collector.language.indicators import indicators
from nakhon.documents.model_cycles import (
    MEASURED,
    YEARS,
    Cycles,
    measured_profiles,
    profiles,
    profiles_text,
    simulated_cycles,
)
from nakhon.documents.model_pages import MARK, MODULES, YEARLY, functions, models_page, results
from nakhon.documents.model_pictures import MONTHS, Panel, picture, scale
from simulator.cities import cities

DOCS = Path(__file__).parents[1] / "docs"
PAGE = (DOCS / "models.md").read_text("utf-8")
EVIL = '<script>alert("&")</script>'
FLAT = Panel("A, by hour", "m", tuple(map(str, range(24))), np.linspace(1.0, 2.0, 24), None, 3)


def test_the_page_has_a_section_for_every_indicator_in_the_order_of_the_catalogue_and_no_other() -> None:
    assert re.findall(r"^### (.+)$", PAGE, re.MULTILINE) == list(indicators())


def test_the_page_is_up_to_date_with_catalogue_docstrings_and_parameters() -> None:
    assert models_page(PAGE, results()) == PAGE, "run scripts/models"


def test_what_is_written_by_hand_is_kept() -> None:
    assert models_page(f"# By hand\n\n{MARK}\nold", None).startswith(f"# By hand\n\n{MARK}\n\n## How close it comes\n")


def test_every_function_of_the_models_is_told_somewhere() -> None:
    told = {name for one in indicators() for name in functions(one)}
    public = {
        name
        for module in MODULES
        for name, found in inspect.getmembers(module, inspect.isfunction)
        if found.__module__ == module.__name__ and not name.startswith("_")
    }
    assert public == told


def test_every_picture_is_there_and_no_other() -> None:
    shown = set(re.findall(r"\(models/(\w+)\.svg\)", PAGE))
    assert shown == indicators().keys() - YEARLY
    assert {path.name for path in (DOCS / "models").iterdir()} == {f"{name}.svg" for name in shown}


def test_the_results_of_a_validation_are_summed_up_with_what_stays_outside() -> None:
    row = {
        "unit": "1",
        "low": 1.0,
        "median": 2.0,
        "high": 3.0,
        "inside": False,
        "why": "",
        "observed": 9.0,
        "spread": 9.0,
    }
    rows = [
        row | {"name": "Bangkok PM2.5: mean of May"},
        row | {"name": "Bangkok PM2.5: mean of June"},
        row | {"name": "Bangkok PM2.5: sd of ln", "observed": 2.0, "inside": True, "spread": None},
        row | {"name": "Bangkok PM2.5: memory", "observed": 2.0},
    ]
    told = {"rows": rows, "replications": 60, "seed": 7, "summary": {"rows": 4, "inside": 1}}
    page = models_page(PAGE, told)
    assert "1 of 4 rows are inside (25%)" in page
    assert "| Bangkok PM2.5 | 4 | 1 | 1 | **above:** mean of May, June; **too wide:** memory |" in page
    assert "Rows inside: Bangkok PM2.5 1 of 4." in page.split("### pm25")[1].split("### pm10")[0]


# ---- what was measured -----------------------------------------------------------------------------------------


def test_the_shipped_profiles_are_means_by_hour_and_month_of_known_cities_with_source_and_licence() -> None:
    assert [(one.series, one.kind) for one in profiles()] == list(MEASURED)
    for one in profiles():
        assert one.indicator in indicators()
        assert one.city in cities()
        assert len(one.values) == {"hour": 24, "month": 12}[one.kind]
        assert set(one.months) <= set(range(1, 13))
        assert one.source and one.licence
        if one.relative:
            assert np.nanmean(one.values) == pytest.approx(1.0, abs=1e-3)


def test_the_file_of_profiles_is_as_it_would_be_written() -> None:
    page = Path(__file__).parents[1] / "scenarios" / "validation" / "profiles.toml"
    assert profiles_text(profiles()) == page.read_text("utf-8")


def test_a_directory_without_the_series_is_refused_and_they_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"expected all series shown in .*: Bangkok PM2\.5"):
        list(measured_profiles(tmp_path))


# ---- what is simulated -----------------------------------------------------------------------------------------


def test_cycles_are_weighted_means_by_hour_by_month_and_along_the_run() -> None:
    hours, months = np.arange(24.0), np.arange(12.0 * YEARS)[:, None]
    weight = np.ones((12 * YEARS, 24))
    cycles = Cycles(100.0 * (months % 12) + hours, weight)
    assert cycles.by_hour([3]).tolist() == (200.0 + hours).tolist()
    assert cycles.by_month().tolist() == [100.0 * month + 11.5 for month in range(12)]
    assert cycles.along()[12] == pytest.approx(11.5)


def test_a_month_without_values_is_missing_in_a_cycle_and_bridged_along_the_run() -> None:
    weight = np.ones((12 * YEARS, 24))
    weight[[1, 13]] = 0.0
    cycles = Cycles(weight * np.arange(12.0 * YEARS)[:, None], weight)
    assert np.flatnonzero(np.isnan(cycles.by_month())).tolist() == [1]
    assert cycles.along()[:3].tolist() == [0.0, 0.0, 2.0]


def test_simulated_cycles_stand_on_the_clock_and_the_seasons_of_the_city() -> None:
    cycles = simulated_cycles("yangon", ["air_temperature"])["air_temperature"]
    assert 11 <= int(np.argmax(cycles.by_hour())) <= 16
    assert 4 <= int(np.argmin(cycles.by_hour())) <= 7
    assert int(np.argmax(cycles.by_month())) in {2, 3, 4}


def test_events_that_are_counted_are_told_as_a_number_a_day() -> None:
    cycles = simulated_cycles("chiang-mai", ["business_registrations"])["business_registrations"]
    assert cycles.by_hour()[:7].max() == 0.0
    assert cycles.by_hour().mean() == pytest.approx(np.mean(cycles.by_month()), rel=0.03)
    assert 4.0 < cycles.by_hour().mean() < 8.0


# ---- pictures --------------------------------------------------------------------------------------------------


def test_a_picture_is_well_formed_and_names_in_it_are_text() -> None:
    drawn = picture([[replace(FLAT, title=EVIL, unit=EVIL)]], EVIL)
    root = ET.fromstring(drawn)
    texts = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert f"{EVIL}, {EVIL}" in texts
    assert not list(root.iter("{http://www.w3.org/2000/svg}script"))


def test_what_was_measured_is_dots_and_what_was_not_leaves_gaps() -> None:
    measured = np.where(np.arange(12) % 2, 1.0, np.nan)
    simulated = np.where(np.arange(12) == 5, np.nan, np.linspace(0.0, 4.0, 12))
    drawn = picture([[Panel("A", "m", MONTHS, simulated, measured)]], "A")
    assert drawn.count("<circle") == 6 + 1  # and one in the legend
    assert re.findall(r'<path d="(M[^"]+)" fill="none"', drawn)[0].count("M") == 2


@given(st.lists(st.floats(-1e9, 1e9), min_size=2, max_size=30))
def test_an_axis_holds_all_values_between_a_few_round_ticks(values: list[float]) -> None:
    panel = replace(FLAT, labels=tuple(map(str, values)), simulated=np.array(values))
    low, high, step = scale([panel], "m")
    slack = 1e-6 * step
    assert low <= min(values) + slack
    assert high >= max(values) - slack
    assert 1 <= round((high - low) / step) <= 6


def test_panels_of_one_unit_share_a_scale_and_others_do_not() -> None:
    wide = replace(FLAT, simulated=FLAT.simulated * 10)
    assert scale([FLAT, wide], "m") == scale([wide, FLAT], "m") != scale([FLAT], "m")
    assert scale([FLAT, replace(wide, unit="s")], "m") == scale([FLAT], "m")
