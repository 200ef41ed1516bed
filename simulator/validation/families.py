"""The families of statistics a mapping may ask for, and which of them an indicator gets by default."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from simulator.validation import statistics, tickets
from simulator.validation.series import Series
from simulator.validation.statistics import Figures
from simulator.validation.tickets import Tickets

Record = Series | Tickets
VALUE = "{unit}"
RESIDUAL = "{residual}"


@dataclass(frozen=True, slots=True)
class Family:
    """Statistics of one kind: a pure function, the unit of what it gives, and for which intervals it makes sense.

    The unit `{unit}` is that of the indicator, `{residual}` that or 1 for a logarithm. `circular` figures are hours of
    the day, where 23 and 1 are two hours apart; `weekly` ones depend on the days of the week.
    """

    function: Callable[..., Figures]
    unit: str = "1"
    intervals: str = "hDM"
    circular: bool = False
    weekly: bool = False


FAMILIES: Mapping[str, Family] = MappingProxyType(
    {
        "mean": Family(statistics.mean, VALUE),
        "sd": Family(statistics.sd, VALUE),
        "quantiles": Family(statistics.quantiles, VALUE),
        "ln_sd": Family(statistics.ln_sd),
        "residual_sd": Family(statistics.residual_sd, RESIDUAL),
        "memory": Family(statistics.memory),
        "anomaly_memory": Family(statistics.anomaly_memory, intervals="h"),
        "anomaly_sd": Family(statistics.anomaly_sd, VALUE, "h"),
        "exceedance": Family(statistics.exceedance, "d/a", "D"),
        "companion_correlation": Family(statistics.companion_correlation, intervals="hD"),
        "month_means": Family(statistics.month_means, VALUE, "hD"),
        "month_factors": Family(statistics.month_factors, intervals="M"),
        "daily_range": Family(statistics.daily_range, VALUE, "hD"),
        "day_factors": Family(statistics.day_factors, intervals="h"),
        "hour_means": Family(statistics.hour_means, VALUE, "h"),
        "day_extremes": Family(statistics.day_extremes, "h", "h", circular=True),
        "morning_ratio": Family(statistics.morning_ratio, intervals="h", weekly=True),
        "week_factors": Family(statistics.week_factors, intervals="h", weekly=True),
        "weekend_ratio": Family(statistics.weekend_ratio, intervals="hD", weekly=True),
        "weekday_peak": Family(statistics.weekday_peak, "h", "h", circular=True, weekly=True),
        "week_residual": Family(statistics.week_residual, intervals="h", weekly=True),
        "wet_days": Family(statistics.wet_days, intervals="D"),
        "rain_amounts": Family(statistics.rain_amounts, "mm", "D"),
        "heat_response": Family(statistics.heat_response, "%/K", "h", weekly=True),
        "heat_memory": Family(statistics.heat_memory, intervals="h", weekly=True),
        "fire_season": Family(statistics.fire_season, "hotspots", "D"),
        "fire_shares": Family(statistics.fire_shares, intervals="D"),
        "fire_memory": Family(statistics.fire_memory, intervals="D"),
    }
)
PAIR = Family(statistics.pair_correlation)
TICKETS: Mapping[str, Family] = MappingProxyType(
    {
        "requests_a_day": Family(tickets.requests_a_day, "1/d"),
        "dispersion": Family(tickets.dispersion, weekly=True),
        "request_factors": Family(tickets.request_factors),
        "request_peak": Family(tickets.request_peak, "h", circular=True),
        "resolution_quantiles": Family(tickets.resolution_quantiles, "h"),
        "resolution_shape": Family(tickets.resolution_shape),
    }
)
_DAILY = ("quantiles", "ln_sd", "residual_sd", "memory", "month_means")
_HOURLY = ("quantiles", "residual_sd", "memory", "day_factors", "day_extremes")
_MONTHLY = ("month_factors", "memory")
_DEFAULTS: Mapping[tuple[str, str], tuple[str, ...]] = MappingProxyType(
    {
        ("pm25", "D"): (*_DAILY, "exceedance"),
        ("no2", "h"): (*_HOURLY, "morning_ratio"),
        ("rain", "D"): ("wet_days", "rain_amounts"),
        ("air_temperature", "h"): ("month_means", "daily_range", "anomaly_memory", "anomaly_sd", "day_extremes"),
        ("air_temperature", "D"): ("month_means", "daily_range", "memory", "residual_sd"),
        ("relative_humidity", "h"): ("mean", "hour_means", "companion_correlation"),
        ("wind_speed", "h"): ("mean", "day_factors"),
        ("wind_speed", "D"): ("mean", "sd"),
        ("electricity_demand", "h"): ("heat_response", "day_factors", "weekend_ratio", "heat_memory"),
        ("traffic_flow", "h"): ("week_factors", "weekend_ratio", "weekday_peak", "week_residual"),
        ("fire_hotspots", "D"): ("fire_season", "fire_shares", "fire_memory"),
    }
)
_PLAIN = frozenset({"air_temperature", "relative_humidity", "o3"})


def default_families(indicator: str, interval: str) -> tuple[str, ...]:
    """Get the families of a series whose mapping names none."""
    general = {"h": _HOURLY, "D": _DAILY, "M": _MONTHLY}[interval]
    return _DEFAULTS.get((indicator, interval), general)


def logarithmic(indicator: str) -> bool:
    """Tell whether residuals of an indicator are taken of its logarithm."""
    return indicator not in _PLAIN


def measure(record: Record, families: Mapping[str, Family]) -> Figures:
    """Get all figures of some families."""
    return {name: value for family in families.values() for name, value in family.function(record).items()}
