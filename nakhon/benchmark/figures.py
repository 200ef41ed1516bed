"""Figures of a benchmark: exact percentiles of all latencies, and a histogram."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Seconds = NDArray[np.float64]
SHARES = (("p50", 50.0), ("p90", 90.0), ("p99", 99.0), ("p99.9", 99.9), ("max", 100.0))
_STEPS = (1.0, 2.0, 5.0)


@dataclass(frozen=True, slots=True)
class Bucket:
    """How many latencies lie in [low, high) seconds."""

    low: float
    high: float
    count: int


def percentiles(latencies: Seconds) -> dict[str, float]:
    """The percentiles of latencies in seconds, each one that occurred; empty for none."""
    if not len(latencies):
        return {}
    return {name: float(np.percentile(latencies, share, method="inverted_cdf")) for name, share in SHARES}


def histogram(latencies: Seconds) -> list[Bucket]:
    """The latencies in buckets of 1, 2, 5, 10, ... from 10 microseconds on; empty ones at the ends are left out."""
    if not len(latencies):
        return []
    edges = np.array([0.0] + [step * 10.0**power for power in range(-5, 4) for step in _STEPS] + [np.inf])
    counts, _ = np.histogram(np.maximum(latencies, 0.0), edges)
    there = np.flatnonzero(counts)
    return [
        Bucket(float(edges[at]), float(edges[at + 1]), int(counts[at])) for at in range(there[0], there[-1] + 1)
    ]  # fmt: skip


def bars(buckets: Sequence[Bucket], width: int = 50) -> list[str]:
    """The histogram as lines of text."""
    most = max((one.count for one in buckets), default=1)
    lengths = [max(one.count > 0, width * one.count // most) for one in buckets]
    return [
        f"{clock(one.low):>8} to {clock(one.high):<8} {one.count:>9,}  {'█' * length}"
        for one, length in zip(buckets, lengths, strict=True)
    ]


def clock(seconds: float) -> str:
    """A short time in words."""
    if seconds == np.inf:
        return "longer"
    if seconds < 0.001:
        return f"{seconds * 1e6:.3g} µs"
    return f"{seconds * 1000:.3g} ms" if seconds < 1 else f"{seconds:.3g} s"
