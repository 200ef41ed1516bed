"""Simulated ensembles beside measured series."""
