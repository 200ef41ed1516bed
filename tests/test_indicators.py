"""The catalogue of indicators: complete, and true to its own rules."""

import re

import pytest

from collector.language.errors import InputError
from collector.language.indicators import Better, IndicatorKind, Pillar, Rollup, derived, indicator, indicators, summed
from simulator.experiment import DERIVED

PER_PILLAR = {Pillar.ENVIRONMENT: 12, Pillar.ECONOMY: 11, Pillar.GOVERNANCE: 12}


def test_all_35_indicators_of_the_reference_are_there() -> None:
    counts = {pillar: sum(entry.pillar is pillar for entry in indicators().values()) for pillar in Pillar}
    assert counts == PER_PILLAR


def test_every_entry_follows_the_rules_of_the_catalogue() -> None:
    for entry in indicators().values():
        assert re.fullmatch(r"[a-z][a-z0-9_]{1,62}", entry.id)
        assert entry.minimum < entry.maximum, entry.id
        assert entry.name and entry.definition and entry.unit and entry.ucum and entry.standard
        assert bool(entry.event) <= (entry.kind is IndicatorKind.EVENT), entry.id
        assert entry.standard_code or not entry.code_verified, entry.id


def test_stations_combine_as_their_values_over_time_do_or_are_added_up() -> None:
    for entry in indicators().values():
        usual = Rollup.MEAN if entry.rollup is Rollup.LAST else entry.rollup
        if entry.across is not usual:
            assert (entry.across, entry.kind) == (Rollup.SUM, IndicatorKind.SENSOR), entry.id  # all speak at every tick
            assert entry.rollup in (Rollup.MEAN, Rollup.LAST) and entry.extensive, entry.id
    assert {"electricity_demand", "service_backlog", "digital_payments"} <= set(summed())
    assert not {"open_datasets", "visitor_arrivals", "traffic_flow", "water_level"} & set(summed())


def test_known_facts_of_the_catalogue() -> None:
    assert indicator("pm25").unit == "µg/m³"
    assert indicator("pm25").standard_code == "EN: EN: AQ: 1C"
    assert indicator("citizen_rating").better is Better.HIGHER
    assert indicator("electricity_demand").extensive
    assert not indicator("air_temperature").extensive


def test_a_misspelt_indicator_is_answered_with_a_suggestion() -> None:
    with pytest.raises(InputError, match="did you mean pm25"):
        indicator("pm2.5")


def test_what_is_derived_is_no_entry_of_the_catalogue_and_made_of_an_event_of_it() -> None:
    assert set(derived()) == set(DERIVED)
    for name, (other, _) in DERIVED.items():
        assert name not in indicators() and indicator(name).event == indicator(other).event
