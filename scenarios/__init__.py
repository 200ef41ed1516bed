"""What to simulate: cities, networks, model parameters and scenario files. Data only; adding to it needs no code."""
