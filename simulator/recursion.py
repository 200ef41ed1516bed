"""Linear recursions over noise. scipy.signal is imported with the first: that takes longer than many a command."""

from __future__ import annotations

from typing import Any


def lfilter(*arguments: Any, **options: Any) -> Any:
    """Get what `scipy.signal.lfilter` gives: y[n] = Σ b[i] x[n-i] - Σ a[i] y[n-i], from the state `zi`."""
    from scipy.signal import lfilter

    return lfilter(*arguments, **options)
