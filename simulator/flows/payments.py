"""Gateways through which people pay digitally."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from simulator import economy, governance, parameters
from simulator.cities import City
from simulator.drivers import by_hour, date_of
from simulator.flows.activity import State
from simulator.streams import Floats, Streams


class PaymentGateways:
    """Gateways: digital payments counted in each interval."""

    indicators: ClassVar[tuple[str, ...]] = ("digital_payments",)
    noise: ClassVar[tuple[str, ...]] = ("counting",)
    sites: ClassVar[tuple[str, ...]] = ("people/site",)

    def __init__(self, city: City, _streams: Streams, cadence: int, luck: Mapping[str, Floats]) -> None:
        made = self._made = parameters.economy(city).payments
        self._interval, self._launch = cadence / 3600.0, (made.launch - date_of(0)).days
        self._people = made.people * np.exp(made.people_sd * luck["people/site"])

    def truth(self, state: State, noise: Mapping[str, Floats]) -> dict[str, Floats]:
        """Get the true counts at each gateway."""
        made, local = self._made, state.local
        years = (local.days - self._launch) / 365.25
        adoption = governance.eservice_adoption(years, made.innovation, made.imitation, made.ceiling)
        daily = np.array(made.weekday)[local.weekday] * payday(local.days, made.payday)
        hourly = by_hour((local.hour - 0.5) % 24.0, made.hourly)
        activity = state.act_here("digital_payments", state.act("digital_payments", hourly * local.spread(daily)))
        counts = economy.digital_payments(
            self._people, local.spread(adoption), made.per_day, activity, noise["counting"], self._interval
        )
        return {"digital_payments": counts}


def payday(days: NDArray[np.int64], added: tuple[float, ...]) -> Floats:
    """Get the factor of local days (since 1970-01-01): 1, and what is added on the last of a month and days after."""
    dates = days.astype("datetime64[D]")
    months = dates.astype("datetime64[M]")
    last = (months + 1).astype("datetime64[D]") - dates == np.timedelta64(1, "D")
    after = np.where(last, 0, (dates - months.astype("datetime64[D]")).astype(np.int64) + 1)
    return 1.0 + np.append(added, 0.0)[np.minimum(after, len(added))]
