"""Other values at paths into a scenario, such as `policies.crews` or `interventions[burning-ban].strength`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from simulator.cities import describe_unknown
from simulator.scenario_file import MANY, shown
from simulator.scenario_merge import Entries, alternatives, identity
from simulator.scenario_source import ScenarioError, Source

_NAMED_BY = {"interventions": "use", "effects": "driver"}
_STEP = re.compile(r"([A-Za-z0-9_-]+)((?:\[[^\[\]]+\])*)(?:\.|$)")


class _NowhereError(Exception):
    """A path that leads nowhere."""


def with_entries(source: Source, values: Mapping[str, object]) -> Source:
    """Get the entries with other values at paths such as `policies.crews` or `interventions[burning-ban].strength`.

    An entry of a list is named by its id (or name, use, driver) or its number from 0. Raises `ScenarioError` with every
    path that leads nowhere.
    """
    entries, errors = _copied(source.entries), []
    for path, value in values.items():
        try:
            _put(entries, list(_steps(path)), value)
        except _NowhereError as error:
            errors.append(f"{path}: {error.args[0]}")
    if errors:
        raise ScenarioError(tuple(errors), source.where)
    return Source(entries, source.where, source.origins)


def _steps(path: str) -> Iterator[str | tuple[str]]:
    """Get the steps of a path: keys, and (in a tuple) the name or number of an entry of a list."""
    position = 0
    for found in _STEP.finditer(path):
        if found.start() != position:
            break
        position = found.end()
        yield found[1]
        yield from ((inner,) for inner in re.findall(r"\[([^\[\]]+)\]", found[2]))
    if position != len(path) or not path or path.endswith("."):
        raise _NowhereError("expected a path, like assumptions.rainfall or interventions[burning-ban].strength")


def _put(entries: Entries, steps: list[str | tuple[str]], value: object) -> None:
    place: object = entries
    for before, step, following in zip([None, *steps], steps, [*steps[1:], None], strict=False):
        if isinstance(step, tuple):
            place = _entry_of(place, step[0], before)
        elif not isinstance(place, dict):
            raise _NowhereError(f"expected a table that holds {step}, came {shown(place)}")
        elif following is None:
            for other in alternatives(step, inside=place is not entries):
                place.pop(other, None)
            place[step] = value
        else:
            place = place.setdefault(step, [] if isinstance(following, tuple) else {})
    if isinstance(steps[-1], tuple):
        raise _NowhereError("expected a key after the entry of a list, like .strength")


def _entry_of(place: object, name: str, holder: object) -> object:
    if not isinstance(place, list) or len(place) > MANY:
        raise _NowhereError(f"expected a list that holds {name}, came {shown(place)}")
    for row, entry in enumerate(place):
        if name in (identity(entry), str(row)):
            return entry
    if holder in _NAMED_BY and not name.isdigit():  # of the catalogue, if there is such a one
        place.append({_NAMED_BY[str(holder)]: name})
        return place[-1]
    known = [str(identity(entry) or row) for row, entry in enumerate(place)]
    raise _NowhereError(describe_unknown("entry", name, known))


def _copied(given: object) -> Entries:
    """Get tables and lists that may be changed."""

    def copy(one: object) -> object:
        if isinstance(one, dict):
            return {key: copy(value) for key, value in one.items()}
        return [copy(value) for value in one] if isinstance(one, list) else one

    return copy(given)  # type: ignore[return-value]
