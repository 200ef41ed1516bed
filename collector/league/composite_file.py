"""The file that declares a composite score: TOML in, a `Composite` out. `docs/league.md` explains every key.

name = "environment"
pillar = "environment"
source = "..."

[[part]]
indicator = "pm25"
weight = 2
worst = 75
best = 15
source = "WHO global air quality guidelines, 2021"
"""

from __future__ import annotations

import math
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, model_validator

from collector.language.checking import checked, suggestion
from collector.language.errors import InputError
from collector.language.gathered import LARGEST_FILE, Strict, gathered
from collector.language.indicators import Better, Pillar, indicator
from collector.league.composite import Aggregation, Composite, Missing, Normalisation, Part

Text = Annotated[str, Field(min_length=1, max_length=600)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
_LEVELS = {
    Normalisation.GOALPOSTS: ("worst", "best"), Normalisation.TARGET: ("target",), Normalisation.Z_SCORE: (),
}  # fmt: skip


class PartTable(Strict):
    """A `[[part]]`."""

    indicator: Annotated[str, checked(indicator), Field(description="the key of an indicator")]
    weight: Annotated[float, Field(gt=0, le=1e6, description="a number; the weights are made to add up to 1")]
    normalisation: Normalisation = Normalisation.GOALPOSTS
    worst: Finite | None = None
    best: Finite | None = None
    target: Finite | None = None
    tolerance: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    source: Text = Field(default="", min_length=0)
    assumption: bool = False

    @model_validator(mode="after")
    def _levels(self) -> PartTable:
        better = indicator(self.indicator).better
        wanted = set(_LEVELS[self.normalisation])
        if self.normalisation is Normalisation.TARGET and better is Better.TARGET:
            wanted.add("tolerance")
        given = {name for name in ("worst", "best", "target", "tolerance") if getattr(self, name) is not None}
        if wanted != given:
            told = " and ".join(sorted(wanted)) or "no level"
            raise ValueError(f"expected {told} with {self.normalisation}, came {', '.join(sorted(given)) or 'none'}")
        if better is Better.TARGET and self.normalisation is not Normalisation.TARGET:
            raise ValueError(f'neither way of {self.indicator} is better: expected normalisation = "target"')
        self._check_direction(better)
        if bool(self.source) == self.assumption:
            raise ValueError("expected either a source of the levels or assumption = true")
        return self

    def _check_direction(self, better: Better) -> None:
        if self.worst is not None and self.best is not None:
            if self.worst == self.best:
                raise ValueError("expected a best unlike the worst")
            if (self.best > self.worst) != (better is Better.HIGHER):
                raise ValueError(f"{better} is better in the catalogue: exchange worst and best")
        if self.target is not None and better is not Better.TARGET and self.target <= 0:
            raise ValueError("expected a target above 0: the score is a ratio to it")


class CompositeTable(Strict):
    """A whole file."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$", description="lower-case letters and hyphens")]
    title: Text = Field(default="", min_length=0)
    pillar: Pillar = Field(description="environment, economy or governance")
    aggregation: Aggregation = Aggregation.GEOMETRIC
    missing: Missing = Missing.REWEIGH
    least_weight: Annotated[float, Field(gt=0, le=1)] = 0.6
    floor: Annotated[float, Field(gt=0, lt=100)] = 1.0
    concentration: Annotated[float, Field(ge=2, le=100_000)] = 50.0
    source: Text = Field(default="", min_length=0)
    assumption: bool = False
    part: Annotated[tuple[PartTable, ...], Field(min_length=2, max_length=50, description="[[part]] tables")]

    @model_validator(mode="after")
    def _whole(self) -> CompositeTable:
        names = [one.indicator for one in self.part]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"expected every indicator once, came twice: {', '.join(twice)}")
        scales = {one.normalisation is Normalisation.Z_SCORE for one in self.part}
        if len(scales) > 1:
            raise ValueError("z-scores do not mix with scores from 0 to 100: expected all parts or none as z-score")
        if True in scales and self.aggregation is Aggregation.GEOMETRIC:
            raise ValueError('z-scores may be negative: expected aggregation = "arithmetic"')
        if bool(self.source) == self.assumption:
            raise ValueError("expected either a source of the parts and weights or assumption = true")
        return self


def shipped_composites() -> dict[str, str]:
    """The composites that come with Nakhon, as texts by name: one for each pillar."""
    folder = files(__package__).joinpath("composites")
    found = sorted((one for one in folder.iterdir() if one.name.endswith(".toml")), key=lambda one: one.name)
    return {one.name.removesuffix(".toml"): one.read_text("utf-8") for one in found}


def load_composite(place: str) -> Composite:
    """A shipped composite by its name (that of a pillar), or that of a TOML file.

    Raises `InputError` with every error of the file, its path and what may be meant.
    """
    known = shipped_composites()
    if place in known:
        return parse_composite(known[place], place)
    path = Path(place)
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise InputError(f"{path}: expected at most {LARGEST_FILE:,} bytes; is this a composite?")
        return parse_composite(path.read_text("utf-8"), str(path))
    except FileNotFoundError:
        hint = suggestion(place, known, f"there are {', '.join(known)}")
        raise InputError(f"no file and no shipped composite {place!r}; {hint}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read the composite {path}: {error}") from None


def parse_composite(text: str, where: str) -> Composite:
    """The composite that a TOML text declares. Raises `InputError` with every error at once."""
    told = gathered(text, where, CompositeTable, {"part": PartTable})
    total = math.fsum(one.weight for one in told.part)
    kept = ("pillar", "aggregation", "missing", "least_weight", "floor", "concentration", "source", "assumption")
    fields: dict[str, Any] = {name: getattr(told, name) for name in kept}
    parts = tuple(_part(one, one.weight / total) for one in told.part)
    return Composite(name=told.name, title=told.title or told.name, parts=parts, **fields)


def _part(told: PartTable, weight: float) -> Part:
    levels = {
        name: math.nan if (level := getattr(told, name)) is None else level
        for name in ("worst", "best", "target", "tolerance")
    }
    kept: dict[str, Any] = levels | {"source": told.source, "assumption": told.assumption}
    return Part(indicator(told.indicator), weight, told.normalisation, **kept)
