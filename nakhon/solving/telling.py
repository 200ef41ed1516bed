"""A solution in words and tables."""

from __future__ import annotations

from typing import Any

import numpy as np
from rich.table import Table

from collector.answers.intervals import Interval, mean_interval
from collector.answers.targets import Target, chance
from collector.answers.totals import COUNTS
from nakhon.solving.known import Known
from nakhon.solving.plan import Plan
from nakhon.solving.search import Answer, Curve, Found
from nakhon.solving.simulating import DAY, bucket_of
from nakhon.terminal.console import shown
from simulator.validation.mapping import FIRES

BAND = (5.0, 50.0, 95.0)


def verdict_lines(plan: Plan, found: Answer) -> list[str]:
    """Get the answer in sentences."""
    if found.setting is not None:
        return [*_reached(plan, found), *_odd(plan, found)]
    lines = ["NOT REACHABLE: no setting between the ends of the lever reaches all targets."]
    for target, one in zip(plan.targets, found.regions, strict=True):
        if not one.reachable:
            sure = "" if one.best.sure else " (the interval still holds what is asked: more replications could turn it)"
            lines.append(
                f"{target}: out of reach; the {one.toward} end meets it with {_share(one.best.probability)}{sure}."
            )
    lines += [
        f"CONTRADICTION: {plan.targets[one]} needs {_range(plan, found, one)}, "
        f"{plan.targets[other]} needs {_range(plan, found, other)}."
        for one, other in found.contradicting
    ]
    return [*lines, *_odd(plan, found)]


def show(plan: Plan, found: Found, known: tuple[Known, ...], shifted: Answer | None, seconds: float) -> None:
    """Print a solution."""
    shown.print(
        f"{plan.title}: {plan.lever.path} from {plan.lever.low:g} to {plan.lever.high:g}", style="bold", markup=False
    )
    for text in filter(None, (plan.note.strip(), plan.lever_note.strip())):
        shown.print(text, style="dim", markup=False)
    for line in verdict_lines(plan, found.answer):
        shown.print(line, style="green" if found.answer.reachable else "red", markup=False)
    for line in aside_lines(plan, found):
        shown.print(line, markup=False)
    for sentence in dict.fromkeys(sentence for one in known for sentence in one.sentences):
        shown.print(f"Beside measurements: {sentence}", style="yellow", markup=False)
    if shifted is not None:
        shifts = ", ".join(
            f"{one.shift:+.1f} of {target.indicator} in {target.city}"
            for target, one in zip(plan.targets, known, strict=True)
            if one.shift
        )
        shown.print(
            f"After shifting by the observed bias ({shifts}; from one measured record, as if it were the same at every "
            f"setting): {' '.join(verdict_lines(plan, shifted))}",
            style="yellow",
            markup=False,
        )
    shown.print(_at_setting(plan, found.answer))
    shown.print(_curve_table(plan, found.curve))
    shown.print(
        f"{len(found.curve.settings)} settings x {plan.replications} replications at {plan.cadence} s, "
        f"seed {plan.seed}, {seconds:.0f} s; ended because {found.ended}",
        style="dim",
        markup=False,
    )


def curve_rows(plan: Plan, curve: Curve) -> list[dict[str, Any]]:
    """Get the curve as rows: for each setting and target the outcome with its band and the probability."""
    rows = []
    for at, setting in enumerate(curve.settings.tolist()):
        for place, target in enumerate(plan.targets):
            outcomes = curve.outcomes[at, :, place]
            known = outcomes[np.isfinite(outcomes)]
            p05, median, p95 = np.percentile(known, BAND).tolist() if len(known) else [np.nan] * 3
            met = chance(target, outcomes).probability
            rows.append(
                {
                    "setting": setting, "target": target.name or f"{target.city} {target.indicator} {target.statistic}",
                    "unit": unit_of(target), "mean": mean_interval(outcomes).value,
                    "p05": p05, "median": median, "p95": p95, "probability": met.value,
                    "probability_low": met.low, "probability_high": met.high, "replications": met.n,
                }
            )  # fmt: skip
    return rows


def interval_as_data(one: Interval | None) -> dict[str, Any] | None:
    """Get an interval as JSON holds it."""
    if one is None:
        return None
    return {"value": one.value, "low": one.low, "high": one.high, "confidence": one.confidence, "method": one.method}


def unit_of(target: Target) -> str:
    """Get the unit of the number of a target."""
    if target.indicator == FIRES:
        return "hotspots" if target.statistic.kind.value == "total" else "days"
    bucket = bucket_of(target.indicator)
    if not bucket and target.statistic.kind in COUNTS:
        return "cases"
    return target.statistic.unit(target.indicator, bucket or DAY)


def _reached(plan: Plan, found: Answer) -> list[str]:
    lever, interval = plan.lever, found.interval
    end = lever.high if lever.better == "low" else lever.low
    if interval is None and found.setting == end and all(one.monotone for one in found.regions):
        return [f"REACHED at {lever.path} = {found.setting:g} already, the end of least effort of the lever."]
    first = f"REACHABLE: {lever.path} = {found.setting:g} is the setting of least effort that reaches all targets"
    if interval is None:
        return [f"{first}."]
    low = f"{interval.low:.3g}" if interval.low >= lever.low else f"below {lever.low:g}"
    high = f"{interval.high:.3g}" if interval.high <= lever.high else f"above {lever.high:g}"
    lines = [f"{first} ({interval.confidence:.0%} interval {low} to {high})."]
    safe = interval.low if lever.better == "low" else interval.high
    if lever.low <= safe <= lever.high:
        side = "or less" if lever.better == "low" else "or more"
        lines.append(f"To be on the safe side of the interval: {safe:.3g} {side}.")
    else:
        lines.append("No setting in the range is on the safe side of the interval: more replications would narrow it.")
    return lines


def aside_lines(plan: Plan, found: Found) -> list[str]:
    """Get what each reachable target alone would ask for, and what that gives the others."""
    lines = []
    for place, (target, one) in enumerate(zip(plan.targets, found.answer.regions, strict=True)):
        if one.edge is None or len(plan.targets) == 1:
            continue
        at = int(np.abs(found.curve.settings - one.edge.value).argmin())
        others = ", ".join(
            f"{other.name or other.indicator} {_share(chance(other, found.curve.outcomes[at, :, number]).probability)}"
            for number, other in enumerate(plan.targets)
            if number != place
        )
        way = "up to" if one.toward == "low" else "from"
        lines.append(
            f"Alone, {target} would be reached {way} {plan.lever.path} = {one.edge.value:.3g}; "
            f"the others there (at {found.curve.settings[at]:g}): {others}."
        )
    return lines


def _odd(plan: Plan, found: Answer) -> list[str]:
    lines = []
    for target, one in zip(plan.targets, found.regions, strict=True):
        if not one.moves:
            lines.append(f"The lever does not move {target.indicator} of {target.city} at all.")
        elif not one.monotone:
            lines.append(f"{target}: the lever does not move it one way only, so only the settings tried are judged.")
    return lines


def _range(plan: Plan, found: Answer, place: int) -> str:
    one = found.regions[place]
    return f"{plan.lever.path} from {one.low:.3g} to {one.high:.3g}"


def _share(one: Interval) -> str:
    return f"{one.value:.0%} ({one.low:.0%} to {one.high:.0%})"


def _at_setting(plan: Plan, found: Answer) -> Table:
    title = "Targets, at the best end of the lever" if found.setting is None else f"Targets at {found.setting:g}"
    drawn = Table(title=title, title_justify="left")
    for column in ("target", "probability", "asked", "reached for", "source"):
        drawn.add_column(column)
    for place, (target, one) in enumerate(zip(plan.targets, found.regions, strict=True)):
        met = found.chances[place] if found.chances else one.best
        reached = f"{one.low:.3g} to {one.high:.3g}" if one.reachable else "nowhere"
        drawn.add_row(str(target), _share(met.probability), f"{target.probability:.0%}", reached, target.source)
    if found.joint is not None and len(plan.targets) > 1:
        drawn.add_row("all in the same replication", _share(found.joint), "", "", "")
    return drawn


def _curve_table(plan: Plan, curve: Curve) -> Table:
    drawn = Table(title="Trade-off", title_justify="left")
    for column in ("setting", "target", "median", "90 % band", "unit", "probability"):
        drawn.add_column(column, justify="left" if column in {"target", "unit"} else "right")
    for row in curve_rows(plan, curve):
        probability = f"{row['probability']:.0%} ({row['probability_low']:.0%} to {row['probability_high']:.0%})"
        drawn.add_row(
            f"{row['setting']:g}", row["target"], f"{row['median']:,.0f}", f"{row['p05']:,.0f} to {row['p95']:,.0f}",
            row["unit"], probability,
        )  # fmt: skip
    return drawn
