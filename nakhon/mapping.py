"""Mappings of devices by name or file, tried on a recorded payload."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from rich.text import Text

from collector.formats.senml import SenML
from collector.formats.single import SingleReading
from collector.intake.decoder import Decoder, Heard
from collector.language.codec import MAXIMUM_PAYLOAD
from collector.language.errors import InputError, WireError
from collector.language.gathered import text_of
from collector.language.indicators import indicators
from collector.language.messages import Message, Readings
from collector.language.profile import CityProfile
from collector.language.time import format_times
from collector.mapping.devices import Devices, Names
from collector.mapping.rules import Mapping, parse_mapping
from nakhon.recognising import kind_of
from nakhon.terminal.console import shown
from nakhon.terminal.plain import plain
from simulator.cities import cities, describe_unknown


def shipped_mappings() -> dict[str, str]:
    """The text of each shipped mapping, by name."""
    pages = (page for page in (files("scenarios") / "devices").iterdir() if page.name.endswith(".toml"))
    return {page.name.removesuffix(".toml"): page.read_text("utf-8") for page in pages}


def load_mapping(source: str) -> Mapping:
    """The mapping in a file, or the shipped one of that name; `@CITY` gives the city of devices that name none.

    Raises `InputError` with every error in the file.
    """
    place, _, city = source.rpartition("@") if "@" in source and not Path(source).exists() else (source, "", "")
    if city and city not in cities():
        raise InputError(f"{source}: {describe_unknown('city', city, cities())}")
    text, name = _read(place)
    return parse_mapping(text, name, _known(), city or None, source)


def names_mapping(source: str) -> bool:
    """Whether a mapping is meant (rather than a scenario): a shipped one, or a file that looks like one."""
    place = source.rpartition("@")[0] if "@" in source and not Path(source).exists() else source
    return place in shipped_mappings() or kind_of(place) == "mapping"


def decoders(sources: Sequence[str], *, quiet: bool = False) -> list[Decoder]:
    """What reads payloads that do not follow wire version 1: the mappings in order, then the formats known anyway."""
    names: Names = {}
    return [*(Devices(load_mapping(source), names, quiet=quiet) for source in sources), SenML(), SingleReading()]


def describe(mapping: Mapping) -> str:
    """A line for people: how many kinds of messages, on which topics."""
    topics = ", ".join(dict.fromkeys(rule.pattern.text for rule in mapping.rules))
    names = dict.fromkeys(source.indicator for rule in mapping.rules for source in rule.sources)
    return f"{mapping.name}: {len(mapping.rules)} kinds of messages on {topics}; {', '.join(names)}"


def try_mapping(source: str, topic: str, payload: str, *, as_json: bool) -> bool:
    """Print what a mapping makes of a payload (a file, - for standard input); whether it could be taken."""
    mapping = load_mapping(source)
    devices = Devices(mapping, quiet=True)
    try:
        heard = devices.decode(topic, _payload(payload), time.time())
    except WireError as error:
        return _refused(str(error), as_json=as_json)
    if heard is None:
        topics = ", ".join(dict.fromkeys(rule.pattern.text for rule in mapping.rules))
        return _refused(f"the topic is none of {topics}", as_json=as_json)
    if as_json:
        print(json.dumps(_told(heard, devices)))
    else:
        _show(heard, devices)
    return True


def _refused(reason: str, *, as_json: bool) -> bool:
    if as_json:
        print(json.dumps({"taken": False, "reason": reason}))
    else:
        shown.print(Text(f"rejected: {plain(reason)}", style="red"))
    return False


def _show(heard: Heard, devices: Devices) -> None:
    if not heard.messages:
        shown.print("understood: nothing in it is asked for (the mapping says others are ignored)")
    for message in heard.messages:
        shown.print(Text(message.address.topic, style="bold"))
        for line in _lines(message):
            shown.print(Text(f"  {line}"))
    for address, status in heard.births:
        name = plain(status.profile.name) if status.profile else ""
        shown.print(Text(f"born: {address.topic.removesuffix('/status')} ({name})"))
    if devices.unmapped:
        shown.print(Text(f"left out: {', '.join(plain(path) for path in devices.unmapped)}", style="yellow"))


def _lines(message: Message) -> list[str]:
    assert isinstance(message.body, Readings)  # noqa: S101 - a mapping makes nothing else
    lines = []
    for place, time_ in enumerate(format_times(message.body.times)):
        for name, column in message.body.columns.items():
            entry = indicators().get(name)
            value = column[place].item()
            text = "missing" if value != value else f"{value:g} {entry.unit if entry else ''}".rstrip()
            outside = entry is not None and value == value and not entry.minimum <= value <= entry.maximum
            lines.append(f"{time_}  {name} = {text}{'  (out of its bounds: stored, flagged)' if outside else ''}")
    return lines


def _told(heard: Heard, devices: Devices) -> dict[str, Any]:
    bodies = [(one.address, one.body) for one in heard.messages if isinstance(one.body, Readings)]
    messages = [
        {
            "topic": address.topic,
            "time": format_times(body.times),
            "values": {
                name: [None if value != value else value for value in column.tolist()]
                for name, column in body.columns.items()
            },
        }
        for address, body in bodies
    ]
    return {"taken": True, "run": heard.run, "messages": messages, "left_out": list(devices.unmapped)}


def _payload(place: str) -> bytes:
    try:
        with sys.stdin.buffer if place == "-" else Path(place).open("rb") as file:
            payload = file.read(MAXIMUM_PAYLOAD + 1)
    except OSError as error:
        raise InputError(f"cannot read {place}: {error.strerror}") from None
    return payload.rstrip(b"\r\n")


def _read(place: str) -> tuple[str, str]:
    """The text of a mapping and its name."""
    known = shipped_mappings()
    if place in known:
        return known[place], place
    path = Path(place)
    if not path.exists():
        hint = describe_unknown("mapping", place, known)
        raise InputError(f"{path}: no such file; as a shipped mapping: {hint}")
    return text_of(path, "a mapping"), path.name.removesuffix(".toml")


def _known() -> dict[str, CityProfile]:
    return {name: one.profile() for name, one in cities().items()}
