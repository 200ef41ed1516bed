"""Independent reference values of the model functions: published tables, or worked by hand from the equation."""

# Erlang-C: servers, load in erlangs, probability to wait, mean wait times the service rate (closed form).
ERLANG_C = (
    (1, 0.8, 0.8, 4.0),
    (2, 1.5, 0.642857, 1.285714),
    (3, 2.0, 0.444444, 0.444444),
    (5, 4.0, 0.554113, 0.554113),
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

# Weibull with shape 2: median / mean = sqrt(ln 2) / Γ(1.5).
WIND_MEDIAN_OVER_MEAN = 0.939437

# Rain washout at 10 mm/h: 8.4e-5 * 10**0.79 = 5.17934e-4 1/s.
WASHOUT_10_MM_PER_H = 5.17934e-4
