"""Connection faults: which connections a target means, and which harm is done to them."""

from __future__ import annotations

from collections.abc import Sequence

from collector.language.profile import StationProfile
from simulator.faults.fault import Fault
from simulator.faults.outlet import ConnectionFaults, Links


def links_of(fault: Fault, stations: Sequence[StationProfile]) -> Links:
    """The connections that a fault means, of the stations it concerns."""
    if fault.target.whole_cities:
        return Links(tuple(dict.fromkeys(one.city for one in stations)))
    return Links((), tuple((one.city, one.id) for one in stations))


def strike(fault: Fault, stations: Sequence[StationProfile], connections: ConnectionFaults) -> list[str]:
    """Harm the connections that a fault means; their names."""
    links, given = links_of(fault, stations), fault.parameters
    match fault.fault:
        case "kill":
            harmed = connections.kill(links)
        case "reconnect-storm":
            harmed = connections.reconnect_storm(links, given["times"], given["rate"])
        case "half-open":
            harmed = connections.half_open(links, given["seconds"])
        case "outage":
            harmed = connections.outage(links, given["seconds"])
        case "missing-birth":
            harmed = connections.missing_birth(links, given["seconds"])
        case "stale-status":
            harmed = connections.stale_status(links, online=given["says"] == "online")
        case other:
            raise ValueError(f"no connection fault: {other}")
    return list(harmed)
