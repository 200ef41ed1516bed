"""Linear recursions over noise, by the compiled filter of scipy.signal without the rest of that package.

Importing scipy.signal takes longer than many a command, and its filter is one extension module: that is loaded alone,
with the first recursion. A scipy that keeps it elsewhere is imported as a whole.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib.machinery import PathFinder
from importlib.util import module_from_spec
from typing import Any

import numpy as np
from numpy.typing import ArrayLike


def lfilter(forward: ArrayLike, back: ArrayLike, values: ArrayLike, *, zi: ArrayLike, axis: int = -1) -> Any:
    """Get what `scipy.signal.lfilter` gives: y[n] = Σ b[i] x[n-i] - Σ a[i] y[n-i], from the state `zi`.

    The values after the filter and its last state, of `forward` (b) and `back` (a, two or more).
    """
    return _compiled()(*map(np.asarray, (forward, back, values)), axis, np.asarray(zi))


@cache
def _compiled() -> Callable[..., Any]:
    import scipy

    found = PathFinder.find_spec("_sigtools", [f"{place}/signal" for place in scipy.__path__])
    try:
        module = module_from_spec(found)  # type: ignore[arg-type]
        found.loader.exec_module(module)  # type: ignore[union-attr]
        alone: Callable[..., Any] = module._linear_filter  # noqa: SLF001
    except (AttributeError, ImportError):
        from scipy import signal

        alone = signal.lfilter
    return alone
