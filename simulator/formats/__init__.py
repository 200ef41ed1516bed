"""Payload formats by name: what a fleet of devices says, in the words that a consumer understands."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from collector.language.checking import suggestion
from collector.language.errors import InputError
from collector.language.topics import Kind
from simulator.formats.home_assistant import HomeAssistant
from simulator.formats.influx import Influx
from simulator.formats.ngsi_ld import NgsiLd
from simulator.formats.patterns import STATION_FIELDS, VALUE_FIELDS, Pattern, refuse, topic_pattern
from simulator.formats.protocol import JSON, Body, Format, Outgoing, Speakers
from simulator.formats.reading import Reading
from simulator.formats.senml import SenmlJson
from simulator.formats.senml_cbor import SenmlCbor
from simulator.formats.template import Template, payload_pattern
from simulator.formats.wire import Wire

__all__ = ["FORMATS", "Body", "Format", "FormatEntry", "Open", "Outgoing", "Speakers", "format_of"]

Open = Callable[[Speakers], Format]
"""Makes a format for a connection. Raises `InputError` where the format cannot tell what these stations tell of."""


@dataclass(frozen=True, slots=True)
class FormatEntry:
    """A format in the catalogue: what it is, its media type, its topic, and how it is made.

    `topic` is None where the topics are those of the wire or of the consumer and may not be changed; `single` whether
    a message holds one value, so that `{indicator}` may stand in its topic.
    """

    title: str
    content_type: str
    make: Callable[[Speakers, Pattern], Format]
    topic: Pattern | None = None
    single: bool = False


def _station_topic(root: str) -> Pattern:
    return Pattern((f"{root}/", "run", "/", "city", "/", "pillar", "/", "station", "", "suffix", ""))


FORMATS: Mapping[str, FormatEntry] = {
    "wire": FormatEntry("wire version 1: a tick or a pack in JSON", JSON, lambda speakers, _topic: Wire(speakers)),
    "reading": FormatEntry("one reading in JSON", JSON, Reading, _station_topic("nakhon/v1"), single=True),
    "senml-json": FormatEntry(
        "SenML in JSON (RFC 8428)", "application/senml+json", SenmlJson, _station_topic("nakhon/v1")
    ),
    "senml-cbor": FormatEntry(
        "SenML in CBOR (RFC 8428)", "application/senml+cbor", SenmlCbor, _station_topic("nakhon/senml-cbor")
    ),
    "influx": FormatEntry("InfluxDB line protocol", "text/plain", Influx, _station_topic("nakhon/influx")),
    "ngsi-ld": FormatEntry(
        "FIWARE NGSI-LD entities of the Smart Data Models",
        "application/ld+json",
        NgsiLd,
        _station_topic("nakhon/ngsi-ld"),
    ),
    "home-assistant": FormatEntry(
        "Home Assistant: discovery and states", JSON, lambda speakers, _topic: HomeAssistant(speakers)
    ),
}
"""The formats by name; `template` is made of `--topic` and `--payload`."""


def format_of(
    name: str = "wire", *, topic: str | None = None, payload: str | None = None, only: Collection[Kind] = ()
) -> Open:
    """What makes the format of that name for a connection, with the topic and payload templates of the user.

    `only` are the kinds that will be said, none for all: a payload needs a place for no other. Raises
    `InputError` with everything that is wrong: the name, options that do not go together, unknown fields.
    """
    if name == "template":
        return _template_of(topic, payload, only)
    if name not in FORMATS:
        known = [*FORMATS, "template"]
        raise InputError(f"no format {name!r}; {suggestion(name, known, 'try ' + ', '.join(known))}")
    entry = FORMATS[name]
    wrong = [] if payload is None else [f"--payload goes with --format template, not {name}"]
    pattern = entry.topic or Pattern(("",))
    if topic is not None and entry.topic is None:
        wrong.append(f"the topics of --format {name} are given; leave --topic out, or take another --format")
    elif topic is not None:
        pattern, faults = topic_pattern(topic, {**STATION_FIELDS, **VALUE_FIELDS} if entry.single else STATION_FIELDS)
        wrong += faults
    refuse(wrong)
    return lambda speakers: entry.make(speakers, pattern)


def _template_of(topic: str | None, payload: str | None, only: Collection[Kind]) -> Open:
    if topic is None or payload is None:
        raise InputError(
            "--format template needs both --topic and --payload, such as "
            '--topic \'city/{city}/{station}/{indicator}\' --payload \'{"v": {value}, "t": "{time}"}\''
        )
    topics, wrong = topic_pattern(topic, {**STATION_FIELDS, **VALUE_FIELDS})
    payloads, faults = payload_pattern(payload)
    refuse(wrong + faults)
    return lambda speakers: Template(speakers, topics, payloads, only)
