"""What one table of a scenario takes over from another: its own entries win, tables and named lists are merged."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping

Entries = dict[str, object]
_PAIRS = (("source", "assumption"),)
_PAIRS_ABOVE = (*_PAIRS, ("end", "duration"))
_PAIRS_INSIDE = (*_PAIRS, ("start", "after"), ("end", "for"), ("from", "after"), ("until", "for"))


def merge(
    below: Mapping[str, object],
    own: Mapping[str, object],
    where: str,
    origins: MutableMapping[str, str],
    path: str = "",
) -> Entries:
    """Get the entries of two tables. `origins` learns by path that an entry is of `where`, the place of `own`.

    A key replaces what says the same in another way (`end` and `duration`); lists of tables that have an id, a name, a
    `use` or a driver are merged by it, all other lists are replaced.
    """
    merged = dict(below)
    for key, given in own.items():
        place, before = f"{path}.{key}" if path else key, below.get(key)
        for other in alternatives(key, inside=bool(path)):
            if other not in own:
                merged.pop(other, None)
        if isinstance(given, dict) and isinstance(before, dict):
            merged[key] = merge(before, given, where, origins, place)
        elif _named(given) and _named(before):
            merged[key] = _merge_lists(before, given, where, origins, place)  # type: ignore[arg-type]
        else:
            merged[key] = given
            _note_origin(place, where, origins)
    return merged


def alternatives(key: str, *, inside: bool) -> tuple[str, ...]:
    """Get the keys that say the same as a key in another way, at the top of a scenario or inside its tables."""
    pairs = _PAIRS_INSIDE if inside else _PAIRS_ABOVE
    return tuple(pair[1 - pair.index(key)] for pair in pairs if key in pair)


def identity(entry: object) -> str | None:
    """Get what names a table in a list: its id or name, an intervention's `use`, an effect's driver."""
    if not isinstance(entry, dict):
        return None
    return next((entry[key] for key in ("id", "name", "use", "driver") if isinstance(entry.get(key), str)), None)


def _merge_lists(
    below: list[Entries], own: list[Entries], where: str, origins: MutableMapping[str, str], path: str
) -> list[Entries]:
    """Get the entries of two lists of tables: those of one name are merged, new ones come after."""
    merged, rows = list(below), {identity(entry): row for row, entry in enumerate(below)}
    for entry in own:
        row = rows.get(identity(entry))
        if row is None:
            _note_origin(f"{path}[{len(merged)}]", where, origins)
            merged.append(entry)
        else:
            merged[row] = merge(below[row], entry, where, origins, f"{path}[{row}]")
    return merged


def _note_origin(place: str, where: str, origins: MutableMapping[str, str]) -> None:
    for below in [one for one in origins if one.startswith((f"{place}.", f"{place}["))]:
        del origins[below]
    origins[place] = where


def _named(given: object) -> bool:
    return isinstance(given, list) and bool(given) and all(identity(entry) is not None for entry in given)
