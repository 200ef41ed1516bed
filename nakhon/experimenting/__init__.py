"""Experiments: many replications of the variants of a scenario, run, kept and read."""
