"""The DuckDB store: one file, owned by one process."""
