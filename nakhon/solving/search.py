"""The search for the smallest setting of a lever that reaches targets, over any function that gives outcomes.

All settings share their replications (common random numbers), so every replication has a critical setting of its own:
the one at which it stops meeting a target. The setting asked for is a quantile of those.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from collector.answers.intervals import Floats, Interval, mean_interval, quantile_interval
from collector.answers.targets import Chance, Target, chance, joint_chance

SURE_OF_ORDER = 0.999
ROUNDS = 20

Outcome = Callable[[Sequence[float]], Floats]
"""From settings to outcomes (settings, replications, targets), always of the same replications."""


@dataclass(frozen=True, slots=True)
class Lever:
    """What is moved: the path in the scenario, its range, the step at which the search ends.

    `better` is the end at which more is done ("low": the smaller, the more effort), so that the smallest effort that
    reaches the targets is nearest to the other end.
    """

    path: str
    low: float
    high: float
    better: str
    resolution: float

    @property
    def steps(self) -> int:
        """The number of steps from low to high."""
        return max(1, round((self.high - self.low) / self.resolution))

    def setting(self, step: int) -> float:
        """The setting so many steps above low."""
        return self.high if step >= self.steps else round(self.low + step * self.resolution, 12)

    def step(self, setting: float) -> float:
        """How many steps above low a setting is, in fractions."""
        return (setting - self.low) / self.resolution


@dataclass(frozen=True, slots=True)
class Curve:
    """Outcomes (settings, replications, targets) at settings (settings,), ascending."""

    settings: Floats
    outcomes: Floats

    def with_more(self, settings: Sequence[float], outcomes: Floats) -> Curve:
        """The curve with further settings."""
        both = np.concatenate((self.settings, settings))
        order = np.argsort(both, kind="stable")
        return Curve(both[order], np.concatenate((self.outcomes, outcomes))[order])

    def shifted(self, shifts: Sequence[float]) -> Curve:
        """The curve with something added to the outcomes of each target."""
        return Curve(self.settings, self.outcomes + np.asarray(shifts))


@dataclass(frozen=True, slots=True)
class Region:
    """The settings at which one target is reached: from `low` to `high`, both NaN where it is nowhere.

    `edge` is the end of it that is not the end of the range, with its interval (None if there is no such end);
    `toward` the end of the range nearest to which the target is met best. `best` is the chance there.
    """

    low: float
    high: float
    edge: Interval | None
    toward: str
    best: Chance
    monotone: bool
    moves: bool

    @property
    def reachable(self) -> bool:
        """Whether there is a setting that reaches the target."""
        return not np.isnan(self.low)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the search found: the setting with its interval, and each target's region and chance at that setting.

    `setting` is None where not all targets are reached by one setting; `contradicting` are the pairs of targets that
    are each reachable, but not together.
    """

    setting: float | None
    interval: Interval | None
    regions: tuple[Region, ...]
    chances: tuple[Chance, ...]
    joint: Interval | None
    contradicting: tuple[tuple[int, int], ...]

    @property
    def reachable(self) -> bool:
        """Whether one setting reaches all targets."""
        return self.setting is not None


@dataclass(frozen=True, slots=True)
class Found:
    """The answer, the curve behind it, and why the search ended."""

    answer: Answer
    curve: Curve
    ended: str
    complete: bool


def search(lever: Lever, targets: Sequence[Target], outcome: Outcome, points: int = 7, most: int = 40) -> Found:
    """Get the setting with the least effort that reaches all targets, from at most `most` settings.

    First `points` settings over the whole range; then, again and again, the two steps of the lever around each edge of
    each target's region, until both have been tried (or, after some rounds, the middle of what is left between).
    """
    first = sorted({lever.setting(round(step)) for step in np.linspace(0, lever.steps, points)})
    curve = Curve(np.array(first), outcome(first))
    for turn in range(ROUNDS):
        found = answer(lever, targets, curve)
        wanted = _wanted(lever, curve, found, bisect=turn >= ROUNDS // 2)
        if not wanted:
            return Found(found, curve, "the settings tried are a step apart around the answer", complete=True)
        if len(curve.settings) + len(wanted) > most:
            return Found(found, curve, f"the budget of {most} settings is spent", complete=False)
        curve = curve.with_more(wanted, outcome(wanted))
    return Found(answer(lever, targets, curve), curve, "the edges moved too often", complete=False)


def answer(lever: Lever, targets: Sequence[Target], curve: Curve, confidence: float = 0.95) -> Answer:
    """Get the answer that a curve gives, without trying further settings.

    With several targets each interval of an edge is widened (Bonferroni), so that the interval of the setting holds.
    """
    level = 1.0 - (1.0 - confidence) / len(targets)
    regions = tuple(region(lever, target, curve, place, level) for place, target in enumerate(targets))
    pairs = tuple(
        (one, other)
        for one in range(len(regions))
        for other in range(one + 1, len(regions))
        if regions[one].reachable and regions[other].reachable and not _meet(lever, regions[one], regions[other])
    )
    setting, interval = _common(lever, regions, confidence)
    if setting is None:
        return Answer(None, None, regions, (), None, pairs)
    at = int(np.abs(curve.settings - setting).argmin())
    chances = tuple(chance(target, curve.outcomes[at, :, place]) for place, target in enumerate(targets))
    return Answer(setting, interval, regions, chances, joint_chance(targets, curve.outcomes[at]), pairs)


def region(lever: Lever, target: Target, curve: Curve, place: int, confidence: float) -> Region:
    """Get the settings that reach one target."""
    margins = _margins(target, curve.outcomes[:, :, place])
    moved = mean_interval(margins[-1] - margins[0])
    moves = bool(np.abs(margins[-1] - margins[0]).max() > 0.0) if len(margins) else False
    toward = lever.better if not moves or moved.value == 0.0 else ("high" if moved.value > 0.0 else "low")
    best = chance(target, curve.outcomes[-1 if toward == "high" else 0, :, place])
    if not _monotone(margins if toward == "high" else margins[::-1]):
        return _tried(lever, target, curve, place, toward, best)
    critical = critical_settings(curve.settings, margins, toward)
    turned = toward == "low"  # a share of at least p of the replications must have their critical setting beyond
    edge = quantile_interval(-critical if turned else critical, target.probability, confidence)
    edge = edge.turned() if turned else edge
    low, high = float(curve.settings[0]), float(curve.settings[-1])
    if edge.value == (-np.inf if turned else np.inf):
        return Region(np.nan, np.nan, None, toward, best, monotone=True, moves=moves)
    bounds = (low, min(edge.value, high)) if turned else (max(edge.value, low), high)
    return Region(*bounds, edge if np.isfinite(edge.value) else None, toward, best, monotone=True, moves=moves)


def critical_settings(settings: Floats, margins: Floats, toward: str) -> Floats:
    """Get the setting (replications,) at which each replication stops meeting a target, coming from its best end.

    `margins` (settings, replications) are at least 0 where the target is met; between settings they are taken as
    linear. Infinite beyond the range: towards the best end where it is met nowhere, the other way where everywhere.
    """
    if toward == "high":
        return -critical_settings(-settings[::-1], margins[::-1], "low")
    failed = ~(margins >= 0.0)
    first = failed.argmax(axis=0)
    columns = np.arange(margins.shape[1])
    before = np.maximum(first - 1, 0)
    kept, lost = margins[before, columns], margins[first, columns]
    with np.errstate(invalid="ignore", divide="ignore"):
        crossing = settings[before] + (settings[first] - settings[before]) * np.nan_to_num(kept / (kept - lost))
    return np.where(~failed.any(axis=0), np.inf, np.where(first == 0, -np.inf, crossing))


def _margins(target: Target, outcomes: Floats) -> Floats:
    return target.bound - outcomes if target.at_most else outcomes - target.bound


def _monotone(margins: Floats) -> bool:
    """Whether no step toward the best end makes the target clearly worse, over the replications."""
    steps = (mean_interval(step, SURE_OF_ORDER) for step in np.diff(margins, axis=0))
    return not any(step.high < 0.0 for step in steps)


def _tried(lever: Lever, target: Target, curve: Curve, place: int, toward: str, best: Chance) -> Region:
    """Get the region of a target that the lever does not move one way: the run of settings tried of least effort."""
    reached = [chance(target, outcomes[:, place]).reached for outcomes in curve.outcomes]
    order = range(len(reached)) if lever.better == "high" else range(len(reached) - 1, -1, -1)
    run: list[int] = []
    for at in order:
        if reached[at]:
            run.append(at)
        elif run:
            break
    if not run:
        return Region(np.nan, np.nan, None, toward, best, monotone=False, moves=True)
    ends = curve.settings[[min(run), max(run)]].tolist()
    return Region(ends[0], ends[1], None, toward, best, monotone=False, moves=True)


def _inside(lever: Lever, one: Region) -> tuple[int, int]:
    """Get the first and the last step of the lever inside a region."""
    return int(np.ceil(lever.step(one.low) - 1e-9)), int(np.floor(lever.step(one.high) + 1e-9))


def _meet(lever: Lever, one: Region, other: Region) -> bool:
    (first, last), (begin, end) = _inside(lever, one), _inside(lever, other)
    return max(first, begin) <= min(last, end)


def _common(lever: Lever, regions: Sequence[Region], confidence: float) -> tuple[float | None, Interval | None]:
    """Get the setting of least effort inside all regions, and its interval."""
    if not all(one.reachable for one in regions):
        return None, None
    inside = [_inside(lever, one) for one in regions]
    first, last = max(begin for begin, _ in inside), min(end for _, end in inside)
    if first > last:
        return None, None
    setting = lever.setting(first if lever.better == "high" else last)
    toward = "high" if lever.better == "high" else "low"
    edges = [one.edge for one in regions if one.toward == toward and one.edge is not None]
    if not edges:
        return setting, None
    hardest = max if lever.better == "high" else min
    binding = hardest(edges, key=lambda edge: edge.value)
    low, high = hardest(edge.low for edge in edges), hardest(edge.high for edge in edges)
    return setting, replace(binding, low=low, high=high, confidence=confidence)


def _wanted(lever: Lever, curve: Curve, found: Answer, *, bisect: bool) -> list[float]:
    """Get the settings to try next: the steps on both sides of each edge that have not been tried."""
    tried = {round(lever.step(setting)) for setting in curve.settings.tolist()}
    wanted: set[int] = set()
    for one in found.regions:
        if one.edge is None:
            continue
        below = int(np.floor(lever.step(one.edge.value) + 1e-9))
        near = {min(max(below, 0), lever.steps), min(max(below + 1, 0), lever.steps)}
        if bisect and near - tried:
            under = max((step for step in tried if step <= below), default=0)
            over = min((step for step in tried if step > below), default=lever.steps)
            near = {(under + over) // 2}
        wanted |= near - tried
    return [lever.setting(step) for step in sorted(wanted)]
