"""The DuckLake store: many writers, a PostgreSQL catalogue, Parquet files."""
