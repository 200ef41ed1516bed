"""Which station (or indicator) of the ledger a name in a sink means, though its case or separators were changed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np

from collector.auditing.diagnosis import Diagnosis, part
from collector.auditing.expected import Integers

_SEPARATORS = re.compile(r"[\W_]+")


def bind(named: Sequence[str], meant: Mapping[str, int]) -> tuple[Integers, dict[str, str]]:
    """For each name the number of what is meant (-1: nothing known), and the names that were altered: new to old.

    A name that is not known is taken for the one known name that differs only in case and separators.
    """
    alike: dict[str, list[str]] = {}
    for name in meant:
        alike.setdefault(_bare(name), []).append(name)
    altered = {}
    for name in named:
        near = alike.get(_bare(name), [])
        if name not in meant and len(near) == 1:
            altered[name] = near[0]
    numbers = [meant.get(altered.get(name, name), -1) for name in named]
    return np.array(numbers, dtype=np.int64), altered


def describe(what: str, altered: Mapping[str, str], rows: int, of: int) -> Diagnosis:
    """The diagnosis of names that were altered."""
    new, old = next(iter(altered.items()))
    changes = _changes(altered)
    text = (
        f"the names of {len(altered):,} {what}{'s' * (len(altered) > 1)} were altered ({changes}): {new!r} stands for "
        f"{old!r}, and so on; {part(rows, of)} of the readings"
    )
    return Diagnosis(f"{what}_names_altered", text, rows, of, rows / max(of, 1), {"names": dict(altered)})


def _changes(altered: Mapping[str, str]) -> str:
    case = any("".join(filter(str.isalnum, new)) != "".join(filter(str.isalnum, old)) for new, old in altered.items())
    separators = any(_SEPARATORS.findall(new) != _SEPARATORS.findall(old) for new, old in altered.items())
    return " and ".join(["case"] * case + ["separators"] * separators) or "their writing"


def _bare(name: str) -> str:
    return _SEPARATORS.sub("", name.casefold())
