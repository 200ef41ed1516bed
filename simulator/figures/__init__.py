"""The statistics of a city: what its statistics office publishes, late, and revises."""

from simulator.figures.office import CityFigures, CityStatistics

__all__ = ["CityFigures", "CityStatistics"]
