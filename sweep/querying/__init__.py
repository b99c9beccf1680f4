"""Questions to the tables of a sweep, in SQL: conditions on rows, and whole queries by DuckDB."""
