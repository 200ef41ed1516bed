"""What can be said: a scenario simulated, or a recording said again."""

from __future__ import annotations

import math
from hashlib import blake2b
from pathlib import Path

from collector.language.errors import InputError
from collector.language.indicators import Origin
from collector.language.profile import StationProfile, Status
from collector.language.time import format_epoch
from collector.language.topics import is_segment
from nakhon.naming import run_name
from nakhon.stage import Play, Words
from simulator.broadcast import Progress, Tell, broadcast, rebroadcast
from simulator.cities import cities
from simulator.clock import Clock
from simulator.faults.acting import Faults
from simulator.faults.commands import FaultCommands, refusing
from simulator.faults.outlet import Outlet
from simulator.publisher import Cast, new_session
from simulator.replay import read_mapping, read_recording
from simulator.run import Simulation
from simulator.scenario import KINDS, Scenario
from simulator.speaker import Speaker
from simulator.streams import Streams


def simulated(
    scenario: Scenario,
    pace: float,
    run: str | None,
    pack: int,
    free_until: float = -math.inf,
    words: Words | None = None,
) -> Play:
    """A scenario, about to be simulated; what lies before `free_until` (seconds since 1970) goes at full speed.

    Raises `InputError` where the format of `words` cannot say what the stations tell.
    """
    session = new_session()
    simulation = Simulation(scenario)
    births = {
        name: Status(True, session, cities()[name].profile(), Origin.SIMULATED, scenario.name, scenario.digest)
        for name in scenario.cities
    }
    cast = Cast(run_name(run, scenario.name), births, simulation.stations)
    clock, progress = Clock(scenario.start, pace, free_until), Progress(scenario.start, scenario.end, scenario.start)
    speaker = Speaker(cast.run, session, (words or Words()).parts(cast))
    faults = Faults(Streams(scenario.seed), simulation.stations, clock, grace=pack * scenario.cadence)
    faults.add(scenario.faults)
    clock.commands |= FaultCommands(faults, KINDS).commands()
    facts = {
        "scenario": scenario.name,
        "digest": scenario.digest,
        "seed": scenario.seed,
        "start": format_epoch(scenario.start),
        "end": format_epoch(scenario.end),
    }

    def perform(outlet: Outlet, tell: Tell) -> None:
        faults.bind(outlet)
        broadcast(simulation, speaker, faults, clock, progress, tell, pack)

    return Play(cast, session, clock, progress, perform, facts)


def recorded(
    path: Path,
    mapping: Path,
    pace: float,
    run: str | None,
    pack: int,
    start: int | None,
    words: Words | None = None,
) -> tuple[Play, str]:
    """A recording, about to be said again, and what to know of it; its times are kept, or moved to begin at `start`.

    Raises `InputError` for a file or mapping that cannot be read.
    """
    recording = read_recording(path, read_mapping(mapping))
    first, last = recording.span
    shift = 0 if start is None else start - first
    session = new_session()
    births = {name: Status(True, session, profile, Origin.MEASURED) for name, profile in recording.cities().items()}
    stations: dict[str, list[StationProfile]] = {name: [] for name in births}
    for station in recording.stations:
        stations[station.city].append(station)
    stem = path.stem.lower().replace("_", "-").replace(".", "-").strip("-")
    cast = Cast(run_name(run, stem if is_segment(stem) else "replay"), births, stations)
    progress = Progress(first + shift, last + shift + 1, first + shift)
    clock, speaker = Clock(first + shift, pace), Speaker(cast.run, session, (words or Words()).parts(cast))
    clock.commands |= refusing()
    facts = {
        "file": path.name,
        "digest": blake2b(path.read_bytes(), digest_size=8).hexdigest(),
        "source": recording.source,
        "shift": shift,
    }
    play = Play(
        cast, session, clock, progress,
        lambda outlet, tell: rebroadcast(recording.say(speaker, pack, shift), outlet.publish, clock, progress, tell),
        facts,
    )  # fmt: skip
    return play, "; ".join([f"source: {recording.source or 'not stated'}", *recording.notes])


def parse_start(text: str, now: int) -> int | None:
    """Where a recording begins: `kept` leaves its times, `now` moves it to now. Raises `InputError`."""
    if text == "kept":
        return None
    if text == "now":
        return now
    raise InputError(f"expected --start kept or now, came {text!r}")
