"""What is said of an alert: raised or cleared, where, by how much; its topic and its payload."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

from collector.alerts.rules import Kind, Rule, State, Track
from collector.language.codec import dump
from collector.language.indicators import indicators
from collector.language.time import format_epoch
from collector.language.topics import ROOT

WHOLE_CITY = "-"
"""Stands for the station in the topic of an alert about a whole city; no station can be called that."""

Place = tuple[str, str, str]
"""A run, a city and a station, the last empty for the whole city."""


@dataclass(frozen=True, slots=True)
class Notice:
    """An alert was raised or cleared. `id` is the same whenever the same is said again.

    `since` is when the cause began, `time` the reading time at which it was raised or cleared, both in seconds since
    1970. `origin` is that of the readings behind it.
    """

    id: str
    state: str
    rule: str
    severity: str
    run: str
    city: str
    station: str
    indicator: str
    value: float | None
    unit: str
    level: float
    clear: float
    since: int
    time: int
    origin: str
    message: str

    @property
    def topic(self) -> str:
        """Where it is published, retained."""
        return f"{ROOT}/{self.run}/alerts/{self.rule}/{self.city}/{self.station or WHOLE_CITY}"

    @property
    def payload(self) -> bytes:
        """What is published and posted."""
        return dump(told(self))


def told(notice: Notice) -> dict[str, Any]:
    """A notice as JSON has it: times in ISO 8601, no station for a whole city."""
    times = {name: format_epoch(getattr(notice, name)) for name in ("since", "time")}
    return asdict(notice) | times | {"station": notice.station or None, "indicator": notice.indicator or None}


def notice(rule: Rule, place: Place, track: Track, state: State, since: int, names: tuple[str, str]) -> Notice:
    """What is to be said: `since` is when the cause began, `names` are that of the city and the origin of its readings.

    `track` is as it stands after the change.
    """
    run, city, station = place
    raised = state is State.RAISED
    newest = track.newest or since
    time = newest + round(rule.level) if raised and rule.kind is Kind.MISSING else newest
    value = track.value if raised or rule.kind is not Kind.MISSING else None
    return Notice(
        id=f"{run}/{rule.id}/{city}/{station or WHOLE_CITY}/{since}/{'raised' if raised else 'cleared'}",
        state="raised" if raised else "cleared",
        rule=rule.id,
        severity=rule.severity.value,
        run=run,
        city=city,
        station=station,
        indicator=rule.indicator,
        value=value,
        unit=rule.unit,
        level=rule.level,
        clear=rule.clear,
        since=since,
        time=time,
        origin=names[1],
        message=_message(rule, place, value, time, names[0]) if raised else _over(rule, place, names[0]),
    )


def withdrawn(said: Notice, time: int, city_name: str) -> Notice:
    """What is to be said of an alert that stood when its rule was changed or taken out."""
    place = f"{city_name or said.city} {said.station}".rstrip()
    return replace(
        said,
        id=f"{said.id.removesuffix('raised')}cleared",
        state="cleared",
        value=None,
        time=max(time, said.time),
        message=f"{said.rule} is over in {place}: its rule was changed or taken out",
    )


def _over(rule: Rule, place: Place, city_name: str) -> str:
    return f"{rule.id} is over in {city_name or place[1]} {place[2]}".rstrip()


def _message(rule: Rule, place: Place, value: float | None, time: int, city_name: str) -> str:
    entry = indicators().get(rule.indicator)
    filled = rule.message.format(
        rule=rule.id,
        severity=rule.severity.value,
        city=place[1],
        city_name=city_name or place[1],
        station=place[2],
        indicator=rule.indicator,
        name=entry.name if entry else "",
        value=abs(value or 0.0) if rule.kind is Kind.FALLS else value or 0.0,
        unit="" if rule.unit == "1" else rule.unit,
        level=rule.level,
        clear=rule.clear,
        time=format_epoch(time),
    )
    return " ".join(filled.split()).replace(" ,", ",")
