"""Alembic's history of the schema, alike on SQLite and PostgreSQL."""
