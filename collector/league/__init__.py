"""Composite scores with their parts, and leagues of cities that say how sure each place is."""
