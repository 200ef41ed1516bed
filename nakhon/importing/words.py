"""How people call cities and indicators in spreadsheets, in English and in Thai."""

from __future__ import annotations

import re
from functools import cache

from collector.language.indicators import indicators
from simulator.cities import cities

THAI = {
    "pm25": "ฝุ่นละออง PM2.5", "pm10": "ฝุ่นละออง PM10", "no2": "ไนโตรเจนไดออกไซด์", "o3": "โอโซน",
    "air_temperature": "อุณหภูมิอากาศ", "relative_humidity": "ความชื้นสัมพัทธ์", "rain": "ปริมาณฝน",
    "wind_speed": "ความเร็วลม", "noise_laeq": "ระดับเสียงเฉลี่ย", "water_level": "ระดับน้ำ",
    "dissolved_oxygen": "ออกซิเจนละลายน้ำ", "ghg_per_capita": "ก๊าซเรือนกระจกต่อหัว",
    "electricity_demand": "ความต้องการไฟฟ้า", "traffic_flow": "ปริมาณจราจร", "travel_time_index": "ดัชนีเวลาเดินทาง",
    "power_outages": "ไฟฟ้าดับ", "hotel_occupancy": "อัตราเข้าพักโรงแรม", "visitor_arrivals": "จำนวนนักท่องเที่ยว",
    "business_registrations": "จดทะเบียนธุรกิจใหม่", "digital_payments": "ธุรกรรมชำระเงินดิจิทัล",
    "internet_access": "การเข้าถึงอินเทอร์เน็ต", "unemployment": "อัตราว่างงาน", "gpp_per_capita": "ผลิตภัณฑ์จังหวัดต่อหัว",
    "service_requests": "คำร้องบริการ", "resolution_time": "เวลาแก้ไขคำร้อง", "service_backlog": "คำร้องค้าง",
    "sla_compliance": "ร้อยละเสร็จตามกำหนด", "permit_wait": "เวลารอใบอนุญาต", "eservice_share": "สัดส่วนบริการออนไลน์",
    "eservice_adoption": "การใช้บริการออนไลน์", "open_datasets": "ชุดข้อมูลเปิด",
    "eprocurement_share": "สัดส่วนจัดซื้ออิเล็กทรอนิกส์", "citizen_rating": "คะแนนความพึงพอใจ",
    "emergency_response": "เวลาตอบสนองเหตุฉุกเฉิน", "portal_uptime": "ความพร้อมใช้ของเว็บไซต์",
}  # fmt: skip
"""Names of the indicators in Thai, for headings: translations of this project, not official terms."""

_ALSO = {
    "temperature": "air_temperature", "temp": "air_temperature", "tempc": "air_temperature", "อุณหภูมิ": "air_temperature",
    "humidity": "relative_humidity", "rh": "relative_humidity", "ความชื้น": "relative_humidity",
    "ฝน": "rain", "rainfall": "rain", "precipitation": "rain", "ลม": "wind_speed", "wind": "wind_speed",
    "noise": "noise_laeq", "laeq": "noise_laeq", "เสียง": "noise_laeq", "ozone": "o3", "nitrogendioxide": "no2",
    "traffic": "traffic_flow", "visitors": "visitor_arrivals", "occupancy": "hotel_occupancy",
    "unemploymentrate": "unemployment", "ว่างงาน": "unemployment", "ฝุ่นpm25": "pm25", "ฝุ่นpm10": "pm10", "ฝุ่น": "pm25",
    "waterlevel": "water_level", "do": "dissolved_oxygen", "backlog": "service_backlog",
}  # fmt: skip
_THAI_CITIES = {
    "เชียงใหม่": "chiang-mai", "ระยอง": "rayong", "ขอนแก่น": "khon-kaen", "กรุงเทพมหานคร": "bangkok", "กรุงเทพ": "bangkok",
    "ภูเก็ต": "phuket", "ชลบุรี": "chon-buri", "ลำปาง": "lampang", "นครศรีธรรมราช": "nakhon-si-thammarat",
    "สมุทรปราการ": "samut-prakan",
}  # fmt: skip
TIME = ("time", "date", "datetime", "timestamp", "day", "วันที่", "เวลา", "วันเวลา", "dateandtime", "datatime")
PERIOD = ("period", "month", "year", "quarter", "เดือน", "ปี", "พศ", "ไตรมาส", "ช่วงเวลา", "งวด")
CITY = ("city", "cityid", "cityname", "municipality", "province", "เมือง", "จังหวัด", "เทศบาล")
STATION = ("station", "stationid", "stationname", "site", "device", "sensor", "สถานี", "จุดตรวจวัด", "location")
INDICATOR = ("indicator", "parameter", "param", "variable", "pollutant", "metric", "ตัวชี้วัด", "พารามิเตอร์")
VALUE = ("value", "result", "reading", "measurement", "ค่า", "ผล", "ค่าที่วัดได้")
UNIT = ("unit", "units", "uom", "หน่วย")
PUBLISHED = ("published", "publishedon", "releasedate", "release", "วันที่เผยแพร่", "เผยแพร่")
REVISION = ("revision", "rev", "version", "ฉบับ", "ครั้งที่แก้ไข")


def bare(text: str) -> str:
    """The letters, marks and digits of a heading, without what stands in brackets."""
    without = re.sub(r"[(\[{].*?[)\]}]", " ", text.replace("₂", "2").replace("₃", "3").replace("₅", "5"))
    return re.sub(r"[^\w\u0e00-\u0e7f]|_", "", without.lower())


def city_named(text: str) -> str | None:
    """The id of the city of a name as people write it, None for one that is not known."""
    wanted = bare(text)
    for thai, name in _THAI_CITIES.items():
        if wanted.endswith(bare(thai)):  # also with จ., จังหวัด or เทศบาลนคร before it
            return name
    return _city_names().get(wanted)


def thai_city(identity: str) -> str:
    """The name of a city in Thai, empty where it is not known."""
    return next((thai for thai, name in _THAI_CITIES.items() if name == identity), "")


def indicator_named(text: str) -> str | None:
    """The id of the indicator of a heading as people write it, None for one that is not known."""
    wanted = bare(text)
    return _indicator_names().get(wanted) or next(
        (name for known, name in _indicator_names().items() if len(known) > 3 and wanted.startswith(known)), None
    )


@cache
def _city_names() -> dict[str, str]:
    named = {bare(one.name): name for name, one in cities().items()}
    return named | {bare(name): name for name in cities()}


@cache
def _indicator_names() -> dict[str, str]:
    named = {bare(entry.name): name for name, entry in indicators().items()}
    thai = {bare(said): name for name, said in THAI.items()}
    return named | thai | {bare(name): name for name in indicators()} | {bare(a): b for a, b in _ALSO.items()}
