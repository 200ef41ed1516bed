"""Faults of what a station observes: bodies in, bodies out, before they are numbered.

Only readings have values to change; a silent station and a wrong clock concern events and statistics too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from collector.language.indicators import indicators
from collector.language.messages import Event, Readings, Statistic
from collector.language.profile import StationProfile
from simulator.faults.account import Account
from simulator.faults.conversions import conversion_of
from simulator.faults.fault import Fault, Luck

Body = Readings | Event | Statistic
Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]
DAY = 86_400.0
DECIMALS = 6


@dataclass(slots=True)
class Spot:
    """One indicator of one station under a fault; `held` is where it is stuck."""

    fault: Fault
    luck: Luck
    name: tuple[str, str, str]
    held: float | None = None

    @property
    def indicator(self) -> str:
        """The indicator."""
        return self.name[2]


@dataclass(slots=True)
class ValueFault:
    """A fault of values at work, with what it remembers of each station; `account` counts what it silences too."""

    fault: Fault
    luck: Luck
    account: Account
    _spots: dict[tuple[str, str, str], Spot] = field(default_factory=dict)

    def act(self, station: StationProfile, body: Body, time: int) -> tuple[list[Body], bool]:
        """What a station says instead of a body said at `time`, and whether the fault had a hand in it."""
        kind = self.fault.fault
        if not isinstance(body, Readings):
            return self._act_on_news(station, body, time)
        epochs = body.times.view(np.int64)
        acting = self._within(epochs)
        if kind != "stuck":
            acting = self._lucky(station, epochs, acting)
        if not acting.any():
            return [body], False
        if kind == "clock-skew":
            return self._skewed(body, epochs, acting), True
        if kind == "silence":
            return self._silenced(body, acting)
        return self._changed(station, body, epochs, acting)

    def _act_on_news(self, station: StationProfile, body: Event | Statistic, time: int) -> tuple[list[Body], bool]:
        silent = self.fault.fault == "silence" and self.fault.target.indicator is None
        if not (silent or self.fault.fault == "clock-skew") or not self.fault.within(time):
            return [body], False
        if not self._drawn(station, _identity(body)):
            return [body], False
        if silent:
            self.account.acted += 1
            return [], False
        moment = body.time if isinstance(body, Event) else body.published
        moved = self._moved(moment.reshape(1).view(np.int64), np.array([True])).view("datetime64[s]")[0]
        if isinstance(body, Event):
            return [replace(body, time=moved)], True
        return [replace(body, published=moved)], True

    def _within(self, epochs: Integers) -> Flags:
        acting: Flags = epochs >= self.fault.since
        if self.fault.until is not None:
            acting &= epochs < self.fault.until
        return acting

    def _lucky(self, station: StationProfile, epochs: Integers, acting: Flags) -> Flags:
        if self.fault.probability >= 1.0 or not acting.any():
            return acting
        drawn = [self._drawn(station, epoch) for epoch in epochs.tolist()]
        return np.logical_and(acting, drawn)

    def _drawn(self, station: StationProfile, about: object) -> bool:
        chance = self.fault.probability
        return chance >= 1.0 or self.luck.uniform("acts", station.city, station.id, about) < chance

    def _silenced(self, body: Readings, acting: Flags) -> tuple[list[Body], bool]:
        name = self.fault.target.indicator
        if name is None:
            self.account.acted += int(np.count_nonzero(acting))
            return _kept(body, ~acting), False
        if name not in body.columns or np.isnan(body.columns[name][acting]).all():
            return [body], False
        cells = np.where(acting, np.nan, body.columns[name])
        columns = body.columns | {name: cells}
        heard = np.any([np.isfinite(column) for column in columns.values()], axis=0)
        self.account.acted += int(np.count_nonzero(~heard))
        return _kept(Readings(body.times, columns), heard), True

    def _skewed(self, body: Readings, epochs: Integers, acting: Flags) -> list[Body]:
        moved = self._moved(epochs, acting)
        cuts = np.flatnonzero(np.diff(moved) <= 0) + 1  # a pack has ascending times: where the clock jumped back, two
        bounds = [0, *cuts.tolist(), len(moved)]
        return [
            Readings(
                moved[first:last].view("datetime64[s]"),
                {name: column[first:last] for name, column in body.columns.items()},
            )
            for first, last in pairwise(bounds)
        ]

    def _moved(self, epochs: Integers, acting: Flags) -> Integers:
        offset, ppm = self.fault.parameters["offset"], self.fault.parameters["ppm"]
        gained = np.rint(offset + ppm * 1e-6 * (epochs - self.fault.since)).astype(np.int64)
        return epochs + np.where(acting, gained, 0)

    def _changed(
        self, station: StationProfile, body: Readings, epochs: Integers, acting: Flags
    ) -> tuple[list[Body], bool]:
        aimed = self.fault.target.indicator
        columns = dict(body.columns)
        for name in body.columns if aimed is None else {aimed} & set(body.columns):
            spot = self._spot(station, name)
            values = CHANGES[self.fault.fault](spot, body.columns[name], epochs, acting)
            columns[name] = np.where(acting, np.round(values, DECIMALS), body.columns[name])
        changed = any(not np.array_equal(columns[name], body.columns[name], equal_nan=True) for name in columns)
        return [Readings(body.times, columns)] if changed else [body], changed

    def _spot(self, station: StationProfile, indicator: str) -> Spot:
        name = (station.city, station.id, indicator)
        if name not in self._spots:
            self._spots[name] = Spot(self.fault, self.luck, name)
        return self._spots[name]


def _identity(body: Event | Statistic) -> str:
    return body.id if isinstance(body, Event) else f"{body.indicator} {body.period} {body.revision}"


def _kept(body: Readings, heard: Flags) -> list[Body]:
    if heard.all():
        return [body]
    if not heard.any():
        return []
    return [Readings(body.times[heard], {name: column[heard] for name, column in body.columns.items()})]


def _either(fault: Fault, absolute: str, relative: str, default: float) -> tuple[float, float]:
    """The absolute size and the share (not in %) of a change; the default share where neither is given."""
    size, percent = fault.parameters[absolute], fault.parameters[relative]
    if size is None and percent is None:
        percent = default
    return size or 0.0, (percent or 0.0) / 100.0


def _stuck(spot: Spot, values: Floats, epochs: Integers, acting: Flags) -> Floats:
    given = spot.fault.parameters["value"]
    if given is not None:
        return np.where(np.isnan(values), np.nan, given)
    if spot.held is None:
        told = values[acting & ~np.isnan(values)]
        spot.held = float(told[0]) if len(told) else None
    lucky = [
        spot.fault.probability >= 1.0 or spot.luck.uniform("acts", *spot.name, epoch) < spot.fault.probability
        for epoch in epochs.tolist()
    ]
    return np.where(np.isnan(values) | ~np.array(lucky), values, np.nan if spot.held is None else spot.held)


def _drift(spot: Spot, values: Floats, epochs: Integers, _acting: Flags) -> Floats:
    per_day, share = _either(spot.fault, "per_day", "percent_per_day", 5.0)
    days = (epochs - spot.fault.since) / DAY
    return np.asarray(values * (1.0 + share * days) + per_day * days)


def _bias(spot: Spot, values: Floats, _epochs: Integers, _acting: Flags) -> Floats:
    offset, share = _either(spot.fault, "offset", "percent", 20.0)
    return values * (1.0 + share) + offset


def _spike(spot: Spot, values: Floats, _epochs: Integers, _acting: Flags) -> Floats:
    offset, share = _either(spot.fault, "offset", "percent", 500.0)
    return values * (1.0 + share) + offset


def _noise(spot: Spot, values: Floats, epochs: Integers, acting: Flags) -> Floats:
    sd, share = _either(spot.fault, "sd", "percent", 10.0)
    normals = np.zeros(len(values))
    for at in np.flatnonzero(acting).tolist():
        normals[at] = spot.luck.normal("noise", *spot.name, int(epochs[at]))
    return np.asarray(values + normals * np.hypot(sd, share * values))


def _wrong_unit(spot: Spot, values: Floats, _epochs: Integers, _acting: Flags) -> Floats:
    entry = indicators().get(spot.indicator)
    found = None if entry is None else conversion_of(spot.fault.parameters["conversion"], entry.unit)
    return values if found is None else values * found.factor + found.offset


CHANGES: Mapping[str, Callable[[Spot, Floats, Integers, Flags], Floats]] = {
    "stuck": _stuck,
    "drift": _drift,
    "bias": _bias,
    "spike": _spike,
    "noise": _noise,
    "wrong-unit": _wrong_unit,
}
"""What each kind makes of the values of an indicator, (ticks,), at the ticks at which it acts."""


def act_in_order(
    faults: Sequence[ValueFault], station: StationProfile, body: Body, time: int
) -> list[tuple[Body, tuple[ValueFault, ...]]]:
    """What a station says instead of a body, through several faults in order, each with those that had a hand in it.

    A body that a fault silenced is left out.
    """
    said: list[tuple[Body, tuple[ValueFault, ...]]] = [(body, ())]
    for one in faults:
        if not one.fault.target.concerns(station):
            continue
        after: list[tuple[Body, tuple[ValueFault, ...]]] = []
        for given, hands in said:
            bodies, acted = one.act(station, given, time)
            after += [(each, (*hands, one) if acted else hands) for each in bodies]
        said = after
    return said
