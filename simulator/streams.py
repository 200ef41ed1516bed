"""Named random streams: every stochastic thing has a name, and draws of its own.

The scenario is not part of the key, so two scenarios share their weather and their luck, and what differs is what
was changed. A stream is one distribution with a fixed number of draws per tick (or per local day), so adding a
station, a city or an event leaves all other draws as they were, and the length of a block does not matter.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, lru_cache
from math import gcd

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from simulator.parameters.tables import MemoryTerms
from simulator.recursion import lfilter

Floats = NDArray[np.float64]
DAYS_AHEAD = 64
DAY = 86_400


@dataclass(frozen=True, slots=True)
class Streams:
    """The streams of one replication of a seed."""

    seed: int
    replication: int = 0

    def generator(self, name: str, purpose: str) -> np.random.Generator:
        """Get the generator of a thing (`name`) for one purpose, always at its first draw.

        SFC64 draws normals about a quarter faster than numpy's default bit generator.
        """
        key = (self.replication, *_digest(name), *_digest(purpose))
        return np.random.Generator(np.random.SFC64(seed_sequence(self.seed, key)))


def seed_sequence(seed: int, key: tuple[int, ...]) -> np.random.SeedSequence:
    """Get what draws as `SeedSequence(seed, spawn_key=key)` and is made four times as fast.

    The words of seed and key are assembled here, the way numpy does it one by one; each part of the key below 2^32.
    """
    if seed >> 128 or max(key) >> 32:
        return np.random.SeedSequence(seed, spawn_key=key)
    words = [seed >> shift & 0xFFFF_FFFF for shift in (0, 32, 64, 96)]
    return np.random.SeedSequence(np.array([*words, *key], dtype=np.uint32))


class QuantileNoise:
    """Independent normals in several columns, one stream per name, one draw of each per tick.

    Each is one of 65,536 equally likely values, the means of the standard normal between its 65,536-quantiles scaled
    to variance 1 (the largest is 4.3). A word of 64 random bits holds four of them, so that one costs a third of an
    exact normal.
    """

    def __init__(self, streams: Streams, names: Iterable[str], purpose: str, columns: int) -> None:
        self._generators = [streams.generator(name, purpose).bit_generator for name in names]
        self._columns, self._words = columns, -(-columns // 4)

    def render(self, ticks: int, which: NDArray[np.int64] | None = None) -> Floats:
        """Get the next draws, shape (columns, names, ticks), or only those at some of the ticks (numbered from 0)."""
        values = np.empty((self._columns, len(self._generators), ticks if which is None else len(which)))
        for row, generator in enumerate(self._generators):
            words = generator.random_raw(ticks * self._words).astype("<u8", copy=False)
            quarters = words.view("<u2").reshape(ticks, 4 * self._words)
            wanted = quarters if which is None else quarters[which]
            for column in range(self._columns):
                _quantile_means().take(wanted[:, column], out=values[column, row], mode="clip")
        return values


class Relaxation:
    """Ornstein-Uhlenbeck processes of mean 0, driven by given standard normals.

    x(t + dt) = x(t) exp(-dt / tau) + sd sqrt(1 - exp(-2 dt / tau)) z, exact for any step (Gillespie 1996).
    `first` (names, 1) is the state before the first tick in units of `sd`, the square root of the variance; `hours` is
    tau in hours, `cadence` the step dt in seconds.
    """

    def __init__(self, first: Floats, hours: float, cadence: int, sd: float = 1.0) -> None:
        decay = float(np.exp(-cadence / (3600.0 * hours)))
        self._input = np.array([sd * np.sqrt(1.0 - decay**2)])
        self._feedback = np.array([1.0, -decay])
        self._state = sd * decay * first

    def follow(self, noise: Floats) -> Floats:
        """Get the next values, shape (names, ticks) as the noise."""
        if not noise.size:
            return noise
        values, self._state = lfilter(self._input, self._feedback, noise, axis=-1, zi=self._state)
        return np.asarray(values)


class Memory:
    """A process of mean 0 and variance 1: a fast and a slow `Relaxation`, and a daily cycle that comes and goes.

    The cycle is U cos(w t) + V sin(w t), w = 2π a day, with U and V `Relaxation`: it lets the shape of the day differ
    from week to week, so that the autocorrelation rises again at 24 h. All begin in their stationary state.
    """

    def __init__(self, streams: Streams, name: str, purpose: str, terms: MemoryTerms, cadence: int) -> None:
        def term(first: Floats, hours: float, share: float) -> Relaxation:
            return Relaxation(first, hours, cadence, float(np.sqrt(share)))

        self._noise = QuantileNoise(streams, [name], f"{purpose}/memory", 4)
        noise = self._noise.render(1)[:, 0]
        self._fast = term(noise[:1], terms.fast_hours, terms.fast_share)
        self._slow = term(noise[1:2], terms.slow_hours, terms.slow_share)
        self._waves = term(noise[2:], terms.cycle_hours, terms.cycle_share) if terms.cycle_share else None

    def render(self, times: NDArray[np.int64]) -> Floats:
        """Get the values at the next ticks (epoch seconds), (ticks,)."""
        noise = self._noise.render(len(times))[:, 0]
        values = self._fast.follow(noise[:1])[0]
        values += self._slow.follow(noise[1:2])[0]
        if self._waves:
            cycles = self._waves.follow(noise[2:])
            cycles *= _daily_waves(times)
            values += cycles[0]
            values += cycles[1]
        return np.asarray(values)


def _daily_waves(times: NDArray[np.int64]) -> Floats:
    """Get the cosine and the sine of the time of the day (UTC) at ticks of one cadence, (2, ticks)."""
    cadence = int(times[1] - times[0]) if len(times) > 1 else DAY
    return _waves_from(int(times[0]) % DAY, cadence, len(times))


@lru_cache(maxsize=8)
def _waves_from(second: int, cadence: int, ticks: int) -> Floats:
    seconds = second + cadence * np.arange(min(DAY // gcd(cadence, DAY), ticks))
    angle = 2.0 * np.pi / DAY * (seconds % DAY)
    return np.array([np.resize(np.cos(angle), ticks), np.resize(np.sin(angle), ticks)])


class DailyNormals:
    """Standard normals by local day (days since 1970-01-01), drawn in the order of days from `first` on."""

    def __init__(self, generator: np.random.Generator, first: int) -> None:
        self._generator = generator
        self._first = first
        self._drawn = np.empty(0)

    def __getitem__(self, day: int) -> float:
        return float(self.of(range(day, day + 1))[0])

    def of(self, days: range) -> Floats:
        """Get the normals of a range of days, (days,)."""
        if (missing := days.stop - self._first - len(self._drawn)) > 0:
            self._drawn = np.append(self._drawn, self._generator.standard_normal(max(missing, DAYS_AHEAD)))
        return self._drawn[days.start - self._first : days.stop - self._first]


def once(streams: Streams, names: Iterable[str], purposes: tuple[str, ...]) -> dict[str, Floats]:
    """Get a standard normal per name for each of some purposes, (names, 1), from one stream per name."""
    drawn = [streams.generator(name, "once").standard_normal(len(purposes)) for name in names]
    return dict(zip(purposes, np.array(drawn).reshape(-1, len(purposes)).T[:, :, np.newaxis], strict=True))


@cache
def _quantile_means() -> Floats:
    bounds = ndtri(np.arange(65_537) / 65_536.0)
    means = -np.diff(np.exp(-0.5 * bounds**2))
    return np.asarray(means / means.std())


def _digest(text: str) -> tuple[int, int]:
    digest = int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")
    return digest >> 32, digest & 0xFFFF_FFFF
