"""The versions of placement's schema, for alembic."""
