"""The simulated fire hotspots of a basin by day: the one place where validation asks a driver instead of a station."""

from __future__ import annotations

import numpy as np

from simulator import parameters
from simulator.cities import cities
from simulator.drivers import WARM_UP_DAYS, FireSeason, fires_of
from simulator.streams import Streams
from simulator.validation.series import Floats


def fire_basin(city: str) -> str:
    """Get the basin whose fires a city has."""
    region = cities()[city].weather_region
    return fires_of(region, parameters.sharing(region))


def simulated_hotspots(city: str, seed: int, replication: int, first: int, days: int) -> Floats:
    """Get the hotspots of the basin of a city on local days from `first` (since 1970-01-01), (days,)."""
    began = first - WARM_UP_DAYS
    season = FireSeason(Streams(seed, replication), fire_basin(city), began, parameters.processes().fires, 1.0)
    season[first + days - 1]
    return np.array(season.hotspots[WARM_UP_DAYS : WARM_UP_DAYS + days], dtype=np.float64)
