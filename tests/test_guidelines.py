import re

import pytest

from collector.comparing.guidelines import (
    Scheme,
    breakpoints,
    index_of,
    micrograms_per_unit,
    who_guideline,
    who_guidelines,
)
from collector.language.errors import InputError
from collector.language.indicators import indicators
from tests.reference import indices as reference


@pytest.mark.parametrize("scheme", Scheme)
def test_bands_rise_and_end_on_whole_steps_and_at_ends_of_categories(scheme):
    index = index_of(scheme)
    lasts = {category.last for category in index.categories}
    for table in index.tables:
        assert len(table.ends) == len(table.indices), table
        assert list(table.ends) == sorted(set(table.ends)), table
        assert list(table.indices) == sorted(set(table.indices)), table
        assert set(table.indices) - {400} <= lasts, table
        assert all(end / table.resolution == pytest.approx(round(end / table.resolution)) for end in table.ends), table


@pytest.mark.parametrize("scheme", Scheme)
def test_a_table_names_its_source_and_one_not_checked_says_on_what_it_stands(scheme):
    for table in index_of(scheme).tables:
        assert table.source, table
        assert table.checked or table.note, table


@pytest.mark.parametrize("scheme", Scheme)
def test_no_two_tables_of_a_pollutant_begin_on_one_day(scheme):
    begins = [(table.pollutant, table.valid_from) for table in index_of(scheme).tables]
    assert len(begins) == len(set(begins))


@pytest.mark.parametrize("scheme", Scheme)
def test_a_category_has_a_name_and_a_colour_of_its_own(scheme):
    categories = index_of(scheme).categories
    assert len({category.name for category in categories}) == len(categories)
    assert len({category.colour for category in categories}) == len(categories)
    assert all(re.fullmatch("#[0-9a-f]{6}", category.colour) for category in categories)


@pytest.mark.parametrize("scheme", Scheme)
@pytest.mark.parametrize("pollutant", ["pm25", "pm10", "no2", "o3"])
def test_pollutants_of_the_catalogue_have_tables_in_its_unit(scheme, pollutant):
    unit = "µg/m³" if pollutant.startswith("pm") else "ppb"
    assert indicators()[pollutant].unit == unit
    assert breakpoints(pollutant, scheme)


def test_tables_come_with_the_oldest_first():
    begins = [str(table.valid_from) for table in breakpoints("pm25", Scheme.US_EPA)]
    assert begins == ["1999-10-04", "2013-03-18", "2024-05-06"]


@pytest.mark.parametrize(("pollutant", "averaging", "level", "interim"), reference.WHO_2021)
def test_who_levels_are_those_of_2021(pollutant, averaging, level, interim):
    found = who_guideline(pollutant, averaging)
    assert (found.level, found.interim) == (level, interim)


def test_there_is_no_who_level_without_a_reference_and_interim_targets_close_in_on_it():
    assert {(one.pollutant, one.averaging) for one in who_guidelines()} == {row[:2] for row in reference.WHO_2021}
    for one in who_guidelines():
        assert list(one.interim) == sorted(one.interim, reverse=True), one
        assert one.interim[-1] > one.level, one


def test_what_is_not_known_is_said_beside_what_is():
    with pytest.raises(InputError, match=r"'annual'.*expected one of 8 h, peak season"):
        who_guideline("o3", "annual")
    with pytest.raises(InputError, match=r"'lead': expected one of pm25, pm10, no2, o3, so2, co"):
        micrograms_per_unit("lead")
    with pytest.raises(InputError, match=r"'us_epa': expected one of us-epa, thai-pcd; did you mean us-epa"):
        index_of("us_epa")
