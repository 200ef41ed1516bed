"""SenML in CBOR (RFC 8428 section 6): the records of SenML in JSON, with small integers for labels."""

from __future__ import annotations

import cbor2

from simulator.formats.senml import Record, SenmlJson

MEDIA_TYPE = "application/senml+cbor"
LABELS = {
    "bver": -1, "bn": -2, "bt": -3, "bu": -4, "bv": -5, "bs": -6,
    "n": 0, "u": 1, "v": 2, "vs": 3, "vb": 4, "s": 5, "t": 6, "ut": 7, "vd": 8,
}  # fmt: skip
"""Labels of SenML in CBOR (RFC 8428, table 4); a field that is not among them keeps its name."""


class SenmlCbor(SenmlJson):
    """Readings as SenML in CBOR, each number in the shortest form that is exact; the others as in wire version 1."""

    def _pack(self, pack: list[Record]) -> tuple[bytes, str, bool]:
        told = [{LABELS.get(name, name): value for name, value in record.items()} for record in pack]
        return cbor2.dumps(told, canonical=True), MEDIA_TYPE, False
