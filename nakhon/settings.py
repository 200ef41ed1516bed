"""The settings of `nakhon collect`: a TOML file, the environment and the options, the later over the earlier.

A setting has one name everywhere: `client_id` in the file is `NAKHON_COLLECT_CLIENT_ID` in the environment and
`--client-id` as an option. Secrets are no settings: they come from the environment alone.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from collector.alerts.webhook import check_webhook
from collector.language.broker import parse_broker
from collector.language.checking import suggestion
from collector.language.errors import InputError
from collector.language.topics import is_segment
from collector.stores import check_url
from nakhon.alerts import find_rules
from nakhon.mapping import load_mapping
from nakhon.terminal.durations import parse_length
from nakhon.terminal.logs import FORMATS, LEVELS
from nakhon.terminal.sizes import parse_size
from simulator.scenario_file import Expected, Table, whole

PREFIX = "NAKHON_COLLECT_"
LARGEST_FILE = 1 << 20
_SECRET = re.compile(r"pass|token|secret|user", re.IGNORECASE)


class SettingsError(InputError):
    """Settings that cannot be used; `errors` holds every reason, each with its place."""

    def __init__(self, errors: tuple[str, ...]) -> None:
        super().__init__("\n".join(errors))
        self.errors = errors


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting: what it may be, what it is unless told, what else must hold (`check` raises `InputError`).

    What is `private` may hold a secret and is not printed.
    """

    expected: Expected[Any]
    default: Any = None
    check: Callable[[Any], object] | None = None
    many: bool = False
    required: bool = False
    private: bool = False


@dataclass(frozen=True, slots=True)
class Value:
    """What a setting is, and where that comes from."""

    value: Any
    source: str


def _text(given: object) -> str:
    if not isinstance(given, str) or not given.strip() or not given.isprintable():
        raise ValueError
    return given


def _path(given: object) -> Path:
    return given if isinstance(given, Path) else Path(_text(given))


def _one_of(*choices: str) -> Expected[str]:
    def read(given: object) -> str:
        if str(given) not in choices:
            raise ValueError
        return str(given)

    return Expected(f"one of {', '.join(choices)}", read)


def _is_file(path: Path) -> None:
    if not path.is_file():
        raise InputError(f"no such file: {path}")


def _is_run(name: str) -> None:
    if not is_segment(name):
        raise InputError(f"expected a run of lower-case letters, digits and hyphens (1 to 63), came {name!r}")


TEXT = Expected("a text", _text)
FILE = Setting(Expected("the path of a PEM file", _path), check=_is_file)
SETTINGS: dict[str, Setting] = {
    "broker": Setting(TEXT, check=parse_broker, required=True),
    "mqtt": Setting(_one_of("5", "3.1.1"), "5"),
    "ca": FILE,
    "cert": FILE,
    "key": FILE,
    "client_id": Setting(TEXT),
    "group": Setting(TEXT),
    "run": Setting(TEXT, (), check=_is_run, many=True),
    "store": Setting(TEXT, check=check_url, required=True),
    "map": Setting(TEXT, (), check=load_mapping, many=True),
    "spool": Setting(Expected("the path of a directory", _path)),
    "spool_limit": Setting(TEXT, "10GiB", check=parse_size),
    "raw": Setting(TEXT, check=parse_length),
    "halfhourly": Setting(TEXT, check=parse_length),
    "events": Setting(TEXT, check=parse_length),
    "alerts": Setting(TEXT, check=find_rules),
    "alerts_state": Setting(Expected("the path of a file", _path)),
    "alerts_webhook": Setting(TEXT, check=check_webhook, private=True),
    "host": Setting(TEXT, "127.0.0.1"),
    "port": Setting(whole(0, 65_535), 8080),
    "host_name": Setting(TEXT, (), many=True),
    "api_cert": FILE,
    "api_key": FILE,
    "log_format": Setting(_one_of(*FORMATS), "text"),
    "log_level": Setting(_one_of(*LEVELS), "info"),
}


@dataclass(frozen=True, slots=True)
class Settings:
    """Every setting by its name, each with where it comes from."""

    values: Mapping[str, Value]

    def __getitem__(self, name: str) -> Any:
        return self.values[name].value

    def lines(self, secrets: Mapping[str, bool]) -> Iterator[str]:
        """The settings as lines of a TOML file, each with its source; of secrets only whether they are set."""
        for name, value in self.values.items():
            told = _toml(value.value)
            if told and SETTINGS[name].private:
                yield f"# {name} is set and may hold a secret  # {value.source}"
            else:
                yield f"{name} = {told}  # {value.source}" if told else f"# {name} is not set"
        for name, held in secrets.items():
            yield f"# {name} is {'set' if held else 'not set'}"


@dataclass(frozen=True, slots=True)
class _Place:
    """A place where settings come from: what its errors begin with, and what it calls a setting."""

    label: str
    entries: Mapping[str, object]
    called: Callable[[str], str]
    errors: list[str] = field(default_factory=list)

    def read(self) -> dict[str, Value]:
        table = Table(self.entries)
        names = {self.called(name): name for name in SETTINGS}
        _allow(table, tuple(names))
        found = {name: _take(table, key, SETTINGS[name]) for key, name in names.items() if key in table}
        self.errors.extend(f"{self.label}{error}" for error in table.errors)
        return {name: Value(value, self.label.rstrip(": ") or self.called(name)) for name, value in found.items()}


def gather(file: Path | None, environment: Mapping[str, str], options: Mapping[str, object]) -> Settings:
    """The settings in force: options over the environment over the file over what is usual.

    Parameters
    ----------
    file
        A TOML file with settings at its top, or None.
    environment
        All variables; those that begin with `NAKHON_COLLECT_` are settings, lists separated by commas.
    options
        What was said on the command line, by the names of the settings.

    Raises
    ------
    SettingsError
        With everything that is wrong, each with its place.
    """
    told = {f"--{name.replace('_', '-')}": value for name, value in options.items()}
    places = [
        _Place(f"{file}: " if file else "", _load(file) if file else {}, lambda name: name),
        _Place("", dict(_variables(environment)), lambda name: PREFIX + name.upper()),
        _Place("", told, lambda name: f"--{name.replace('_', '-')}"),
    ]
    values = {name: Value(setting.default, "default") for name, setting in SETTINGS.items()}
    for place in places:
        values |= place.read()
    errors = [error for place in places for error in place.errors]
    given = {name for place in places for name in SETTINGS if place.called(name) in place.entries}
    for name, setting in SETTINGS.items():
        if setting.required and name not in given:
            errors.append(f"{name}: missing; give --{name}, {PREFIX}{name.upper()}, or `{name}` in a --config file")
    for one, other in (("api_cert", "api_key"), ("api_key", "api_cert"), ("key", "cert")):
        if values[one].value and not values[other].value:
            errors.append(f"{one}: expected {other} beside it")
    errors += [
        f"{name}: expected alerts beside it, the file of the rules"
        for name in ("alerts_state", "alerts_webhook")
        if values[name].value and not values["alerts"].value
    ]
    if errors:
        raise SettingsError(tuple(errors))
    return Settings(values)


def _load(file: Path) -> dict[str, Any]:
    try:
        if file.stat().st_size > LARGEST_FILE:
            raise InputError(f"{file}: expected at most {LARGEST_FILE:,} bytes; is this a file of settings?")
        return tomllib.loads(file.read_text("utf-8"))
    except OSError as error:
        raise InputError(f"cannot read {file}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{file}: not a TOML file: {error}") from None


def _variables(environment: Mapping[str, str]) -> Iterator[tuple[str, object]]:
    for variable, text in environment.items():
        if not variable.startswith(PREFIX) or not text:
            continue
        setting = SETTINGS.get(variable.removeprefix(PREFIX).lower())
        if setting is not None and setting.many:
            yield variable, [part.strip() for part in text.split(",") if part.strip()]
        else:
            yield variable, int(text) if text.isdecimal() and setting is SETTINGS["port"] else text


def _allow(table: Table, names: tuple[str, ...]) -> None:
    """Note every key that is not known, with the nearest known one."""
    for key, _ in table.others(names):
        hint = suggestion(key, names, "")
        if hint or not _SECRET.search(key):
            table.note(key, f"unknown; {hint or 'nakhon collect --help lists them'}")
        else:
            table.note(key, "secrets come from the environment alone, such as NAKHON_MQTT_PASSWORD; take it out here")


def _take(table: Table, key: str, setting: Setting) -> Any:
    if setting.many:
        value: Any = tuple(table.take_each(key, setting.expected, ""))
    else:
        value = table.take(key, setting.expected, setting.default)
    if setting.check is None or not table.fine(key):
        return value
    for one in value if setting.many else (value,):
        try:
            setting.check(one)
        except InputError as error:
            table.note(key, str(error))
    return value


def _toml(value: object) -> str:
    if value is None or value == ():
        return ""
    if isinstance(value, tuple):
        return f"[{', '.join(_toml(one) for one in value)}]"
    return str(value) if isinstance(value, int) else json.dumps(str(value), ensure_ascii=False)
