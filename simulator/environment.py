"""Environment: air, weather, noise and water as pure functions of the state of the city and of given noise.

Arrays broadcast: what a city shares has shape (ticks,), what differs between stations (stations, ticks).
"""

from __future__ import annotations

from math import erfc, exp, expm1, log, log10, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.special import gamma, gammaincinv, log_ndtr, ndtr

Floats = NDArray[np.float64]

SQRT_2 = sqrt(2.0)
LN_PER_DECIBEL = log(10.0) / 10.0
MAGNUS_A, MAGNUS_B = 17.625, 243.04
LN_WEIBULL_2_MEAN = -0.5 * float(np.euler_gamma)
LN_WEIBULL_2_VARIANCE = np.pi**2 / 24.0
CALM = 0.1
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


def pm10(pm25: Floats, coarse: Floats) -> Floats:
    """Get the mass concentration of PM10 in µg/m³.

    PM2.5 + coarse, the particles between 2.5 and 10 µm (`coarse_particles`): a definition.
    """
    return pm25 + coarse


def coarse_particles(ratio: float, season: Floats, hour_factor: Floats, deviation: Floats) -> Floats:
    """Get the mass concentration of particles between 2.5 and 10 µm in µg/m³.

    ratio * exp(season) * hour_factor * exp(deviation), `season` the background of ln PM2.5 without smoke, which is
    fine; `deviation` in ln. Dust of roads and fields has a day of its own: at Thai Pollution Control Department
    stations it follows ln PM2.5 little (slope 0 to 0.4) and peaks at 17 to 20 h. That its level follows the season of
    PM2.5 is an assumption.
    """
    return ratio * hour_factor * np.exp(season + deviation)


def no2(background: Floats, deviation: Floats) -> Floats:
    """Get the mixing ratio of NO2 in ppb.

    exp(background + deviation), both in ln ppb: `background` is month, hour, traffic (`traffic_emission`), haze and
    wind (`dilution`), `deviation` what is the station's own; it is overwritten.

    Form fitted to hourly series of the Thai Pollution Control Department and of London Marylebone Road.
    """
    deviation += background
    return np.asarray(np.exp(deviation, out=deviation))


def traffic_emission(traffic: Floats, background_share: float) -> Floats:
    """Get the emission of NO2 relative to its mean: q + (1 - q) * traffic, `traffic` relative to its mean.

    q is the share of NO2 that does not come from the traffic of the hour.
    """
    return background_share + (1.0 - background_share) * traffic


def o3(oxidant: Floats, no2: Floats, titration: float) -> Floats:
    """Get the mixing ratio of ozone in ppb, never below 0.

    O3 = Ox - titration * NO2 (ppb). With a titration of 1 the total oxidant Ox = O3 + NO2 is conserved, as NO + O3
    turns into NO2 + O2 (Leighton 1961; Clapp and Jenkin 2001); close to fresh NO less of NO2 has cost ozone.
    """
    ozone = no2 * -titration
    ozone += oxidant
    return np.asarray(np.maximum(ozone, 0.0, out=ozone))


def oxidant(background: Floats, production: Floats, clearness: Floats, variation: Floats) -> Floats:
    """Get the total oxidant in ppb: (background + production * clearness) * (1 + variation), at least 0.

    `background` what is there without sun, `production` what a clear day adds by the hour (both ppb), `clearness`
    from 0 to 1 (`clearness`).
    """
    return np.maximum((background + production * clearness) * (1.0 + variation), 0.0)


def clearness(recent_rain: Floats, cloud: float) -> Floats:
    """Get the share of photochemistry that clouds leave: 1 / (1 + cloud * R), R the recent rain in mm/h.

    An assumption: clouds are not simulated, recent rain stands for them; `cloud` in h/mm.
    """
    return 1.0 / (1.0 + cloud * recent_rain)


def air_temperature(mean: Floats, daily_range: Floats, shape: Floats, anomaly: Floats) -> Floats:
    """Get the air temperature in °C.

    T = mean + daily_range / 2 * shape + anomaly; `shape` runs from about -1 to 1 over the day, `anomaly` in K. That
    month, hour and weather add up is an assumption of form; the figures are climate normals and weather files.
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

    Σ intensity * seconds of the storm within the interval / cadence: a definition. `times` (ticks,) and `cadence` in
    seconds; `storms` (n, 3) rows of start, end (s) and intensity (mm/h).
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
    """Get the wind speed in m/s, Weibull with shape 2 and the given mean: mean / Γ(1.5) * strength.

    Shape 2 (Rayleigh) is the usual assumption where only the mean is known.
    """
    return mean / WEIBULL_2_MEAN * strength


def wind_strength(quantile: Floats) -> Floats:
    """Get the Weibull variate of shape 2 and scale 1 at the probability of a standard normal.

    sqrt(-ln(1 - Φ(z))), so that wind keeps the memory of z.
    """
    return np.asarray(np.sqrt(-log_ndtr(-quantile)))


def dilution(strength: Floats, exponent: float) -> Floats:
    """Get the effect of wind on ln PM2.5: `exponent` times ln of the wind strength above its mean.

    A strength below 0.1 counts as 0.1: in a calm the air still spreads (an assumption). E ln w = -γ/2 for a Weibull w
    of shape 2 and scale 1. The daily cycle of wind is in the daily cycle of PM2.5.
    """
    return exponent * (np.log(np.maximum(strength, CALM)) - LN_WEIBULL_2_MEAN)


def scavenging(rain: Floats, coefficient: float, exponent: float, efficiency: float) -> Floats:
    """Get the washout rate of PM2.5 in 1/h for a rain intensity in mm/h.

    Λ = efficiency * a R^b (Sparks and Sportisse type; a in 1/s), the efficiency because fine particles escape.
    """
    rate = np.zeros_like(rain)
    np.power(rain, exponent, out=rate, where=rain > 0.0)
    return efficiency * 3600.0 * coefficient * rate


def noise_laeq(road: Floats, background: Floats, deviation: Floats) -> Floats:
    """Get the equivalent sound level in dB(A): road and background added by energy.

    10 log10(10^((road + deviation) / 10) + 10^(background / 10)); `road` after `road_noise`, `background` what is
    heard without the road, `deviation` the station's own (dB); it is overwritten. That unlike sources add by energy
    follows from the definition of the level.
    """
    deviation += road
    deviation *= LN_PER_DECIBEL
    np.exp(deviation, out=deviation)
    deviation += np.exp(LN_PER_DECIBEL * background)
    np.log(deviation, out=deviation)
    deviation /= LN_PER_DECIBEL
    return deviation


def road_noise(flow: Floats, speed: float, heavy: float, correction: Floats | float = 0.0) -> Floats:
    """Get the sound level of a road in dB(A), LAeq at 10 m, from its flow in vehicles per hour.

    L10 = 42.2 + 10 log10 q + 33 log10(V + 40 + 500 / V) + 10 log10(1 + 5 p / V) - 68.8, V = `speed` in km/h,
    p = `heavy` in % (Calculation of Road Traffic Noise, Department of Transport 1988), and LAeq = L10 - 3 (usual for
    flowing traffic). `correction` in dB: distance, surface, screening, wet road. Form and coefficients as remembered,
    not checked against the text; no measurements of noise were available.
    """
    vehicles = 33.0 * log10(speed + 40.0 + 500.0 / speed) + 10.0 * log10(1.0 + 5.0 * heavy / speed) - 68.8
    return 42.2 - 3.0 + vehicles + 10.0 * np.log10(flow) + correction


def water_level(base: Floats, storage: Floats, rise: Floats | float, deviation: Floats) -> Floats:
    """Get the water level in m above the gauge's datum: base + rise * storage + deviation.

    `base` by season, `storage` of the catchment in mm (`Reservoir` of rain), `rise` in m per mm; tides are not
    modelled. `deviation` is the gauge's own (m); it is overwritten. That level follows storage in a straight line is
    an assumption.
    """
    deviation += rise * storage
    deviation += base
    return deviation


def linear_reservoir(hours: float, step: float) -> tuple[float, float]:
    """Get what a linear reservoir keeps and gains in a step (h), as factors of its storage and of a constant inflow.

    dS/dt = I - S / k has S(t + d) = S(t) exp(-d / k) + I k (1 - exp(-d / k)), exact while I is constant; k = `hours`.
    """
    kept = exp(-step / hours)
    return kept, hours * -expm1(-step / hours)


def dissolved_oxygen(water_temperature: Floats, deficit: Floats, share: Floats | float, deviation: Floats) -> Floats:
    """Get the dissolved oxygen in mg/L, never below 0: saturation - share * deficit + deviation.

    Water temperature in °C, `deficit` in mg/L (`streeter_phelps`; negative where algae supersaturate the water),
    `share` how much of it a station has, `deviation` its own (mg/L); it is overwritten (Streeter and Phelps 1925).
    """
    deviation -= share * deficit
    deviation += oxygen_saturation(water_temperature)
    return np.asarray(np.maximum(deviation, 0.0, out=deviation))


def oxygen_saturation(water_temperature: Floats) -> Floats:
    """Get the dissolved oxygen of fresh water in equilibrium with air at 1 atm in mg/L, from its temperature in °C.

    ln DO = -139.34411 + 1.575701e5/T - 6.642308e7/T² + 1.243800e10/T³ - 8.621949e11/T⁴, T in K (Benson and Krause
    1984; APHA Standard Methods 4500-O).
    """
    inverse = 1.0 / (water_temperature + 273.15)
    level = np.full_like(inverse, -8.621949e11)
    for coefficient in (1.243800e10, -6.642308e7, 1.575701e5, -139.34411):
        level *= inverse
        level += coefficient
    return np.asarray(np.exp(level, out=level))


def streeter_phelps(decay: float, reaeration: float, step: float) -> tuple[float, float, float]:
    """Get what a step (h) does to load and deficit of oxygen: load kept, deficit kept, deficit made per load.

    dL/dt = -kd L and dD/dt = kd L - ka D (Streeter and Phelps 1925; rates in 1/h, kd different from ka), so
    D(t) = D0 exp(-ka t) + L0 kd / (ka - kd) (exp(-kd t) - exp(-ka t)).
    """
    load, deficit = exp(-decay * step), exp(-reaeration * step)
    return load, deficit, decay / (reaeration - decay) * (load - deficit)


def ghg_per_capita(
    electricity_mwh: Floats, grid_factor: float, vehicle_km: Floats, vehicle_factor: float, population: float
) -> Floats:
    """Get the greenhouse-gas emissions in t CO2e per person and year, of electricity and road traffic.

    (electricity * grid_factor + vehicle_km * vehicle_factor) / population; electricity in MWh and distance in
    vehicle-km, both of a year, `grid_factor` in t/MWh, `vehicle_factor` in t/km. Industry, waste, aviation and land
    use are not in it (activity times emission factor: IPCC 2006 Guidelines).
    """
    return (electricity_mwh * grid_factor + vehicle_km * vehicle_factor) / population


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


def smoky(background: Floats, smoke: float, activity: Floats) -> Floats:
    """Get ln PM2.5 of a background (ln µg/m³) with the smoke of fires added: ln(exp(background) + smoke * activity).

    Smoke adds mass to the air that is there, so it matters where the background is low and does not multiply it.
    Fitted to daily means of Chiang Mai, Lampang and Khon Kaen in 2024 with the hotspots of eight provinces
    (`fire_activity`); in blocked cross-validation better than a response in the logarithm.
    """
    return np.asarray(np.log(np.exp(background) + smoke * activity))


def fire_activity(before: float, hotspots: float, exponent: float, span: int) -> float:
    """Get the activity of fires after a day: before + 2 / (span + 1) (hotspots ^ exponent - before).

    An exponentially weighted mean over about `span` days; a power below 1 as clusters of hotspots share one fire.
    """
    return float(before + 2.0 / (span + 1.0) * (hotspots**exponent - before))


def seasonal_sd(day: Floats, sd: float, amplitude: float, peak: float) -> Floats:
    """Get the standard deviation on days of the year: sd exp(amplitude cos(2π (day - peak) / 366))."""
    return np.asarray(sd * np.exp(amplitude * np.cos(2.0 * np.pi / 366.0 * (day - peak))))


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
