"""A verdict as JUnit XML, for the pages of a build server: one test case a station, and one for the rest."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree import ElementTree as ET

_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Case:
    """One question and its answer: `failure` is empty where it passed; `told` is what else there is to know."""

    name: str
    failure: str = ""
    told: str = ""


def junit(suite: str, cases: Sequence[Case]) -> str:
    """The document, in UTF-8; what XML cannot hold is replaced."""
    failures = sum(bool(case.failure) for case in cases)
    counts = {"tests": str(len(cases)), "failures": str(failures), "errors": "0"}
    root = ET.Element("testsuites", {"name": "nakhon audit"} | counts)
    inside = ET.SubElement(root, "testsuite", {"name": _clean(suite), "skipped": "0"} | counts)
    for case in cases:
        node = ET.SubElement(inside, "testcase", name=_clean(case.name), classname=_clean(suite), time="0")
        if case.failure:
            failure = ET.SubElement(node, "failure", message=_clean(case.failure.splitlines()[0]))
            failure.text = _clean(case.failure)
        if case.told:
            ET.SubElement(node, "system-out").text = _clean(case.told)
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _clean(text: str) -> str:
    return _FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", text)
