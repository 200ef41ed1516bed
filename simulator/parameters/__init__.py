"""The parameters of the models, read from `scenarios/parameters/*.toml`, each set with its origin and source."""

from simulator.parameters.climate import climate, processes, sharing
from simulator.parameters.economy import economy
from simulator.parameters.environment import environment
from simulator.parameters.governance import governance
from simulator.parameters.instruments import instruments, lapses
from simulator.parameters.services import services

__all__ = [
    "climate",
    "economy",
    "environment",
    "governance",
    "instruments",
    "lapses",
    "processes",
    "services",
    "sharing",
]
