"""Air quality indices, NowCast and guideline levels: published values, or worked by hand from the published bands."""

from fractions import Fraction

# US EPA PM2.5 from 6 May 2024: µg/m³ and index (aqi-hub; 72.2 gives 162.71 and is rounded, not truncated, to 163).
US_2024_PM25 = (
    (0.0, 0), (5.0, 28), (9.0, 50), (9.1, 51), (12.0, 56), (35.4, 100), (35.5, 101), (55.4, 150), (72.2, 163),
    (83.2, 170), (125.4, 200), (125.5, 201), (160.2, 235), (225.4, 300), (225.5, 301), (325.4, 500),
)  # fmt: skip

# US EPA PM2.5 of the rule of 2012, by a pocket calculator: 72.2 is 151 + 49 / 94.9 * 16.7 = 159.62.
US_2012_PM25 = (
    (5.0, 21), (12.0, 50), (12.1, 51), (20.0, 68), (35.4, 100), (40.0, 112), (55.4, 150), (72.2, 160), (83.2, 165),
    (100.0, 174), (150.4, 200), (160.2, 211), (250.4, 300), (300.0, 350), (350.4, 400), (350.5, 401), (500.4, 500),
)  # fmt: skip

# US EPA PM2.5 of 1999; 54.4 is the example with several pollutants of "What's your AQI?", US EPA and NESCAUM.
US_1999_PM25 = ((12.0, 39), (15.4, 50), (54.4, 128), (65.4, 150))

# Pollutant, concentration (µg/m³ or ppb), index from 6 May 2024, by hand. Ozone at 78 ppb is 101 + 49 / 14 * 7 = 125.5
# and goes up to 126; CO at 8400 is 51 + 49 / 4.9 * 3.9 = 90; PM10 at 504 is 301 + 199 / 179 * 79 = 388.8 (it was 400).
US_2024_OTHERS = (
    ("o3", 78.533, 126), ("o3", 54.0, 50), ("o3", 200.0, 300), ("co", 8400.0, 90), ("co", 4499.0, 50),
    ("no2", 53.0, 50), ("no2", 54.0, 51), ("no2", 100.0, 100), ("so2", 75.0, 100), ("so2", 304.0, 200),
    ("pm10", 154.0, 100), ("pm10", 154.9, 100), ("pm10", 504.0, 389), ("pm10", 604.0, 500),
)  # fmt: skip

# Thai Pollution Control Department PM2.5, from 1 June 2023 and before; 30 is 51 + 49 / 12.4 * 4.9 = 70.36.
THAI_2023_PM25 = ((15.0, 25), (15.1, 26), (25.0, 50), (30.0, 70), (37.5, 100), (37.6, 101), (75.0, 200), (75.1, 201))
THAI_2018_PM25 = ((25.0, 25), (37.0, 50), (38.0, 51), (50.0, 100), (51.0, 101), (75.0, 162), (90.0, 200), (91.0, 201))

# Bands as they are printed: first and last concentration, first and last index.
BANDS = {
    ("us-epa", "2024-05-06"): (
        ("0.0", "9.0", 0, 50), ("9.1", "35.4", 51, 100), ("35.5", "55.4", 101, 150), ("55.5", "125.4", 151, 200),
        ("125.5", "225.4", 201, 300), ("225.5", "325.4", 301, 500),
    ),
    ("us-epa", "2024-05-05"): (
        ("0.0", "12.0", 0, 50), ("12.1", "35.4", 51, 100), ("35.5", "55.4", 101, 150), ("55.5", "150.4", 151, 200),
        ("150.5", "250.4", 201, 300), ("250.5", "350.4", 301, 400), ("350.5", "500.4", 401, 500),
    ),
    ("thai-pcd", "2023-06-01"): (
        ("0.0", "15.0", 0, 25), ("15.1", "25.0", 26, 50), ("25.1", "37.5", 51, 100), ("37.6", "75.0", 101, 200),
    ),
}  # fmt: skip

# NowCast: hourly means, newest first; the first is the worked example of US EPA's "NowCast formula" (17.4, an index of
# 62 in the table of 2012), the others are by hand; equal hours are their own mean.
NOWCAST = (
    ((13, 16, 10, 21, 74, 64, 53, 82, 90, 75, 80, 50), 17.413919),
    ((50, 45, 40, 38, 35, 30, 28, 25, 24, 22, 20, 18), 45.597558),
    ((20,) * 12, 20.0),
    ((0,) * 12, 0.0),
    ((20, None, 10), 18.0),  # w = 1/2: (20 + 10 / 4) / (1 + 1 / 4)
    ((20, 15), 17.857143),  # w = 3/4: (20 + 3/4 * 15) / (1 + 3/4)
)

# WHO global air quality guidelines 2021: pollutant, mean, level and interim targets, µg/m³.
WHO_2021 = (
    ("pm25", "annual", 5, (35, 25, 15, 10)), ("pm25", "24 h", 15, (75, 50, 37.5, 25)),
    ("pm10", "annual", 15, (70, 50, 30, 20)), ("pm10", "24 h", 45, (150, 100, 75, 50)),
    ("no2", "annual", 10, (40, 30, 20)), ("no2", "24 h", 25, (120, 50)),
    ("o3", "8 h", 100, (160, 120)), ("o3", "peak season", 60, (100, 70)),
    ("so2", "24 h", 40, (125, 50)), ("co", "24 h", 4000, (7000,)),
)  # fmt: skip

# Molar mass in g/mol; one mole of a gas takes 24.45 l at 25 °C and 1013 hPa.
MOLAR_MASS = (("no2", 46.006), ("o3", 47.998), ("so2", 64.066), ("co", 28.010))
MOLAR_VOLUME = 24.45


def tenths(bands: tuple[tuple[str, str, int, int], ...]) -> list[tuple[float, int]]:
    """Every tenth of a µg/m³ in the bands with its index, in exact arithmetic, halves rounded up."""
    return [
        (tenth / 10, int(low_index + Fraction(high_index - low_index) * (tenth - low) / (high - low) + Fraction(1, 2)))
        for first, last, low_index, high_index in bands
        for low, high in [(int(Fraction(first) * 10), int(Fraction(last) * 10))]
        for tenth in range(low, high + 1)
    ]


# US National Weather Service, heat index chart (weather.gov/ama/heatindex): relative humidity in %, then the heat index
# in whole °F for 80, 82, 84, ... °F.
HEAT_INDEX_NWS = {
    40: (80, 81, 83, 85, 88, 91, 94, 97, 101, 105, 109, 114, 119, 124, 130, 136),
    45: (80, 82, 84, 87, 89, 93, 96, 100, 104, 109, 114, 119, 124, 130, 137),
    50: (81, 83, 85, 88, 91, 95, 99, 103, 108, 113, 118, 124, 131, 137),
    55: (81, 84, 86, 89, 93, 97, 101, 106, 112, 117, 124, 130, 137),
    60: (82, 84, 88, 91, 95, 100, 105, 110, 116, 123, 129, 137),
    65: (82, 85, 89, 93, 98, 103, 108, 114, 121, 128, 136),
    70: (83, 86, 90, 95, 100, 105, 112, 119, 126, 134),
    75: (84, 88, 92, 97, 103, 109, 116, 124, 132),
    80: (84, 89, 94, 100, 106, 113, 121, 129),
    85: (85, 90, 96, 102, 110, 117, 126, 135),
    90: (86, 91, 98, 105, 113, 122, 131),
    95: (86, 93, 100, 108, 117, 127),
    100: (87, 95, 103, 112, 121, 132),
}

# FHWA-HOP-06-070: a buffer index of 40 % adds 8 minutes to a trip of 20; a planning time index of 1.60 makes 24 minutes
# of the 15 that it takes in light traffic.
FHWA_BUFFER = (20.0, 28.0, 0.40)
FHWA_PLANNING = (15.0, 24.0, 1.60)

# Wilson's interval for 81 of 263 (Newcombe 1998, Stat. Med. 17:857-872, table I, without continuity correction).
WILSON_NEWCOMBE = ((81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718))
