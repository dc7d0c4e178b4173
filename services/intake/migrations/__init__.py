"""The versions of intake's schema, for alembic."""
