"""The database itself: SQLite and PostgreSQL, the schema and the way to it, indexes, statistics, rows in bulk."""
