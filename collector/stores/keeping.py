"""What may be asked of a store that looks after its own file: what it holds, what it lets go of, a copy of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from collector.language.errors import InputError

_UNITS = (("y", 365 * 86_400), ("d", 86_400), ("h", 3600))


@dataclass(frozen=True, slots=True)
class Policy:
    """How long values are kept, in seconds; None for ever.

    `raw` values older than that are put together as half hours, `halfhourly` ones older than that are let go of, and
    so are `events` only if a length is given. Age is counted back from the time that half of a run's series have
    reached, so that neither a simulated year nor a station with a wrong clock empties a store; `wall` counts it back
    from now. `runs` is a pattern with * and ?; empty `indicators` and `pillars` mean all.

    Raises
    ------
    InputError
        For a length that is not positive, half hours that would go before the raw values, or nothing at all.
    """

    raw: int | None = None
    halfhourly: int | None = None
    events: int | None = None
    runs: str = "*"
    indicators: tuple[str, ...] = ()
    pillars: tuple[str, ...] = ()
    wall: bool = False

    def __post_init__(self) -> None:
        lengths = [length for length in (self.raw, self.halfhourly, self.events) if length is not None]
        if not lengths or min(lengths) < 1800:
            raise InputError("expected how long to keep raw values, half hours or events: at least half an hour")
        if self.halfhourly is not None and (self.raw is None or self.halfhourly <= self.raw):
            raise InputError("expected half hours to be kept longer than raw values, and for how long those are kept")
        if self.events is not None and self.indicators:
            raise InputError("expected events to be kept as whole runs or pillars: leave the indicators out")

    def __str__(self) -> str:
        kept = (("raw", self.raw), ("half-hourly", self.halfhourly), ("events", self.events))
        said = [f"{name} {length_text(seconds)}" for name, seconds in kept if seconds is not None]
        said += [f"runs {self.runs}"] if self.runs != "*" else []
        said += [f"only {', '.join(self.indicators + self.pillars)}"] if self.indicators or self.pillars else []
        return ", ".join([*said, "from now"] if self.wall else said)


@dataclass(frozen=True, slots=True)
class Removal:
    """What a policy takes out of a run.

    `what` is raw (put together as half hours), gone (raw values so old that their half hours go too), halfhourly or
    events; `values` is how many, of how many `series`
    (of events: stations) in which `cities`; `first` and `last` are their times (seconds since 1970), `size` their
    bytes by the mean of the file.
    """

    run: str
    what: str
    cities: tuple[str, ...]
    series: int
    values: int
    first: int
    last: int
    size: int


@dataclass(frozen=True, slots=True)
class Facts:
    """What a store holds.

    `version` is that of its tables; sizes are bytes, of which `free` are kept for later use. `readings` counts all that
    were ever stored, `raw` those that are there one by one, `halfhours` the half hours that stand for others.
    `unregistered` indicators are not in the catalogue, `unborn` stations never introduced themselves. Times are
    seconds since 1970; `created` and `backup` (the newest) by the wall.
    """

    version: int
    created: int
    size: int
    log: int
    free: int
    runs: int
    cities: int
    stations: int
    unborn: tuple[str, ...]
    series: int
    unregistered: tuple[str, ...]
    readings: int
    raw: int
    halfhours: int
    events: int
    statistics: int
    rejected: int
    streams: int
    first: int | None
    last: int | None
    policy: str | None
    backup: int | None


@dataclass(frozen=True, slots=True)
class Copied:
    """A copy that was made and verified: where, its bytes, its readings (one by one), and how long writing waited."""

    path: Path
    size: int
    readings: int
    seconds: float
    held: float


@runtime_checkable
class Keeping(Protocol):
    """A store whose file is its own to thin out and to copy. Errors are `StoreError` and its kin."""

    def facts(self) -> Facts:
        """What the store holds."""

    def planned(self, policy: Policy) -> list[Removal]:
        """What `retain` would take out, without doing it."""

    def retain(self, policy: Policy) -> list[Removal]:
        """Let go of what is older than the policy says, in transactions of a bounded size; what was planned."""

    def keep_to(self, policy: Policy | None) -> None:
        """From now on `maintain` lets go of what is older than the policy says: every hour, a little at a time."""

    def backup(self, to: Path | None = None) -> Copied:
        """A verified copy of one state, while others write; without a path beside the store, to be taken away."""

    def delete_run(self, run: str) -> None:
        """Forget a run and all it said."""


def keep_to(store: object, policy: Policy | None) -> None:
    """Let a store that looks after its own file keep to a policy from now on.

    Raises `InputError` if there is a policy and the store cannot keep to it.
    """
    if isinstance(store, Keeping):
        store.keep_to(policy)
    elif policy is not None:
        raise InputError(
            "expected --raw, --halfhourly or --events for a duckdb:// store only: this one is kept elsewhere"
        )


def length_text(seconds: int) -> str:
    """A length of time such as 90d or 2y."""
    return next((f"{seconds // size}{unit}" for unit, size in _UNITS if seconds % size == 0), f"{seconds}s")
