"""Independent reference values of the model functions: published tables, or worked by hand from the equation.

`REFERENCES` at the end has every indicator; what stands before it is for the functions they are made of, and for tests
of single models.
"""

from __future__ import annotations

from dataclasses import dataclass

# Erlang-C: servers, load in erlangs, probability to wait, mean wait times the service rate (closed form).
ERLANG_C = (
    (1, 0.8, 0.8, 4.0),
    (2, 1.5, 0.642857, 1.285714),
    (3, 2.0, 0.444444, 0.444444),
    (5, 4.0, 0.554113, 0.554113),
    (10, 8.0, 0.409180, 0.204590),
    (20, 18.0, 0.550769, 0.275385),
)

# Bass model with p = 0.03, q = 0.38: years, adopted share (Bass 1969, closed form).
BASS = ((1.0, 0.03576), (5.0, 0.33120), (6.192619, 0.460526), (10.0, 0.81280), (20.0, 0.99626))

# Relative humidity in % for temperature and dew point in °C; vapour pressure tables (WMO No. 8, over water):
# e(10) = 12.27, e(20) = 23.37, e(25) = 31.67, e(30) = 42.43 hPa.
RELATIVE_HUMIDITY = ((20.0, 10.0, 52.50), (30.0, 20.0, 55.08), (30.0, 25.0, 74.64), (25.0, 25.0, 100.0))

# Bureau of Public Roads 1964: volume over capacity, travel time index.
TRAVEL_TIME_INDEX = ((0.0, 1.0), (0.5, 1.009375), (1.0, 1.15), (1.5, 1.759375))

# Geng et al. 1986: share of wet days, P(wet after dry), P(wet after wet).
GENG = ((0.2, 0.15, 0.40), (0.5, 0.375, 0.625), (21 / 31, 0.508065, 0.758065))

# Traffic, Tetouan-like: 20 MW at profile 1.1 and 34 °C, threshold 24 °C, 2 % per K: 20 * 1.1 * 1.2.
ELECTRICITY_DEMAND = 26.4

# exp(3 + 0.2 - 0.5 - 0.1) by a pocket calculator.
PM25 = 13.46374

# Coarse particles: 0.8 * 1.25 = 1, so exp(3.2), by a pocket calculator.
COARSE_PARTICLES = 24.53253

# Weibull with shape 2: median / mean = sqrt(ln 2) / Γ(1.5).
WIND_MEDIAN_OVER_MEAN = 0.939437

# Rain washout at 10 mm/h: 8.4e-5 * 10**0.79 = 5.17934e-4 1/s.
WASHOUT_10_MM_PER_H = 5.17934e-4

# Growth of particles in humid air relative to 70 % relative humidity: relative humidity (%), kappa of mass, growth.
# By hand: (1 + 0.22 * 9) / (1 + 0.22 * 7 / 3) = 2.98 / 1.513333; (1 + 0.22 * 4) / 1.513333; (1 + 0.3 * 19) / 1.7.
GROWTH = ((90.0, 0.22, 1.969163), (80.0, 0.22, 1.242291), (97.0, 0.3, 3.941176))

# Share of vehicles that a counter with a dead time tells apart, non-paralysable: vehicles an hour, dead time (s).
COUNTED = ((3000.0, 0.04, 0.967742), (3600.0, 1.0, 0.5), (0.0, 0.04, 1.0))

# Statistics, by a pocket calculator.
# Hotel occupancy: 60 % mean, month factor 1.2, logit deviation 0.1, attraction 0.9:
# ln(0.72 / 0.28) = 0.944462; 1 / (1 + e^-1.044462) = 0.739710; times 90.
HOTEL_OCCUPANCY = 66.5739
# Unemployment: 1 % with doubled odds: 2 / 99 / (1 + 2 / 99) = 2 / 101.
UNEMPLOYMENT = 1.980198
# Internet access: half of 100 % and a rate of 0.15 a year, ten years later: 1 / (1 + e^-1.5).
INTERNET_ACCESS = 81.75745
# Gross provincial product: 100,000 with growth 0.03 over five years and shocks of 0.05: 100,000 e^0.2.
GPP_PER_CAPITA = 122_140.28
# Electronic procurement: ceiling 95 %, rate 0.35 a year, two years after the midpoint: 95 / (1 + e^-0.7).
EPROCUREMENT_SHARE = 63.47784
# Share of PM2.5 above 37.5 µg/m³, and what an effect of 0.3 leaves of the visitors where the usual share is 0.4:
# (1 - 0.3 s) / 0.88.
SMOKE = ((30.0, 0.0, 1.136364), (37.5, 0.0, 1.136364), (75.0, 0.5, 0.965909), (150.0, 0.75, 0.880682))
# Digital payments an hour: 20,000 people, 45 % of them, 1.5 a day, activity 1.6: 20,000 * 0.45 * 1.5 / 24 * 1.6.
DIGITAL_PAYMENTS = 900.0

# Gases, by a pocket calculator: exp(2.0 + 0.3); (20 + 30 * 0.5) * 1.2; 0.7 + 0.3 * 1.5; 1 / (1 + 0.3 * 5).
NO2, OXIDANT, EMISSION, CLEARNESS = 9.974182, 42.0, 1.15, 0.4
# Ozone (ppb) of an oxidant, NO2 (ppb) and titration: 40 - 12; 5 - 12 is none; 40 - 0.14 * 12.
O3 = ((40.0, 12.0, 1.0, 28.0), (5.0, 12.0, 1.0, 0.0), (40.0, 12.0, 0.14, 38.32))
# Chiang Mai, Thai Pollution Control Department, November to February: mean (ppb), factors by hour, hour of the peak.
NO2_CHIANG_MAI = (9.2, {7: 1.30, 15: 0.42, 19: 2.46}, 19)
O3_CHIANG_MAI = (26.6, {7: 0.29, 14: 2.06}, 14)

# Road noise, by hand: vehicles an hour, km/h, heavy (%), dB(A). 42.2 + 30 - 3 + 33 log10(121.6667) - 68.8;
# 42.2 + 30 - 3 + 33 * 2 + 10 log10(2) - 68.8; 10 dB less at a tenth of the flow.
ROAD_NOISE = ((1000.0, 75.0, 0.0, 69.2107), (1000.0, 50.0, 10.0, 69.4103), (100.0, 50.0, 10.0, 59.4103))
# Two levels of 60 dB(A) added by energy; 60 and 50: 60 + 10 log10(1.1).
NOISE_LAEQ = ((60.0, 60.0, 63.0103), (60.0, 50.0, 60.4139))

# Water level: 1.0 m, 20 mm stored at 0.03 m/mm, 0.05 m of its own.
WATER_LEVEL = 1.65
# Linear reservoir of 10 h in one hour: e^-0.1, 10 (1 - e^-0.1).
RESERVOIR = (0.904837, 0.951626)
# Oxygen saturation of fresh water at 1 atm (APHA Standard Methods, table 4500-O:I): °C, mg/L.
OXYGEN_SATURATION = ((0.0, 14.62), (10.0, 11.29), (20.0, 9.09), (25.0, 8.26), (30.0, 7.56))
# Saturation at 25 °C less 1.2 of 2.5, and 0.1 of its own.
DISSOLVED_OXYGEN = 5.36
# Streeter-Phelps after a day: 0.35 and 0.9 a day, load 10 and deficit 1 mg/L: 3.5 / 0.55 (e^-0.35 - e^-0.9) + e^-0.9.
STREETER_PHELPS = 2.303687
# ... and the time of the largest deficit, from none at first: ln(0.9 / 0.35) / 0.55 days.
CRITICAL_HOURS = 41.2129

# Greenhouse gases: 1e6 MWh at 0.5 t/MWh and 2e9 km at 0.00019 t/km, of 200,000 people.
GHG_PER_CAPITA = 4.4

# Traffy Fondue, Bangkok, 264 ratings of 1 to 5 stars (34, 6, 19, 47, 158): shares of at most 1 to 4 stars.
RATED_AT_MOST = (34 / 264, 40 / 264, 59 / 264, 106 / 264)


@dataclass(frozen=True, slots=True)
class Reference:
    """What a function of an indicator must give for some arguments, and where that comes from.

    A list stands for an array (of whole numbers if all are), anything else for itself.
    """

    arguments: tuple[object, ...]
    expected: float | list[float]
    source: str
    within: float = 1e-5


MINUTE, HOUR, DAY = 60, 3600, 86_400
FRIDAY_15_H, MONDAY_10_H = 1 * DAY + 15 * HOUR, 4 * DAY + 10 * HOUR  # 2 and 5 January 1970
BY_HAND = "by a pocket calculator"

REFERENCES: dict[str, tuple[Reference, ...]] = {
    # ---- environment
    "pm25": (Reference(([3.0], [0.2], [0.5], [0.1]), [PM25], f"exp(2.6), {BY_HAND}"),),
    "pm10": (Reference(([83.2], [36.9]), [120.1], BY_HAND),),
    "no2": (Reference(([2.0], [0.3]), [NO2], f"exp(2.3), {BY_HAND}"),),
    "o3": tuple(
        Reference(([oxidant], [no2], titration), [ozone], f"oxidant less titration times NO2, {BY_HAND}")
        for oxidant, no2, titration, ozone in O3
    ),
    "air_temperature": (
        Reference(
            ([28.95], [14.3], [-1.0, 0.0, 1.0], [0.0]),
            [21.8, 28.95, 36.1],
            "April of Chiang Mai, mean minimum and maximum 1961-1990 (Thai Meteorological Department)",
        ),
    ),
    "relative_humidity": tuple(
        Reference(([temperature], [dew_point]), [expected], "vapour pressure tables, WMO No. 8, over water", within=0.2)
        for temperature, dew_point, expected in RELATIVE_HUMIDITY
    ),
    "rain": (
        Reference(
            ([0, 900, 1800, 2700], 900, [[450.0, 1350.0, 12.0]]),
            [0.0, 6.0, 6.0, 0.0],
            "12 mm/h for a quarter of an hour, half of it in each of two intervals",
        ),
    ),
    "wind_speed": (
        Reference(([2.0], [0.83255461]), [2.0 * WIND_MEDIAN_OVER_MEAN], "median of a Weibull of shape 2: sqrt(ln 2)"),
    ),
    "noise_laeq": tuple(
        Reference(([road], [background], [0.0]), [level], f"added by energy, {BY_HAND}", within=1e-4)
        for road, background, level in NOISE_LAEQ
    ),
    "water_level": (Reference(([1.0], [20.0], 0.03, [0.05]), [WATER_LEVEL], BY_HAND),),
    "dissolved_oxygen": (
        Reference(
            ([25.0], [2.5], 1.2, [0.1]),
            [DISSOLVED_OXYGEN],
            "APHA Standard Methods, table 4500-O:I: 8.26 mg/L at 25 °C",
            within=0.01,
        ),
        Reference(([30.0], [9.0], 1.0, [0.0]), [0.0], "a deficit above the saturation of 7.56 mg/L leaves none"),
    ),
    "ghg_per_capita": (Reference(([1e6], 0.5, [2e9], 0.00019, 200_000.0), [GHG_PER_CAPITA], BY_HAND),),
    # ---- economy
    "electricity_demand": (
        Reference(([20.0], [1.1], [10.0, 24.0, 34.0], 24.0, 0.02, [0.0]), [22.0, 22.0, ELECTRICITY_DEMAND], BY_HAND),
    ),
    "traffic_flow": (
        Reference(
            ([1000.0, 1000.0, 1000.0], [1e4], [-1.0, 0.0, 1.0], 0.25),
            [936.0, 1000.0, 1064.0],
            "Poisson of mean 250 at its quantiles 0.159, 0.5 and 0.841: 250, and its standard deviation of 16 off",
        ),
        Reference(([9000.0], [4000.0], [0.0], 0.25), [4000.0], "no more than the road carries"),
    ),
    "travel_time_index": tuple(
        Reference(([load * 1800.0], [1800.0]), [index], "Bureau of Public Roads 1964")
        for load, index in TRAVEL_TIME_INDEX
    ),
    "power_outages": (Reference(([0, 100], [5400, 160]), [90.0, 1.0], BY_HAND),),
    "hotel_occupancy": (Reference((60.0, 1.2, 0.1, 0.9), HOTEL_OCCUPANCY, BY_HAND, within=1e-3),),
    "visitor_arrivals": (
        Reference(
            (2000.0, 1.2, [0.0], [1.0], 40.0),
            [2429.0],
            "median of a gamma of shape 40: 40 - 1/3 + 8 / (405 * 40) (Choi 1994), so 2400 * 0.991679 and its root",
        ),
    ),
    "business_registrations": (Reference((12.0, [3.0, 0.0], 1.5), [2.25, 0.0], BY_HAND),),
    "digital_payments": (
        Reference(([20_000.0], [45.0], 1.5, [1.6], [0.0], 0.5), [DIGITAL_PAYMENTS / 2.0], BY_HAND),
        Reference(([20_000.0], [0.0], 1.5, [1.6], [4.0], 0.5), [0.0], "nobody pays before there is anyone who may"),
    ),
    "internet_access": (Reference((10.0, 50.0, 100.0, 0.15), INTERNET_ACCESS, BY_HAND),),
    "unemployment": (Reference((1.0, 0.69314718), UNEMPLOYMENT, "doubled odds of 1 %: 2 / 101"),),
    "gpp_per_capita": (Reference((1e5, 5.0, 0.03, 0.05), GPP_PER_CAPITA, f"100,000 e^0.2, {BY_HAND}", within=0.01),),
    # ---- governance
    "service_requests": (
        Reference((24.0, [2.18], 1.5, [0.0, 1.0], 0.5), [3.27, 4.905], f"13 h of Bangkok, dry and wet, {BY_HAND}"),
    ),
    "resolution_time": (Reference(([0, 60], [9000, 60]), [2.5, 0.0], BY_HAND),),
    "service_backlog": (
        Reference(([0, 10, 15, 30], [5, 10, 20], [15, 20], 2), [2.0, 4.0, 3.0, 3.0], "counted on the fingers"),
    ),
    "sla_compliance": (Reference(([4.0, 8.0, 0.0], [3.0, 8.0, 0.0]), [75.0, 100.0, float("nan")], BY_HAND),),
    "permit_wait": (
        Reference(
            ([FRIDAY_15_H, MONDAY_10_H], [MONDAY_10_H, MONDAY_10_H], (8 * HOUR, 16 * HOUR), 5),
            [3.0, 0.0],
            "15 to 16 h on Friday, 8 to 10 h on Monday",
        ),
    ),
    "eservice_share": (
        Reference(
            ([-100.0, -2.0, 0.0, 2.0, 100.0], 0.5, [0.9, 0.1, 0.5, 0.3, 0.7]),
            [0.0, 20.0, 60.0, 80.0, 100.0],
            "logistic: 0, 0.2689, 0.5, 0.7311, 1",
        ),
    ),
    "eservice_adoption": tuple(
        Reference((years, 0.03, 0.38, 100.0), 100.0 * share, "Bass 1969", within=2e-3) for years, share in BASS
    ),
    "open_datasets": (Reference((151, 3), [152.0, 153.0, 154.0], "counted on the fingers"),),
    "eprocurement_share": (Reference((2.0, 95.0, 0.35, 0.0), EPROCUREMENT_SHARE, BY_HAND),),
    "citizen_rating": (
        Reference(
            ([8.0] * 6, [-3.0, -1.5, -1.3, -1.2, -0.1, 0.1], 0.5, RATED_AT_MOST, 1.0, 8.0),
            [1.0, 2.0, 3.0, 4.0, 5.0, float("nan")],
            "tables of the normal: 2 P = 0.0027, 0.1336, 0.1936, 0.2301, 0.9203, 1.0797 among Traffy Fondue's shares",
        ),
        Reference(
            ([21.746255], [-1.2], 0.5, RATED_AT_MOST, 1.0, 8.0),
            [1.0],
            "e times the usual hours: odds of one star 0.147826 e = 0.401833, so 0.2866, above 0.2301",
        ),
    ),
    "emergency_response": (Reference(([0, 30], [480, 120]), [8.0, 1.5], BY_HAND),),
    "portal_uptime": (Reference(([15, 12, 0], [15, 15, 15]), [100.0, 80.0, 0.0], BY_HAND),),
}
