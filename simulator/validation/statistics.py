"""Statistics of shape of a series: pure functions of a frozen `Series`, each a dict from a name to a number.

The same functions are applied to what was measured and to what was simulated. What a series cannot tell (a month
without values, a ratio over nothing) is left out. Logarithms take the values above 0.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from simulator.validation.series import (
    Floats,
    Series,
    correlation,
    deviation,
    lagged,
    less_means,
    logarithm,
    means,
    residual,
    vertex,
)

Figures = dict[str, float]

MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
          "November", "December")  # fmt: skip
LEAST_DAYS_OF_MONTH = 20
LEAST_HOURS_OF_DAY = 18
WET = 0.2
HEAT_FROM = 20.0
QUANTILES = (5, 25, 50, 75, 95)
LIMITS = (37.5, 75.0)
SHOWN_HOURS = range(0, 24, 3)
DAYS_IN_MONTH = (31.0, 28.25, 31.0, 30.0, 31.0, 30.0, 31.0, 31.0, 30.0, 31.0, 30.0, 31.0)


def told(figures: Mapping[str, float]) -> Figures:
    """Get the figures that are numbers."""
    return {name: float(value) for name, value in figures.items() if np.isfinite(value)}


def by_month(what: str, monthly: Floats) -> Figures:
    """Get a figure for each month that has one."""
    return told({f"{what} {month}": value for month, value in zip(MONTHS, monthly, strict=True)})


def by_hour(what: str, hourly: Floats) -> Figures:
    """Get a figure for every third hour."""
    return told({f"{what} {hour:02d} h": hourly[hour] for hour in SHOWN_HOURS})


# ---- level, spread and memory ----------------------------------------------------------------------------------


def mean(series: Series) -> Figures:
    """Mean of all values."""
    known = series.values[np.isfinite(series.values)]
    return {"mean": float(known.mean())} if len(known) else {}


def sd(series: Series) -> Figures:
    """Standard deviation of all values."""
    return told({"sd": deviation(series.values)})


def quantiles(series: Series) -> Figures:
    """Quantiles 5, 25, 50, 75 and 95 % of all values (linear between order statistics)."""
    known = series.values[np.isfinite(series.values)]
    if not len(known):
        return {}
    values = np.quantile(known, np.array(QUANTILES) / 100.0)
    return {f"quantile {name} %": float(value) for name, value in zip(QUANTILES, values, strict=True)}


def ln_sd(series: Series) -> Figures:
    """Standard deviation of ln x."""
    return told({"sd of ln": deviation(logarithm(series.values))})


def residual_sd(series: Series) -> Figures:
    """Standard deviation of the residual (see `residual`)."""
    name = "sd of ln residual" if series.logarithmic else "sd of residual"
    return told({name: deviation(residual(series))})


def memory(series: Series) -> Figures:
    """Autocorrelation of the residual: at 1, 6 and 24 h, from day to day, or from month to month."""
    left = residual(series)
    if series.interval == "h":
        return told({f"memory at {lag} h": lagged(left, lag) for lag in (1, 6, 24)})
    return told({f"memory {'day to day' if series.interval == 'D' else 'month to month'}": lagged(left, 1)})


def _anomaly(series: Series) -> Floats:
    """Get x less the mean of its hour in its own year and month."""
    return less_means(series.values, 24 * series.times.astype("datetime64[M]").astype(np.int64) + series.hour)


def anomaly_memory(series: Series) -> Figures:
    """Autocorrelation at 1 h of x less the mean of its hour in its own year and month."""
    return told({"memory at 1 h": lagged(_anomaly(series), 1)})


def anomaly_sd(series: Series) -> Figures:
    """Standard deviation of x less the mean of its hour in its own year and month."""
    return told({"sd of residual": deviation(_anomaly(series))})


def exceedance(series: Series) -> Figures:
    """Days over 37.5 and over 75, as days a year: 365 times their share of the days with a value."""
    known = series.values[np.isfinite(series.values)]
    if not len(known):
        return {}
    return {f"days over {limit:g} a year": 365.0 * float((known > limit).mean()) for limit in LIMITS}


def companion_correlation(series: Series) -> Figures:
    """Correlation of the values with those of the companion."""
    if series.companion is None:
        return {}
    return told({"correlation with temperature": correlation(series.values, series.companion)})


def pair_correlation(series: Series) -> Figures:
    """Correlation of two residuals (see `residual`): the values and the companion."""
    assert series.companion is not None  # noqa: S101 - a pair is made of two
    return told({"correlation of residuals": correlation(series.values, series.companion)})


# ---- season ----------------------------------------------------------------------------------------------------


def month_means(series: Series) -> Figures:
    """Mean of each calendar month with values worth at least 20 days."""
    return by_month("mean of", means(series.values, series.month, 12, LEAST_DAYS_OF_MONTH * series.width))


def month_factors(series: Series) -> Figures:
    """Mean over the years of each month's value over the mean of its year (years with all twelve months)."""
    year = series.times.astype("datetime64[Y]").astype(np.int64)
    yearly = means(series.values, year - year.min(), int(np.ptp(year)) + 1, 12)
    return by_month("factor of", means(series.values / yearly[year - year.min()], series.month, 12))


def daily_range(series: Series) -> Figures:
    """Mean of each month of the highest less the lowest value of a day.

    Days with at least 18 hours (hourly), or as the columns `maximum` and `minimum` say (daily).
    """
    if series.interval == "h":
        rows = series.values.reshape(-1, 24)
        full = rows[np.isfinite(rows).sum(axis=1) >= LEAST_HOURS_OF_DAY]
        month = series.month[::24][np.isfinite(rows).sum(axis=1) >= LEAST_HOURS_OF_DAY]
        ranges = np.asarray(np.nanmax(full, axis=1) - np.nanmin(full, axis=1)) if len(full) else np.empty(0)
    elif series.maximum is not None and series.minimum is not None:
        ranges, month = series.maximum - series.minimum, series.month
    else:
        return {}
    return by_month("daily range of", means(ranges, month, 12, LEAST_DAYS_OF_MONTH))


# ---- day and week ----------------------------------------------------------------------------------------------


def day_factors(series: Series) -> Figures:
    """Mean of each third hour of the day over the mean of the 24 hourly means."""
    cycle = means(series.values, series.hour, 24)
    return by_hour("factor of", cycle / np.nanmean(cycle)) if np.isfinite(cycle).all() else {}


def hour_means(series: Series) -> Figures:
    """Mean of each third hour of the day."""
    return by_hour("mean of", means(series.values, series.hour, 24))


def day_extremes(series: Series) -> Figures:
    """Hour of the peak and of the minimum of the mean daily cycle (see `vertex`)."""
    cycle = means(series.values, series.hour, 24)
    return told({"hour of the peak": vertex(cycle), "hour of the minimum": vertex(cycle, least=True)})


def morning_ratio(series: Series) -> Figures:
    """Mean of weekdays over mean of weekends, from 7 to 9 h."""
    morning = np.where(np.isin(series.hour, (7, 8, 9)), series.values, np.nan)
    working, idle = means(morning, series.weekend, 2)
    return told({"weekday over weekend at 7 to 9 h": working / idle})


def week_cycle(series: Series) -> Floats:
    """Get the mean of each hour on weekdays and at weekends, (2, 24)."""
    return means(series.values, 24 * series.weekend + series.hour, 48).reshape(2, 24)


def week_factors(series: Series) -> Figures:
    """Mean of each third hour, on weekdays and at weekends, over the mean of all values."""
    if not np.isfinite(series.values).any():
        return {}
    working, idle = week_cycle(series) / np.nanmean(series.values)
    return by_hour("weekday factor of", working) | by_hour("weekend factor of", idle)


def weekend_ratio(series: Series) -> Figures:
    """Mean of weekends over mean of weekdays."""
    working, idle = means(series.values, series.weekend, 2)
    return told({"weekend over weekday": idle / working})


def weekday_peak(series: Series) -> Figures:
    """Hour of the peak of the mean cycle on weekdays (see `vertex`)."""
    return told({"hour of the weekday peak": vertex(week_cycle(series)[0])})


def week_residual(series: Series) -> Figures:
    """Autocorrelation at 1 h, and sd, of ln x less its mean by hour on weekdays and at weekends."""
    left = less_means(logarithm(series.values), 24 * series.weekend + series.hour)
    return told({"memory at 1 h": lagged(left, 1), "sd of ln residual": deviation(left)})


# ---- rain ------------------------------------------------------------------------------------------------------


def wet_days(series: Series) -> Figures:
    """By month: the share of wet days (0.2 mm or more), and that of wet days after a dry (p01) and a wet day (p11)."""
    wet = np.where(np.isfinite(series.values), series.values >= WET, np.nan)
    before = np.concatenate(([np.nan], wet[:-1]))
    least = LEAST_DAYS_OF_MONTH // 4
    after_dry = means(np.where(before == 0.0, wet, np.nan), series.month, 12, least)
    after_wet = means(np.where(before == 1.0, wet, np.nan), series.month, 12, least)
    share = by_month("wet share of", means(wet, series.month, 12, LEAST_DAYS_OF_MONTH))
    return share | by_month("p01 of", after_dry) | by_month("p11 of", after_wet)


def rain_amounts(series: Series) -> Figures:
    """By month: the total and the mean of wet days; the 95 % quantile of all wet days.

    A total is the mean of the days times their number, so that gaps do not lower it.
    """
    wet = np.where(series.values >= WET, series.values, np.nan)
    total = means(series.values, series.month, 12, LEAST_DAYS_OF_MONTH) * np.array(DAYS_IN_MONTH)
    figures = by_month("total of", total) | by_month("wet-day depth of", means(wet, series.month, 12, 5))
    known = wet[np.isfinite(wet)]
    return figures | ({"quantile 95 % of wet days": float(np.quantile(known, 0.95))} if len(known) else {})


# ---- electricity -----------------------------------------------------------------------------------------------


def _heat(series: Series) -> tuple[float, Floats]:
    """Get the slope of ln x on max(0, T - 20), both less their mean by hour on weekdays and at weekends; the rest."""
    assert series.companion is not None  # noqa: S101 - asked by those who have it
    kind = 24 * series.weekend + series.hour
    load = logarithm(series.values)
    heat = np.where(np.isfinite(load), np.maximum(series.companion - HEAT_FROM, 0.0), np.nan)
    load = less_means(np.where(np.isfinite(heat), load, np.nan), kind)
    heat = less_means(heat, kind)
    square = float(np.nansum(heat**2))
    slope = float(np.nansum(heat * load)) / square if square > 0.0 else float("nan")
    return slope, np.asarray(load - slope * heat)


def heat_response(series: Series) -> Figures:
    """Response to heat: 100 times the slope of ln x on max(0, T - 20 °C), less means by hour and kind of day."""
    return told({"response to heat": 100.0 * _heat(series)[0]}) if series.companion is not None else {}


def heat_memory(series: Series) -> Figures:
    """Autocorrelation at 1 and 24 h of what the response to heat leaves."""
    if series.companion is None:
        return {}
    left = _heat(series)[1]
    return told({f"memory at {lag} h": lagged(left, lag) for lag in (1, 24)})


# ---- fires -----------------------------------------------------------------------------------------------------


def _yearly(series: Series, months: tuple[int, ...]) -> Floats:
    """Get the sum over some months of each year that has at least three quarters of their days."""
    year = series.times.astype("datetime64[Y]").astype(np.int64)
    chosen = np.where(np.isin(series.month, months), series.values, np.nan)
    span = sum(DAYS_IN_MONTH[month] for month in months)
    return np.asarray(means(chosen, year - year.min(), int(np.ptp(year)) + 1, int(0.75 * span)) * span)


def fire_season(series: Series) -> Figures:
    """Hotspots from January to May: the mean over the years."""
    totals = _yearly(series, (0, 1, 2, 3, 4))
    return {"total January to May": float(np.nanmean(totals))} if np.isfinite(totals).any() else {}


def fire_shares(series: Series) -> Figures:
    """The share of March and April in all hotspots; the share of days with none from July to October."""
    monthly = means(series.values, series.month, 12, LEAST_DAYS_OF_MONTH) * np.array(DAYS_IN_MONTH)
    wet = series.values[np.isin(series.month, (6, 7, 8, 9)) & np.isfinite(series.values)]
    share = monthly[[2, 3]].sum() / np.nansum(monthly) if np.nansum(monthly) else np.nan
    none = float((wet == 0.0).mean()) if len(wet) else np.nan
    return told({"share of March and April": share, "days with none, July to October": none})


def fire_memory(series: Series) -> Figures:
    """Autocorrelation from day to day of ln(1 + n) less the mean of its year and month."""
    left = less_means(np.log1p(series.values), series.times.astype("datetime64[M]").astype(np.int64))
    return told({"memory day to day": lagged(left, 1)})
