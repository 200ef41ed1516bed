"""The states of all alerts: every rule against every series, in memory. Pure of I/O and of clocks; not thread-safe.

Values go in as they were committed, notices come out. What it holds is bounded.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from collector.alerts.notices import Notice, notice
from collector.alerts.rules import Kind, Rule, State, Track
from collector.language.profile import StationProfile

RUNS = 20
SERIES = 50_000
AHEAD = 2 * 86_400
"""Seconds ahead of what two stations have reached beyond which a station's clock is taken to be wrong."""
Series = tuple[str, str, str]
"""A city, a station and an indicator (empty: any)."""


@dataclass(slots=True)
class RunState:
    """What is known of a run.

    `first` and `second` are the two stations furthest ahead, each with its newest time. `irregular` are stations (city
    and id) that speak only when something happens: their silence says nothing. `seen` holds the newest time of
    each series that rules look at, `names` those of cities. `tracks` are by rule, city and station (empty: the city),
    `said` holds what was said of those that stand.
    """

    origin: str = "unknown"
    first: tuple[str, int] | None = None
    second: tuple[str, int] | None = None
    seen: dict[Series, int] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    irregular: set[tuple[str, str]] = field(default_factory=set)
    tracks: dict[tuple[str, str, str], Track] = field(default_factory=dict)
    said: dict[tuple[str, str, str], Notice] = field(default_factory=dict)

    @property
    def watermark(self) -> int | None:
        """How far the run has come: what two stations have reached, so that one wrong clock moves nothing."""
        ahead = self.second or self.first
        return None if ahead is None else ahead[1]

    def reach(self, station: str, time: int) -> None:
        """Note how far a station has come."""
        first, second = self.first, self.second
        if first is None or station == first[0]:
            self.first = (station, time if first is None else max(time, first[1]))
        elif time > first[1]:
            self.first, self.second = (station, time), first
        elif second is None or station == second[0] or time > second[1]:
            self.second = (station, time if second is None or station != second[0] else max(time, second[1]))

    def astray(self, time: int) -> bool:
        """Whether a time is so far ahead that only a wrong clock can have told it."""
        return self.second is not None and time > self.second[1] + AHEAD


class Board:
    """Every rule against every series, for the newest runs; `hidden` counts series that there was no room for."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self.rules = {rule.id: rule for rule in rules}
        self.runs: dict[str, RunState] = {}
        self.hidden = 0
        self._watching: dict[str, list[Rule]] = {}
        for rule in rules:
            if rule.indicator:
                self._watching.setdefault(rule.indicator, []).append(rule)
        self._silence = [rule for rule in rules if rule.kind is Kind.MISSING]
        self._any = [rule for rule in self._silence if not rule.indicator]

    @property
    def indicators(self) -> tuple[str, ...]:
        """The indicators that rules look at."""
        return tuple(self._watching)

    @property
    def hears_all(self) -> bool:
        """Whether a rule asks for any reading at all."""
        return bool(self._any)

    def watches(self, indicator: str) -> bool:
        """Whether a rule looks at an indicator."""
        return indicator in self._watching

    def flagged(self, indicator: str) -> bool:
        """Whether a rule takes values of an indicator that are out of their bounds."""
        return any(rule.flagged for rule in self._watching.get(indicator, ()))

    def run(self, name: str) -> RunState:
        """The state of a run; where there is no room, the one that was quiet longest gives way."""
        state = self.runs.pop(name, None) or RunState()
        self.runs[name] = state
        while len(self.runs) > RUNS:
            del self.runs[next(iter(self.runs))]
        return state

    def born(self, name: str, station: StationProfile) -> None:
        """A station came online: if it is expected to speak and never does, that is told."""
        state = self.run(name)
        where = (station.city, station.id)
        if not station.cadence:
            if len(state.irregular) < SERIES:
                state.irregular.add(where)
            return
        for rule in self._silence:
            if rule.concerns(*where) and (not rule.indicator or rule.indicator in station.indicators):
                self._track(state, rule, *where)

    def sane(self, name: str, city: str, station: str, first: int, last: int) -> bool:
        """Note that a station speaks of [first, last]; whether its clock can be right. Else it is not to be heard."""
        state = self.run(name)
        if (city, station) not in state.irregular:
            state.reach(f"{city}/{station}", last)
        return not state.astray(first)

    def hear(self, name: str, city: str, station: str, time: int) -> Iterator[Notice]:
        """A station said something; it may have said it before."""
        state = self.run(name)
        if self._any and (city, station) not in state.irregular:
            yield from self._take(self._any, name, state, (city, station, ""), time, 0.0, sound=True)

    def take(self, name: str, series: Series, time: int, value: float, *, sound: bool = True) -> Iterator[Notice]:
        """A reading of a series; `sound` if it is within its bounds."""
        yield from self._take(self._watching.get(series[2], ()), name, self.run(name), series, time, value, sound=sound)

    def look(self, name: str) -> Iterator[Notice]:
        """Look who has been silent for too long, by the watermark of a run."""
        state = self.run(name)
        watermark = state.watermark
        if watermark is None or not self._silence:
            return
        for (rule_id, city, station), track in state.tracks.items():
            rule = self.rules[rule_id]
            if rule.kind is Kind.MISSING and track.silence(rule, watermark) is State.RAISED:
                yield self._notice(rule, name, state, (city, station), track, track.since, State.RAISED)

    def standing(self) -> Iterator[Notice]:
        """The alerts that stand, as they were said."""
        for state in self.runs.values():
            yield from state.said.values()

    def _take(
        self, rules: Sequence[Rule], name: str, state: RunState, series: Series, time: int, value: float, *, sound: bool
    ) -> Iterator[Notice]:
        city, station, _ = series
        before = state.seen.get(series)
        if before is None or time > before or state.astray(before):
            state.seen[series] = time
        for rule in rules:
            if not (sound or rule.flagged or rule.kind is Kind.MISSING) or not rule.concerns(city, station):
                continue
            track = self._track(state, rule, city, station)
            if track is None:
                continue
            if track.newest is not None and state.astray(track.newest):
                track.forget()
            since = track.since
            changed = track.take(rule, time, value, station)
            if changed is not None:
                since = track.since if changed is State.RAISED else since
                yield self._notice(rule, name, state, (city, "" if rule.by_city else station), track, since, changed)

    def _track(self, state: RunState, rule: Rule, city: str, station: str) -> Track | None:
        key = (rule.id, city, "" if rule.by_city else station)
        track = state.tracks.get(key)
        if track is None:
            if len(state.tracks) >= SERIES or len(state.seen) > SERIES:
                self.hidden += 1
                return None
            track = state.tracks[key] = Track()
        return track

    def _notice(
        self, rule: Rule, name: str, state: RunState, where: tuple[str, str], track: Track, since: int, change: State
    ) -> Notice:
        names = (state.names.get(where[0], ""), state.origin)
        found = notice(rule, (name, *where), track, change, since, names)
        if change is State.RAISED:
            state.said[rule.id, *where] = found
        else:
            state.said.pop((rule.id, *where), None)
        return found
