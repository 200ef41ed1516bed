"""The parameters of the models, read from `scenarios/parameters/*.toml`, each set with its origin and source."""

from simulator.parameters.climate import climate, processes, sharing
from simulator.parameters.economy import economy
from simulator.parameters.governance import governance
from simulator.parameters.instruments import instruments
from simulator.parameters.services import services

__all__ = ["climate", "economy", "governance", "instruments", "processes", "services", "sharing"]
