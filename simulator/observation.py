"""How what is true becomes what stations say: instruments, calibration, broken sensors, gaps.

    observed = (sensitivity + relative z) truth + offset + absolute z, rounded to steps, within the limits
    sensitivity = (gain + drift) growth / (1 + truth dead_time)

with z standard normal; gain and offset are drawn once per station. What is true is never touched.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from math import exp

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from simulator import environment, parameters
from simulator.drivers import DAY, Calendar
from simulator.flows.activity import State
from simulator.parameters.climate import Reliability
from simulator.parameters.instruments import Dead, Instrument, Zeros
from simulator.streams import DAYS_AHEAD, Floats, Streams

Integers = NDArray[np.int64]
Spells = tuple[Integers, Integers, Integers]
"""Which station, from when and until when (not included, epoch seconds), each (spells,)."""
Durations = Iterator[tuple[int, int]]
"""How long a thing works and how long it is then broken, in seconds, again and again."""
DRY, WETTEST = 0.70, 0.95
DAYS_A_MONTH = 365.25 / 12.0


class Observation:
    """What the stations of one kind say of what is true, with the state that is carried from block to block.

    `names` are those of the stations' streams; `luck` holds standard normals, (stations, 1), named as in `bias`.
    """

    def __init__(
        self, kind: str, indicators: Iterable[str], names: tuple[str, ...], streams: Streams, luck: Mapping[str, Floats]
    ) -> None:
        made = {name: parameters.instruments(kind)[name] for name in indicators}
        lapses = parameters.lapses()
        self._readers = {
            name: Reader(one, one.gain + one.gain_sd * luck[f"{name}/gain"], one.offset_sd * luck[f"{name}/offset"])
            for name, one in made.items()
        }
        self._growing = any(one.kappa for one in made.values())
        self._drift = Drift(streams, names) if any(one.drift_sd for one in made.values()) else None
        self._calibrated = [name for name, one in made.items() if one.calibrates]
        self._phases = phases(streams, names) if self._calibrated else np.zeros(0, dtype=np.int64)
        self._dead = {
            name: Breakdowns([dead(streams, station, name, lapses.dead) for station in names])
            for name, one in made.items()
            if one.says_zero
        }
        self._zeros = Breakdowns([zeros(streams, station, lapses.zeros) for station in names if self._dead])

    def observe(self, truth: Mapping[str, Floats], noise: Mapping[str, Floats], state: State) -> dict[str, Floats]:
        """Get what the stations say at the ticks of a state of the city, in the place of the noise.

        Truth, noise (standard normals) and readings are by indicator, each (stations, ticks). Where calibration took
        a sample it is NaN, where a sensor that says so was broken it is 0.
        """
        drift = self._drift.follow(state.local) if self._drift else None
        humidity = _humidity(state) if self._growing else None
        observed = {
            name: self._readers[name].read(values, noise[name], drift, humidity) for name, values in truth.items()
        }
        self._say_zero(observed, state.times)
        for order, name in enumerate(self._calibrated):
            observed[name][touched(state.times, calibrations(state.times, self._phases, order))] = np.nan
        return observed

    def _say_zero(self, observed: Mapping[str, Floats], times: Integers) -> None:
        if self._dead:
            together = self._zeros.within(times)
            for name, dead_ones in self._dead.items():
                observed[name][touched(times, spells(together + dead_ones.within(times)))] = 0.0


@dataclass(frozen=True, slots=True)
class Reader:
    """The instruments of one indicator at several stations, with the gain and the offset of each, (stations, 1)."""

    made: Instrument
    gain: Floats
    offset: Floats

    def read(
        self, truth: Floats, values: Floats, drift: Floats | None = None, humidity: Floats | None = None
    ) -> Floats:
        """Get the readings, (stations, ticks), in the place of standard normals (`values`).

        `drift` (stations, ticks) is a random walk of sd 1 after a month, `humidity` (ticks,) in %.
        """
        made, sensitivity = self.made, self.sensitivity(truth, drift, humidity)
        if made.relative:
            values *= made.relative * made.steps
            values += sensitivity
            values *= truth
        else:
            values *= made.absolute * made.steps
            values += sensitivity * truth
        if made.offset_sd:
            values += made.steps * self.offset
        if made.least is not None:
            np.maximum(values, made.least * made.steps, out=values)
        if made.most is not None:
            np.minimum(values, made.most * made.steps, out=values)
        np.rint(values, out=values)
        values += 0.0  # no negative zero
        values /= made.steps
        return values

    def sensitivity(self, truth: Floats, drift: Floats | None, humidity: Floats | None) -> Floats:
        """Get how much a reading rises with the truth, in steps: gain, drift, growth, what a counter misses."""
        made = self.made
        found = made.steps * self.gain
        if made.drift_sd and drift is not None:
            found = found + made.steps * made.drift_sd * drift
        if made.kappa and humidity is not None:
            found = found * growth(humidity, made.kappa)
        if made.dead_time:
            missed = truth * (made.dead_time / 3600.0)
            missed += 1.0
            found = np.divide(found, missed, out=missed)
        return found


class Drift:
    """Random walks, one draw per local day and station, linear between midnights; 0 on the first day, sd 1 a month."""

    def __init__(self, streams: Streams, names: Iterable[str]) -> None:
        self._generators = [streams.generator(name, "drift") for name in names]
        self._walk = np.zeros((len(self._generators), 1))
        self._first: int | None = None

    def follow(self, local: Calendar) -> Floats:
        """Get the walks at the next ticks, (stations, ticks)."""
        if self._first is None:
            self._first = int(local.days[0])
        at = local.days - self._first
        self._draw(int(at[-1]) + 2 - self._walk.shape[1])
        reached = self._walk[:, at[0] : at[-1] + 2]
        row = local.spread(np.arange(len(at)))
        values = np.diff(reached, axis=1).take(row, axis=1)
        values *= local.hour / 24.0
        values += reached.take(row, axis=1)
        return values

    def _draw(self, days: int) -> None:
        if days > 0:
            days = max(days, DAYS_AHEAD)
            steps = np.array([generator.standard_normal(days) for generator in self._generators])
            walk = np.concatenate([self._walk[:, -1:], steps / np.sqrt(DAYS_A_MONTH)], axis=1).cumsum(axis=1)
            self._walk = np.concatenate([self._walk, walk[:, 1:]], axis=1)


class Breakdowns:
    """When things of several stations are broken: the durations of each (row), followed from block to block."""

    def __init__(self, durations: Iterable[Durations]) -> None:
        self._durations = list(durations)
        self._drawn: list[int] = []
        self._spells: list[tuple[int, int, int]] = []

    def within(self, times: Integers) -> list[tuple[int, int, int]]:
        """Get the spells (row, begin, end) that may touch the next ticks."""
        first, last = int(times[0]), int(times[-1])
        self._drawn = self._drawn or [first] * len(self._durations)
        while (until := min(self._drawn)) <= last:
            row = self._drawn.index(until)
            working, broken = next(self._durations[row])
            begin = until + working
            self._drawn[row] = begin + broken
            self._spells.append((row, begin, begin + broken))
        self._spells = [spell for spell in self._spells if spell[2] > first]
        return self._spells


def bias(indicators: tuple[str, ...]) -> tuple[str, ...]:
    """Get the names of what instruments have for good: the gain and the offset of each."""
    return tuple(f"{indicator}/{part}" for indicator in indicators for part in ("gain", "offset"))


def growth(humidity: Floats, kappa: float) -> Floats:
    """Get what a sensor that scatters light sees of particles in air of a relative humidity (%), relative to dry air.

    g(a) / g(0.70) with g(a) = 1 + kappa a / (1 - a), a the relative humidity as a fraction, held within 0.70 (below
    it particles are taken as dry: an assumption, as a sensor is compared with a reference in such air) and 0.95.
    Growth of mass by kappa-Köhler theory (Petters and Kreidenweis 2007; for such sensors Crilley et al. 2018).
    """
    activity = np.clip(humidity / 100.0, DRY, WETTEST)
    return np.asarray((1.0 + kappa * activity / (1.0 - activity)) / (1.0 + kappa * DRY / (1.0 - DRY)))


def phases(streams: Streams, names: Iterable[str]) -> Integers:
    """Get when in its cycle each station calibrates, in seconds, (stations,)."""
    every = round(3600.0 * parameters.lapses().calibration.every_hours)
    return np.array([streams.generator(name, "calibration").integers(every) for name in names], dtype=np.int64)


def calibrations(times: Integers, phases: Integers, order: int) -> Spells:
    """Get when analysers calibrate: every 23 hours, one after the other (`order` from 0), each for an hour."""
    made = parameters.lapses().calibration
    every, lasting = round(3600.0 * made.every_hours), round(3600.0 * made.hours)
    begin = phases + order * lasting
    begin = begin + (times[0] - begin) // every * every
    begins = begin[:, np.newaxis] + every * np.arange((times[-1] - times[0]) // every + 2)
    return np.repeat(np.arange(len(phases)), begins.shape[1]), begins.ravel(), begins.ravel() + lasting


def spells(found: Iterable[tuple[int, int, int]]) -> Spells:
    """Get spells from rows of station, begin and end."""
    station, begin, end = np.array(list(found), dtype=np.int64).reshape(-1, 3).T
    return station, begin, end


def touched(times: Integers, when: Spells) -> tuple[Integers, Integers]:
    """Get which stations and which ticks are within spells, each (touched,)."""
    station, begin, end = when
    first, last = times.searchsorted(begin), times.searchsorted(end)
    ticks = last - first
    tick = np.arange(ticks.sum()) - np.repeat(np.cumsum(ticks) - last, ticks)
    return np.repeat(station, ticks), tick


def gaps(streams: Streams, station: str, reliability: Reliability) -> Durations:
    """Get, one after another, how long a station speaks and how long it is then silent, in seconds.

    The unavailable share is lognormal between stations, the length of a gap lognormal; a station speaks for an
    exponential time of the mean that follows from both.
    """
    luck, made = streams.generator(station, "gaps"), reliability
    share = min(made.unavailable_median * exp(made.unavailable_sd * luck.standard_normal()), made.unavailable_most)
    speaking = 3600.0 * _mean_gap(made) * (1.0 - share) / share
    while True:
        silent = 3600.0 * np.minimum(made.gap_hours * np.exp(made.gap_sd * luck.standard_normal(16)), made.gap_most)
        spans = np.rint([speaking * luck.standard_exponential(16), silent])
        yield from zip(*np.maximum(spans, 1.0).astype(np.int64).tolist(), strict=True)


def zeros(streams: Streams, station: str, made: Zeros) -> Durations:
    """Get how long the sensors of a station work (exponential) and then all say 0 (lognormal), in seconds."""
    luck = streams.generator(station, "zeros")
    while True:
        working = 3600.0 * made.every_hours * luck.standard_exponential()
        hours = min(made.hours * exp(made.sd * luck.standard_normal()), made.most)
        yield round(working), max(round(3600.0 * hours), 1)


def dead(streams: Streams, station: str, indicator: str, made: Dead) -> Durations:
    """Get how long a sensor works and is then dead, both exponential, in seconds; it may be dead at the start."""
    luck = streams.generator(station, f"dead/{indicator}")
    alive = made.days * (1.0 - made.share) / made.share if made.share else np.inf
    working = 0.0 if luck.random() < made.share else alive
    while True:
        spans = DAY * np.array([working, made.days]) * luck.standard_exponential(2)
        yield round(min(float(spans[0]), 1e11)), max(round(float(spans[1])), 1)
        working = alive


@cache
def _mean_gap(reliability: Reliability) -> float:
    """Get the mean of the lognormal length of a gap, cut at its maximum, in hours (by quantiles)."""
    quantiles = np.exp(reliability.gap_sd * ndtri((np.arange(1000) + 0.5) / 1000.0))
    return float(np.minimum(reliability.gap_hours * quantiles, reliability.gap_most).mean())


def _humidity(state: State) -> Floats:
    return environment.relative_humidity(state.air.temperature, state.air.dew_point)
