"""Composed films know whether what they were made from has been made anew since."""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"


def upgrade() -> None:
    """Of older films nothing is known, and nothing is said."""
    with op.batch_alter_table("derived_files") as table:
        table.add_column(sa.Column("outdated", sa.Boolean(), nullable=False, server_default=sa.false()))


def downgrade() -> None:
    with op.batch_alter_table("derived_files") as table:
        table.drop_column("outdated")
