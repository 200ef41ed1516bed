"""The experiment file: a scenario, its variants, what is asked of them; every error at once, each with its place."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

from collector.answers.stopping import LEAST, StoppingRule
from collector.language.errors import InputError
from collector.language.gathered import text_of
from nakhon.experimenting.asked import asked_numbers, one_of, read_costs, read_targets
from nakhon.experimenting.design_file import Made, read_design
from nakhon.experimenting.plan import LONGEST_NAME, Experiment, Stop, Variant
from simulator.cities import UnknownNameError, describe_unknown
from simulator.experiment import HALF_HOUR, measured
from simulator.scenario import Scenario, read_scenario
from simulator.scenario_file import CADENCE, DAY, DURATION, NAME, SEED, TEXT, Expected, Table, number, shown, whole
from simulator.scenario_paths import with_entries
from simulator.scenario_source import Source, shipped_names, source_of

LARGEST_EXPERIMENT = 100_000
MOST_REPLICATIONS = 9_999
MOST_ERRORS = 5
"""That are told of the settings of a design, of which there may be thousands."""
KEYS = (
    "name", "title", "question", "description", "scenario", "replications", "seed", "cadence", "bucket", "warm_up",
    "indicators", "variants", "design", "baseline", "stop", "targets", "costs",
)  # fmt: skip
BUCKETS = 'a length that divides a day in whole half hours, like "1d" or "1h"'


def shipped_experiments() -> list[str]:
    """The names of the shipped experiments."""
    folder = files("scenarios") / "experiments"
    return sorted(page.name.removesuffix(".toml") for page in folder.iterdir() if page.name.endswith(".toml"))


def load_experiment(source: str | Path) -> Experiment:
    """The experiment in a file, or the shipped one of that name. Raises `InputError` with all that is wrong."""
    if str(source) in shipped_experiments():
        page = files("scenarios") / "experiments" / f"{source}.toml"
        return parse_experiment(page.read_text("utf-8"), f"{source}.toml", None)
    path = Path(source)
    if not path.is_file():
        hint = describe_unknown("experiment", path.stem, shipped_experiments())
        raise InputError(f"{path}: no such file; as a shipped experiment: {hint}")
    return parse_experiment(text_of(path, "an experiment"), str(path), path.parent)


def parse_experiment(text: str, where: str, folder: Path | None = None) -> Experiment:
    """The experiment in a TOML text; scenario files are looked for in `folder`. Raises `InputError`."""
    try:
        table = Table(tomllib.loads(text))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{where}: expected TOML, came something else: {error}") from None
    found = _experiment(table, _Scenarios(table, folder))
    if table.errors or found is None:
        raise InputError("\n".join(f"{where}: {error}" for error in table.errors))
    return found


class _Scenarios:
    """Reads scenarios for an experiment: all with its cadence and its seed."""

    def __init__(self, table: Table, folder: Path | None) -> None:
        self._folder, self._cadence = folder, table.take("cadence", CADENCE, 0)
        self._seed = table.take("seed", SEED, 0) if "seed" in table else None
        self.base = table.take("scenario", TEXT, "", required=True)
        self._sources: dict[str, Source] = {}

    def source(self, name: str) -> Source:
        """The entries of a scenario: a file beside the experiment, or a shipped one."""
        if name not in self._sources:
            beside = [] if self._folder is None else [self._folder / name, self._folder / f"{name}.toml"]
            path = next((path for path in beside if path.is_file()), None)
            if path is None and name not in shipped_names():
                hint = describe_unknown("scenario", name, shipped_names())
                place = "" if self._folder is None else f"no file {name} in {self._folder}; as a shipped scenario: "
                raise UnknownNameError(f"{place}{hint}")
            self._sources[name] = source_of(path or name)
        return self._sources[name]

    def read(self, name: str, values: Mapping[str, object]) -> Scenario:
        """The scenario with other values at some paths. Raises `InputError`."""
        found = read_scenario(with_entries(self.source(name), values))
        seed = found.seed if self._seed is None else self._seed
        return replace(found, cadence=self._cadence or found.cadence, seed=seed)


def _experiment(table: Table, scenarios: _Scenarios) -> Experiment | None:
    table.allow(*KEYS)
    words, numbers = _words(table), _numbers(table)
    baseline = table.take("baseline", NAME, "baseline")
    base = _base(table, scenarios)
    if base is None:
        return None
    made = _variants(table, scenarios, baseline, base)
    design, settings = read_design(table, base, made.get(baseline, base), baseline)
    before = len(table.errors)
    for name, values in settings.items():
        _add(table, made, Made(f"design: {name}", name, scenarios.base, values, name, ""), scenarios)
    if more := table.errors[before + MOST_ERRORS :]:
        table.errors[before + MOST_ERRORS :] = [f"design: and {len(more):,} more, mostly of the same kind"]
    variants = (made.pop(baseline), *made.values())
    _check(table, variants)
    found = Experiment(
        name=words["name"],
        title=words["title"],
        question=words["question"],
        description=words["description"],
        base=scenarios.base,
        replications=numbers["replications"],
        bucket=numbers["bucket"],
        warm_up=numbers["warm_up"],
        indicators=tuple(table.take_each("indicators", one_of("indicator of these stations", _known(base)), "")),
        variants=variants,
        design=design,
        stop=_stops(table, base),
        targets=read_targets(table, base),
        costs=read_costs(table, variants, design),
    )
    return _bounded(table, found)


def _words(table: Table) -> dict[str, str]:
    name = table.take("name", NAME, "experiment", required=True)
    others = {"title": name, "question": "", "description": ""}
    return {"name": name} | {key: table.take(key, TEXT, stand_in) for key, stand_in in others.items()}


def _numbers(table: Table) -> dict[str, int]:
    return {
        "replications": table.take("replications", whole(1, MOST_REPLICATIONS), 20),
        "bucket": table.take("bucket", Expected(BUCKETS, _bucket), DAY),
        "warm_up": table.take("warm_up", Expected('a length of time like "0d" or "30d"', _length), 0),
    }


def _base(table: Table, scenarios: _Scenarios) -> Scenario | None:
    if not scenarios.base:
        return None
    try:
        return scenarios.read(scenarios.base, {})
    except InputError as error:
        table.note("scenario", str(error))
        return None


def _variants(table: Table, scenarios: _Scenarios, baseline: str, base: Scenario) -> dict[str, Variant]:
    """The listed variants by name; without one of that name, the scenario itself is the baseline."""
    made: dict[str, Variant] = {}
    for place, entry in enumerate(table.tables("variants")):
        entry.allow("name", "title", "description", "scenario", "set")
        name = entry.take("name", NAME, "", required=True)
        source = entry.take("scenario", TEXT, scenarios.base)
        title, description = entry.take("title", TEXT, name), entry.take("description", TEXT, "")
        values = dict(_flat(entry.table("set").entries))
        _add(table, made, Made(f"variants[{place}]", name, source, values, title, description), scenarios)
    if baseline not in made:
        title = base.title if baseline == "baseline" else baseline
        return {baseline: Variant(baseline, title, base.description, base)} | made
    return made


def _add(table: Table, made: dict[str, Variant], one: Made, scenarios: _Scenarios) -> None:
    if one.name in made:
        table.note(one.place, f"expected another name than that of an earlier variant, {one.name}")
        return
    if len(one.name) > LONGEST_NAME:
        table.note(one.place, f"expected a name of at most {LONGEST_NAME} characters, came {one.name}")
    try:
        found = scenarios.read(one.source, one.settings)
    except InputError as error:
        for line in str(error).splitlines():
            table.note(one.place, line)
        return
    made[one.name] = Variant(one.name, one.title, one.description or found.description, found, one.settings)


def _flat(entries: Mapping[str, object], above: str = "") -> list[tuple[str, object]]:
    """The values of tables by path, whether it is written in quotes or with dots."""
    found: list[tuple[str, object]] = []
    for key, given in entries.items():
        path = f"{above}.{key}" if above else key
        found += _flat(given, path) if isinstance(given, dict) else [(path, given)]
    return found


def _check(table: Table, variants: tuple[Variant, ...]) -> None:
    """Replications are paired, so all variants say the same things at the same times, with the same luck."""
    first = variants[0].scenario
    if len(variants) < 2:
        table.note("variants", "expected at least one beside the baseline, here or by a design")
    for one in variants:
        made = one.scenario
        for what in ("start", "end", "cadence", "seed", "cities"):
            if (theirs := getattr(first, what)) != (ours := getattr(made, what)):
                said = f"expected the {what} of the baseline {variants[0].name}, {theirs}, to pair them; came {ours}"
                table.note(f"variants.{one.name}", said)
        if (made.end - made.start) % made.cadence or DAY % made.cadence:
            table.note("cadence", f"expected a time that divides a day and the scenario, came {made.cadence} s")


def _bounded(table: Table, found: Experiment) -> Experiment:
    first = found.baseline.scenario
    if table.fine("warm_up") and first.end - first.start - found.warm_up < 2 * found.bucket:
        table.note("warm_up", "expected at least one whole bucket between the warm-up and the end of the scenario")
    if (runs := len(found.variants) * found.most) > LARGEST_EXPERIMENT:
        table.note("replications", f"expected at most {LARGEST_EXPERIMENT:,} runs in all, came {runs:,}")
    if not found.indicators and not any(measured(first, city) for city in first.cities):
        table.note("scenario", "expected stations that measure something, came none")
    return found


def _stops(table: Table, base: Scenario) -> tuple[Stop, ...]:
    """The stopping rules: of one number as `[stop]`, of several as `[[stop]]`."""
    entries = [table.table("stop")] if isinstance(table.entries.get("stop"), dict) else table.tables("stop")
    return tuple(one for one in (_stop(entry, base) for entry in entries) if one is not None)


def _stop(entry: Table, base: Scenario) -> Stop | None:
    numbers = asked_numbers(entry, base, "half_width", "relative", "confidence", "least", "most")
    positive = number(1e-12, 1e12)
    half_width = entry.take("half_width", positive, 0.0) or None
    relative = entry.take("relative", positive, 0.0) or None
    confidence = entry.take("confidence", number(0.5, 0.999), 0.95)
    count = whole(2, MOST_REPLICATIONS)
    least, most = entry.take("least", count, LEAST), entry.take("most", count, 200)
    try:
        rule = StoppingRule(half_width, relative, confidence, least, most)
    except ValueError as error:
        entry.note("half_width", str(error))
        return None
    return None if numbers is None else Stop(rule, *numbers)


def _length(given: object) -> int:
    return 0 if given in ("0s", "0h", "0d") else DURATION.read(given)


def _bucket(given: object) -> int:
    seconds = _length(given)
    if seconds < HALF_HOUR or seconds % HALF_HOUR or DAY % seconds:
        raise ValueError(shown(given))
    return seconds


def _known(base: Scenario) -> list[str]:
    return sorted({name for city in base.cities for name in measured(base, city)})
