"""The versions of aftercare's schema, for alembic."""
