"""Where scenarios are read from: files and shipped pages, and what one takes over from those that it extends."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from collector.language.errors import InputError
from simulator.cities import describe_unknown
from simulator.scenario_file import shown
from simulator.scenario_merge import Entries, merge

LARGEST_FILE = 1 << 20
TOO_LARGE = f"expected at most {LARGEST_FILE:,} bytes, came more; is this a scenario?"
NOT_SCENARIOS = frozenset({"networks", "sources", "template", "interventions"})
OWN = ("name", "title", "description")
"""What a scenario does not take over."""


class ScenarioError(InputError):
    """A scenario that cannot be used; `errors` holds every reason, each with its place in the file."""

    def __init__(self, errors: tuple[str, ...], where: str = "scenario") -> None:
        super().__init__(errors, where)
        self.errors = errors
        self.where = where

    def __str__(self) -> str:
        return "\n".join(f"{self.where}: {error}" for error in self.errors)


@dataclass(frozen=True, slots=True)
class Source:
    """The entries of a scenario with all that it extends; `origins` says which file set what is at and below a path."""

    entries: Mapping[str, object]
    where: str
    origins: Mapping[str, str]

    def located(self, error: str) -> str:
        """Get an error with the file that its place comes from, where that is another one."""
        path = error.split(": ", 1)[0]
        while path and path not in self.origins:
            path = re.sub(r"(\.[^.\[\]]*|\[[^\[\]]*\]|^[^.\[]*)$", "", path)
        origin = self.origins.get(path, self.where)
        return error if origin == self.where else f"{error} (in {origin})"


def source_of(source: str | Path) -> Source:
    """Get the entries of a scenario file, or of the shipped one of that name. Raises `ScenarioError`."""
    if isinstance(source, str) and source in shipped_names():
        return _extended(_page(source), f"{source}.toml", None, ())
    path = Path(source)
    return _extended(_read(path), str(source), path.parent, (path.resolve(),))


def source_in(text: str, where: str) -> Source:
    """Get the entries of a scenario in a TOML text; it can extend shipped ones only."""
    return _extended(text, where, None, ())


def shipped_names() -> list[str]:
    """Get the names of the shipped scenarios."""
    pages = (page.name for page in files("scenarios").iterdir())
    found = {name.removesuffix(".toml") for name in pages if name.endswith(".toml")}
    return sorted(found - NOT_SCENARIOS)


def page_of(name: str) -> str:
    """Get the text of a shipped page."""
    return _page(name)


def schema_place() -> str:
    """Get where the JSON Schema of scenario files is, for the comment by which editors find it."""
    return Path(str(files("scenarios") / "scenario.schema.json")).absolute().as_uri()


def _extended(text: str, where: str, folder: Path | None, chain: tuple[Path | str, ...]) -> Source:
    entries = _parsed(text, where)
    extends = entries.pop("extends", None)
    own = Source(entries, where, {"": where})
    if extends is None:
        return own
    if not isinstance(extends, str) or not extends:
        raise ScenarioError((f"extends: expected the name of a scenario or a file, came {shown(extends)}",), where)
    return _merged(_extended_source(extends, where, folder, chain or (where.removesuffix(".toml"),)), own)


def _extended_source(extends: str, where: str, folder: Path | None, chain: tuple[Path | str, ...]) -> Source:
    """Get what a scenario extends: a file beside it, or a shipped scenario."""
    beside = [] if folder is None else [folder / extends, folder / f"{extends}.toml"]
    path = next((path for path in beside if path.is_file()), None)
    if path is None and extends not in shipped_names():
        hint = describe_unknown("scenario", extends, shipped_names())
        place = "no file of that name" if folder is None else f"no file {extends} or {extends}.toml beside it"
        raise ScenarioError((f"extends: {place}; as a shipped scenario: {hint}",), where)
    found: Path | str = path.resolve() if path else extends
    if found in chain:
        circle = " extends ".join(_short(one) for one in (*chain[chain.index(found) :], found))
        raise ScenarioError((f"extends: a circle: {circle}",), where)
    if path:
        return _extended(_read(path), str(path), path.parent, (*chain, found))
    return _extended(_page(extends), f"{extends}.toml", None, (*chain, found))


def _short(link: Path | str) -> str:
    return link.name if isinstance(link, Path) else link


def _merged(below: Source, own: Source) -> Source:
    inherited = {key: given for key, given in below.entries.items() if key not in OWN}
    origins = dict.fromkeys(inherited, below.where) | dict(below.origins) | dict.fromkeys(("", *OWN), own.where)
    return Source(merge(inherited, own.entries, own.where, origins), own.where, origins)


def _parsed(text: str, where: str) -> Entries:
    if len(text) > LARGEST_FILE:
        raise ScenarioError((TOO_LARGE,), where)
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise ScenarioError((f"expected TOML, came something else: {error}",), where) from error


def _page(name: str) -> str:
    return (files("scenarios") / f"{name}.toml").read_text(encoding="utf-8")


def _read(path: Path) -> str:
    if not path.exists():
        hint = describe_unknown("scenario", str(path), shipped_names())
        raise ScenarioError((f"no such file; as a shipped scenario: {hint}",), str(path))
    if not path.is_file():
        raise ScenarioError(("expected a file, came something else",), str(path))
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_FILE + 1)
        if len(content) > LARGEST_FILE:
            raise ScenarioError((TOO_LARGE,), str(path))
        return content.decode("utf-8-sig")
    except OSError as error:
        raise ScenarioError((f"cannot be read: {error.strerror}",), str(path)) from error
    except UnicodeDecodeError as error:
        raise ScenarioError(
            (f"expected UTF-8 text, came another byte at position {error.start}",), str(path)
        ) from error
