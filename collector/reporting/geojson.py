"""Stations as GeoJSON (RFC 7946): where they are, what they measure in which unit, and where their values come from."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from collector.language.indicators import indicators
from collector.language.profile import StationProfile
from collector.stores.protocol import Store

GEOJSON = "application/geo+json"


def stations_geojson(store: Store, run: str) -> bytes:
    """The stations of a run as a collection of features; a station that tells no position has no geometry."""
    names = {profile.id: profile.name for profile, _ in store.cities(run)}
    origins = _origins(store, run)
    features = [_feature(one, run, names, origins) for one in store.stations(run)]
    return json.dumps({"type": "FeatureCollection", "features": features}, ensure_ascii=False).encode()


def _feature(
    station: StationProfile, run: str, names: Mapping[str, str], origins: Mapping[tuple[str, str], set[str]]
) -> dict[str, object]:
    point = None
    if station.latitude is not None and station.longitude is not None:
        point = {"type": "Point", "coordinates": [station.longitude, station.latitude]}
    about = {
        "run": run,
        "city": station.city,
        "city_name": names.get(station.city, station.city),
        "station": station.id,
        "name": station.name,
        "pillar": station.pillar,
        "kind": station.kind,
        "cadence_seconds": station.cadence or None,
        "origin": " and ".join(sorted(origins.get((station.city, station.id), {"unknown"}))),
        "indicators": list(_measured(station)),
    }
    return {"type": "Feature", "id": f"{run}/{station.city}/{station.id}", "geometry": point, "properties": about}


def _measured(station: StationProfile) -> Iterable[dict[str, object]]:
    for name in station.indicators:
        unit = indicators()[name].unit if name in indicators() else None
        told: dict[str, object] = {"indicator": name, "unit": unit}
        yield told | ({"parameters": station.origins[name]} if name in station.origins else {})


def _origins(store: Store, run: str) -> dict[tuple[str, str], set[str]]:
    told: dict[tuple[str, str], set[str]] = {}
    for row in store.series(run).select(["city", "station", "origin"]).to_pylist():
        told.setdefault((row["city"], row["station"]), set()).add(row["origin"])
    return told
