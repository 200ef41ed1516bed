"""The language, the memory and the view: what is said over MQTT, where it is kept, how it is compared.

In a notebook: `import collector`, then `collector.open_store("duckdb://city.duckdb")`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collector.analysis import Compared, Data, Ranked, Table, open_store

__all__ = ["Compared", "Data", "Ranked", "Table", "open_store"]


def __getattr__(name: str) -> object:
    """The analyst's names, loaded when they are asked for."""
    if name in __all__:
        from collector import analysis

        return getattr(analysis, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
