"""Environment: air and weather as pure functions of the state of the city and of given noise.

Arrays broadcast: what a city shares has shape (ticks,), what differs between stations (stations, ticks).
"""

from __future__ import annotations

from math import erfc, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.special import gamma, gammaincinv, log_ndtr, ndtr

Floats = NDArray[np.float64]

SQRT_2 = sqrt(2.0)
MAGNUS_A, MAGNUS_B = 17.625, 243.04
LN_WEIBULL_2_MEAN = -0.5 * float(np.euler_gamma)
WEIBULL_2_MEAN = float(gamma(1.5))


def pm25(
    background: Floats, deviation: Floats, scavenged: Floats | float = 0.0, diluted: Floats | float = 0.0
) -> Floats:
    """Get the mass concentration of PM2.5 in µg/m³.

    PM = exp(background + deviation - scavenged - diluted), all in ln µg/m³: `background` is season, fires, hour,
    weekday and year; `deviation` the long memory shared with the region and the station's own; `scavenged` what
    rain has taken out (`scavenging`), `diluted` the effect of wind (`dilution`).

    Form and coefficients fitted to Thai Pollution Control Department daily means and to hourly series of
    Chiang Mai and Bangkok.
    """
    level = background - scavenged - diluted
    total = level + deviation
    return np.asarray(np.exp(total, out=total))


def pm10(pm25: Floats, share: Floats) -> Floats:
    """Get the mass concentration of PM10 in µg/m³, never below PM2.5.

    PM10 = PM2.5 / share, with `share` in (0, 1], mean 0.64 at Thai Pollution Control Department stations.
    """
    return pm25 / share


def air_temperature(mean: Floats, daily_range: Floats, shape: Floats, anomaly: Floats) -> Floats:
    """Get the air temperature in °C.

    T = mean + daily_range / 2 * shape + anomaly; `shape` runs from about -1 to 1 over the day, `anomaly` in K.
    """
    return mean + 0.5 * daily_range * shape + anomaly


def relative_humidity(air_temperature: Floats, dew_point: Floats) -> Floats:
    """Get the relative humidity in %, from air temperature and dew point in °C.

    RH = 100 e(min(Td, T)) / e(T) with ln e(T) = 17.625 T / (243.04 + T) (Magnus; Alduchov and Eskridge 1996).
    """
    humidity = _magnus(dew_point) - _magnus(air_temperature)
    np.minimum(humidity, 0.0, out=humidity)
    np.exp(humidity, out=humidity)
    humidity *= 100.0
    return humidity


def rain(times: NDArray[np.int64], cadence: int, storms: Floats) -> Floats:
    """Get the rain intensity in mm/h, the mean over the interval that ends at each tick.

    `times` (ticks,) and `cadence` in seconds; `storms` (n, 3) rows of start, end (s) and intensity (mm/h).
    """
    start, end, intensity = storms.T
    first = np.searchsorted(times, start)
    touched = np.maximum(np.searchsorted(times, end + cadence) - first, 0)
    storm = np.repeat(np.arange(len(storms)), touched)
    tick = np.arange(len(storm)) - np.repeat(np.cumsum(touched) - touched - first, touched)
    until = times[tick]
    seconds = np.minimum(until, end[storm]) - np.maximum(until - cadence, start[storm])
    fallen = intensity[storm] * np.maximum(seconds, 0.0) / cadence
    return np.bincount(tick, fallen, minlength=len(times)).astype(np.float64, copy=False)  # whole numbers if no rain


def wind_speed(mean: Floats, strength: Floats) -> Floats:
    """Get the wind speed in m/s, Weibull with shape 2 and the given mean: mean / Γ(1.5) * strength."""
    return mean / WEIBULL_2_MEAN * strength


def wind_strength(quantile: Floats) -> Floats:
    """Get the Weibull variate of shape 2 and scale 1 at the probability of a standard normal.

    sqrt(-ln(1 - Φ(z))), so that wind keeps the memory of z.
    """
    return np.asarray(np.sqrt(-log_ndtr(-quantile)))


def dilution(strength: Floats, exponent: float) -> Floats:
    """Get the effect of wind on ln PM2.5: `exponent` times ln of the wind strength above its mean.

    E ln w = -γ/2 for a Weibull w of shape 2 and scale 1. The daily cycle of wind is in the daily cycle of PM2.5.
    """
    return exponent * (np.log(strength) - LN_WEIBULL_2_MEAN)


def scavenging(rain: Floats, coefficient: float, exponent: float, efficiency: float) -> Floats:
    """Get the washout rate of PM2.5 in 1/h for a rain intensity in mm/h.

    Λ = efficiency * a R^b (Sparks and Sportisse type; a in 1/s), the efficiency because fine particles escape.
    """
    rate = np.zeros_like(rain)
    np.power(rain, exponent, out=rate, where=rain > 0.0)
    return efficiency * 3600.0 * coefficient * rate


def season(day: Floats, harmonics: tuple[float, ...]) -> Floats:
    """Get the seasonal level of ln PM2.5 on days of the year (1 to 366).

    a0 + Σ c_k cos(k w) + s_k sin(k w), w = 2π day / 366; `harmonics` is a0, c1, s1, c2, s2, c3, s3.
    """
    angle = 2.0 * np.pi / 366.0 * day
    level = np.full_like(angle, harmonics[0])
    for order in range(1, (len(harmonics) + 1) // 2):
        cosine, sine = harmonics[2 * order - 1], harmonics[2 * order]
        level += cosine * np.cos(order * angle) + sine * np.sin(order * angle)
    return level


def wet_day(latent: float, wet_before: bool, dry_to_wet: float, wet_to_wet: float) -> bool:
    """Tell whether a day is wet: a first-order Markov chain (Richardson 1981) with a standard normal as its luck."""
    return 0.5 * erfc(-latent / SQRT_2) < (wet_to_wet if wet_before else dry_to_wet)


def rain_depth(latent: float, per_wet_day: float, shape: float | None = None) -> float:
    """Get the rain of a wet day in mm, gamma with mean `per_wet_day`, at the quantile of a standard normal.

    Without `shape` by Geng et al. 1986: scale = -2.16 + 1.83 mean (here at least 0.5 mean), shape = mean / scale.
    """
    scale = per_wet_day / shape if shape else max(-2.16 + 1.83 * per_wet_day, 0.5 * per_wet_day)
    return float(scale * gammaincinv(per_wet_day / scale, float(ndtr(latent))))


def geng_transitions(wet_share: float) -> tuple[float, float]:
    """Get the probabilities of a wet day after a dry and after a wet one, from the share of wet days.

    p_wd = 0.75 f and p_ww = 0.25 + p_wd (Geng et al. 1986).
    """
    return 0.75 * wet_share, 0.25 + 0.75 * wet_share


def hotspots(mean: float, mixing: float, luck: float, dispersion: float) -> float:
    """Get a day's fire hotspots, negative binomial, from two standard normals.

    A Poisson count whose rate is gamma with the given mean and shape `dispersion`; `mixing` may have memory.
    """
    rate = mean * float(gammaincinv(dispersion, float(ndtr(mixing)))) / dispersion
    return poisson(rate, luck)


def poisson(mean: float, luck: float) -> float:
    """Get the Poisson count at the quantile of a standard normal (normal approximation above a mean of 100)."""
    if mean > 100.0:
        return max(0.0, float(np.rint(mean + np.sqrt(mean) * luck)))
    term = total = float(np.exp(-mean))
    count, probability = 0.0, float(ndtr(luck))
    while total < probability and term > 0.0:
        count += 1.0
        term *= mean / count
        total += term
    return count


def _magnus(temperature: Floats) -> Floats:
    # 17.625 T / (243.04 + T), written with one division and no temporary array more
    exponent = temperature + MAGNUS_B
    np.divide(-MAGNUS_A * MAGNUS_B, exponent, out=exponent)
    exponent += MAGNUS_A
    return exponent
