"""`nakhon alerts`: what stands at a running collector, what a file of rules asks for; and where states are kept."""

from __future__ import annotations

import json
from dataclasses import asdict
from importlib.resources import files
from pathlib import Path
from typing import Any

from rich.table import Table

from collector.alerts.rules import Kind, Rule
from collector.alerts.rules_file import load_rules, parse_rules
from collector.language.checking import suggestion
from collector.language.errors import InputError
from collector.stores.remote_alerts import fetch_alerts
from nakhon.terminal.console import shown
from nakhon.terminal.plain import plain


def shipped_rules() -> dict[str, str]:
    """The text of each shipped file of rules, by name."""
    pages = (page for page in (files("scenarios") / "alerts").iterdir() if page.name.endswith(".toml"))
    return {page.name.removesuffix(".toml"): page.read_text("utf-8") for page in pages}


def find_rules(source: str) -> tuple[Rule, ...]:
    """The rules in a file, or the shipped ones of that name. Raises `InputError` with every error."""
    known = shipped_rules()
    if source in known:
        return parse_rules(known[source], source)
    if not Path(source).exists():
        hint = suggestion(source, known, f"there are {', '.join(known)}")
        raise InputError(f"no file and no shipped rules {source!r}; {hint}")
    return load_rules(Path(source))


def states_file(given: Path | None, store: str) -> Path:
    """Where the states of alerts are kept: beside a store that is a file. Raises `InputError` where there is none."""
    kind, _, place = store.partition("://")
    if given is None and kind != "duckdb":
        raise InputError(f"a {kind} store has no place for the states of alerts: give --alerts-state FILE")
    path = given or Path(f"{place}.alerts.json")
    if not path.absolute().parent.is_dir():
        raise InputError(f"no directory {path.absolute().parent} for the states of alerts")
    return path


def check(source: str, *, as_json: bool) -> None:
    """Print what the rules of a file do. Raises `InputError` with every error."""
    rules = find_rules(source)
    if as_json:
        print(json.dumps([asdict(rule) for rule in rules], ensure_ascii=False))
        return
    table = Table("rule", "severity", "raised when", "cleared when", "watches", "source")
    for rule in rules:
        where = "each station"
        if rule.by_city:
            where = "each city" if rule.kind is Kind.MISSING else f"the {rule.across} of each city"
        only = ", ".join((*rule.cities, *rule.stations))
        cells = (rule.id, rule.severity.value, _raised(rule), _cleared(rule), f"{where}{f' ({only})' * bool(only)}")
        table.add_row(*map(plain, cells), plain(rule.source or "none given"))
    shown.print(table)
    shown.print(f"{len(rules)} rules, all sound")


def listed(url: str, run: str | None, *, as_json: bool) -> bool:
    """Print what stands at a running collector; whether nothing stands."""
    told = fetch_alerts(url, run)
    if as_json:
        print(json.dumps(told, ensure_ascii=False))
        return not told["alerts"]
    table = Table("severity", "rule", "run", "city", "station", "since", "value", "origin", "message")
    for one in told["alerts"]:
        table.add_row(*(plain(cell) for cell in _cells(one)))
    shown.print(table)
    more = "" if told["watching"] else "; no rules are watched: start nakhon collect with --alerts"
    shown.print(f"{len(told['alerts'])} alerts stand, {len(told['rules'])} rules{more}", markup=False)
    if told["trouble"]:
        shown.print(told["trouble"], style="yellow", markup=False)
    return not told["alerts"]


def _cells(one: dict[str, Any]) -> list[str]:
    value = "–" if one["value"] is None else f"{one['value']:.4g} {one['unit']}"
    names = (str(one[name] or "whole city") for name in ("severity", "rule", "run", "city", "station", "since"))
    return [*names, value, str(one["origin"]), str(one["message"])]


def _raised(rule: Rule) -> str:
    mean = f"{_length(rule.average)} mean of " if rule.average else ""
    lasting = f" for {_length(rule.lasting)}" if rule.lasting else ""
    if rule.kind is Kind.MISSING:
        return f"{rule.indicator or 'any reading'} missing for {_length(int(rule.level))}"
    if rule.kind in (Kind.RISES, Kind.FALLS):
        return f"{rule.indicator} {rule.kind} by over {rule.level:g} {rule.unit}{lasting}"
    return f"{mean}{rule.indicator} {rule.kind} {rule.level:g} {rule.unit}{lasting}"


def _cleared(rule: Rule) -> str:
    if rule.kind is Kind.MISSING:
        return "heard again"
    return f"{'at or above' if rule.kind is Kind.BELOW else 'at or below'} {rule.clear:g} {rule.unit}"


def _length(seconds: int) -> str:
    for size, name in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds % size == 0 and (name != "d" or seconds > 172_800):
            return f"{seconds // size} {name}"
    return f"{seconds} s"
