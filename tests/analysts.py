"""A store as an analyst finds it: two cities simulated and one measured, twenty days by the hour, Thai names, gaps."""

from __future__ import annotations

import numpy as np

from collector.language.indicators import Origin
from collector.language.messages import Event, Message, Readings
from collector.language.profile import CityProfile, StationProfile, Status
from collector.language.topics import Address, CityAddress
from collector.stores.protocol import Accepted, Batch, Fate

START = 1_772_323_200  # 2026-03-01T00:00:00Z
HOURS = 24 * 20
CITIES = {
    "chiang-mai": CityProfile("chiang-mai", "เชียงใหม่", "TH", 18.79, 98.99, "Asia/Bangkok", 127_240, "municipality",
                              area_km2=40.2),
    "yangon": CityProfile("yangon", "Yangon", "MM", 16.8, 96.15, "Asia/Yangon", 5_000_000, "city proper"),
}  # fmt: skip
RUNS = (("haze", "chiang-mai", 40.0, Origin.SIMULATED), ("haze", "yangon", 30.0, Origin.SIMULATED),
        ("pcd", "chiang-mai", 35.0, Origin.MEASURED))  # fmt: skip


def filled() -> Batch:
    """A mast in each city (with half of the sixth day missing in Yangon), and a desk with an event in one."""
    births: list[tuple[Address | CityAddress, Status]] = []
    accepted: list[Accepted] = []
    for place, (run, city, level, origin) in enumerate(RUNS):
        told = Status(True, "s1", CITIES[city], origin, scenario=run)
        origins = {"pm25": "derived"} if origin is Origin.SIMULATED else {}
        mast = StationProfile("mast", city, "environment", "air", "=Mast", 3600, ("pm25", "no2"), 18.8, 99.0, origins)
        address = Address(run, city, "environment", "mast")
        births += [(CityAddress(run, city), told), (address, told.for_station(mast))]
        noise = np.random.default_rng(place).normal(size=HOURS)
        kept = np.r_[0:120, 136:HOURS] if city == "yangon" else np.arange(HOURS)
        times = (START + 3600 * kept).astype("datetime64[s]")
        values = {"pm25": level + noise[kept], "no2": 10 + noise[kept]}
        accepted.append(Accepted(Message(address, "s1", 0, Readings(times, values)), place, float(START)))
    desk = Address("haze", "chiang-mai", "governance", "desk")
    fields = {"resolution_time": 5.0, "note": "=cmd"}
    closed = Event(np.datetime64(START + 7200, "s"), "r1", "service_request.closed", fields)
    accepted.append(Accepted(Message(desk, "s1", 0, closed), 99, float(START)))
    counts = {("haze", Fate.STORED): 3, ("pcd", Fate.STORED): 1}
    return Batch(accepted=accepted, births=births, counts=counts)
