"""For the analyst: a store as tables that know their units and origins, comparisons, and figures."""

from collector.analysis.compared import Compared
from collector.analysis.data import Data, open_store
from collector.analysis.ranked import Ranked
from collector.analysis.table import Table

__all__ = ["Compared", "Data", "Ranked", "Table", "open_store"]
