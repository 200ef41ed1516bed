"""The names and figures of a report in the words of its reader, for all its sections."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from collector.answers.intervals import Interval
from collector.language.indicators import indicator
from nakhon.experimenting.reading import Results
from nakhon.reporting.answers import Answers, Effect
from nakhon.reporting.calendars import Calendar
from nakhon.reporting.document import Judged, Verdict, bounds_text, value_text
from nakhon.reporting.measures import DAY, Outcome
from nakhon.reporting.words import Words


@dataclass(frozen=True, slots=True)
class Telling:
    """The results, what they answer, and how it is said."""

    found: Results
    answers: Answers
    calendar: Calendar
    question: str = ""
    titles: Mapping[str, str] = field(default_factory=dict)

    @property
    def words(self) -> Words:
        """Get the words."""
        return self.calendar.words

    def variant(self, name: str) -> str:
        """Get the title of a variant."""
        return self.found.variants[self.found.position(name)].title or name

    def city(self, identity: str) -> str:
        """Get the name of a city."""
        return next((str(one["name"]) for one in self.found.plan["cities"] if one["id"] == identity), identity)

    @property
    def many_cities(self) -> bool:
        """Get whether names of cities are needed to tell outcomes apart."""
        return len(self.found.cities) > 1

    def outcome(self, one: Outcome, *, with_city: bool = True) -> str:
        """Get the name of an outcome, such as "PM2.5: days over 37.5 µg/m³, Chiang Mai"."""
        statistic = self.words.statistic(one.statistic, self.unit_of(one.indicator), one.unit)
        name = f"{self.words.indicator(one.indicator)}: {statistic}"
        return f"{name}, {self.city(one.city)}" if with_city and self.many_cities else name

    def unit(self, one: Outcome) -> str:
        """Get the unit of an outcome."""
        return self.words.unit(one.unit)

    def unit_of(self, identity: str) -> str:
        """Get the unit of an indicator."""
        return self.words.unit(indicator(identity).unit)

    def interval(self, one: Interval, *, percent: bool = False, signed: bool = False) -> str:
        """Get a value with its interval in a sentence: "−3.1 (−4.0 to −2.2)"."""
        bounds = bounds_text(one, self.words.say("to"), percent=percent)
        return value_text(one, percent=percent, signed=signed) + (f" ({bounds})" if bounds else "")

    def origin(self, causes: Sequence[str], stations: Sequence[str]) -> str:
        """Get whether an effect was entered, and at which stations alone, or emerged."""
        if stations:
            return self.words.say("entered_at", stations=self.stations(stations))
        return self.words.say("entered" if causes else "emergent")

    def stations(self, names: Sequence[str]) -> str:
        """Get the names of stations: ids as they are, kinds in words."""
        return ", ".join(self.words.station(name) for name in names)

    def judged(self, effect: Effect) -> Judged:
        """Get the difference of an effect with its verdict."""
        return Judged(effect.difference.difference, verdict(effect))

    def period(self) -> str:
        """Get the period that was simulated, as the days of the first city's clock."""
        zone = ZoneInfo(self.found.plan["cities"][0]["timezone"])
        first = _moment(self.found.plan["start"]) + timedelta(seconds=self.found.plan["warm_up_seconds"])
        last = _moment(self.found.plan["end"]) - timedelta(seconds=1)
        return self.calendar.span(first.astimezone(zone).date(), last.astimezone(zone).date())

    def day(self, stamp: str) -> str:
        """Get a moment (ISO, UTC) as a day of the first city's clock."""
        zone = ZoneInfo(self.found.plan["cities"][0]["timezone"])
        return self.calendar.day_name(_moment(stamp).astimezone(zone).date())

    @property
    def confidence(self) -> str:
        """Get the confidence, such as "95 %"."""
        return f"{self.answers.confidence:.0%}".replace("%", " %")

    def length(self, seconds: int) -> str:
        """Get the length of a bucket in words."""
        if seconds == DAY:
            return self.words.say("one_day")
        return self.words.say("one_hour") if seconds == 3_600 else self.words.say("seconds", count=f"{seconds:,}")


def verdict(effect: Effect) -> Verdict:
    """Get what an effect says: better, worse, or not told apart from none."""
    if not effect.clear:
        return Verdict.UNCLEAR
    if effect.improvement is None:
        return Verdict.NONE
    return Verdict.BETTER if effect.improvement.value > 0.0 else Verdict.WORSE


def _moment(stamp: str) -> datetime:
    return datetime.fromisoformat(stamp).astimezone(UTC)
