"""What may be asked of a store that can tell when it has values without combining them."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import pyarrow as pa

from collector.stores.protocol import Selection


@runtime_checkable
class Holding(Protocol):
    """A store that tells which buckets hold a value. Errors are `StoreError` and its kin."""

    def held(self, selection: Selection) -> pa.Table:
        """City, indicator and time of the buckets that `read` would give, each once: by city, indicator and time."""
