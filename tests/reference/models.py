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
EPROCUREMENT_SHARE = 63.47785
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
