"""States of a city for tests of what its stations measure: still, dry air unless a test says otherwise."""

from dataclasses import fields
from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np

from simulator import environment, parameters
from simulator.cities import cities
from simulator.drivers import by_hour, calendar
from simulator.flows.activity import State
from simulator.flows.air import Air
from simulator.streams import QuantileNoise, Streams, once

CADENCE = 900
DECEMBER = 1_701_363_600  # 2023-12-01 00:00 in Bangkok


def ticks(days: float, start: int = DECEMBER) -> np.ndarray:
    return np.arange(start, start + round(days * 86_400), CADENCE, dtype=np.int64)


def state(city: str, times: np.ndarray, traffic: np.ndarray | None = None, **air: np.ndarray) -> State:
    """Get a state with the usual wind and traffic of the hour, and of the air what is given, else 0."""
    place = cities()[city]
    local = calendar(times, ZoneInfo(place.timezone))
    still = {entry.name: np.zeros(len(times)) for entry in fields(Air)}
    wind = by_hour(local.hour, parameters.climate(place).wind.hourly)
    still |= {"calendar": local, "wind": wind * np.exp(environment.LN_WEIBULL_2_MEAN) / environment.WEIBULL_2_MEAN}
    made = parameters.economy(place).traffic
    hour, working = (local.hour - 0.5) % 24.0, local.spread(local.weekday < 5)
    usual = np.where(working, by_hour(hour, made.weekday), by_hour(hour, made.weekend))
    return State(times, Air(**(still | air)), usual if traffic is None else traffic * usual)


class Stations:
    """Some stations of one kind: their model with the luck and the noise of a seed."""

    def __init__(self, model, city: str, number: int = 4, seed: int = 1) -> None:
        streams = Streams(seed)
        names = [f"{city}/station-{n}" for n in range(number)]
        self._columns = model.noise
        self._noise = QuantileNoise(streams, names, "noise", len(model.noise))
        luck = once(streams, names, (*model.noise, *model.sites))
        self._model = model(cities()[city], streams, CADENCE, luck)

    def truth(self, found: State) -> dict[str, np.ndarray]:
        noise = dict(zip(self._columns, self._noise.render(len(found.times)), strict=True))
        return self._model.truth(found, noise)


def parts(found: State, *ends: int) -> list[State]:
    """Get a state cut into blocks that end before these ticks, and the rest."""
    bounds = [0, *ends, len(found.times)]
    cut = []
    for first, last in pairwise(bounds):
        local = calendar(found.times[first:last], ZoneInfo("Asia/Bangkok"))
        air = {e.name: getattr(found.air, e.name) for e in fields(Air) if e.name != "calendar"}
        inner = {name: values[first:last] for name, values in air.items()}
        cut.append(State(found.times[first:last], Air(calendar=local, **inner), found.traffic[first:last]))
    return cut


def by_local_hour(found: State, values: np.ndarray) -> np.ndarray:
    """Get the means of (stations, ticks) by local hour, relative to their mean, (24,)."""
    hour = found.local.hour.astype(int)
    means = np.array([values[:, hour == h].mean() for h in range(24)])
    return means / means.mean()
