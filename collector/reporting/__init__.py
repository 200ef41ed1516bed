"""Comparisons as charts, pages and tables."""
