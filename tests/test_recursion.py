"""The recursion is that of scipy.signal, bit for bit, in blocks as in one piece."""

import numpy as np
import pytest
from scipy import signal

from simulator import recursion


@pytest.mark.parametrize("forward", [[0.3], [0.0, 0.7], [1.0, 0.2]])
def test_the_filter_alone_gives_what_its_package_gives_whatever_the_blocks(forward: list[float]) -> None:
    back = [1.0, -0.93]
    values, state = np.random.default_rng(1).standard_normal((3, 500)), np.full((3, 1), 0.25)
    whole, last = signal.lfilter(forward, back, values, zi=state)
    parts = []
    for block in np.split(values, [1, 2, 130], axis=-1):
        part, state = recursion.lfilter(forward, back, block, axis=-1, zi=state)
        parts.append(part)
    assert np.concatenate(parts, axis=-1).tobytes() == whole.tobytes()
    assert state.tobytes() == last.tobytes()


def test_the_filter_is_taken_alone_from_this_scipy() -> None:
    assert recursion._compiled().__name__ == "_linear_filter"
