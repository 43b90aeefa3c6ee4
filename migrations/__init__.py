"""Alembic revisions: one linear chain, one file per package, run at start by ``core.migrate``."""
