"""Handovers say of which size their disc images are."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"


def upgrade() -> None:
    """What had images had them in the size of a DVD."""
    with op.batch_alter_table("recording_handovers") as table:
        table.add_column(sa.Column("disc", sa.String(8), nullable=False, server_default=""))
    op.execute("UPDATE recording_handovers SET disc = 'dvd' WHERE discs")
    with op.batch_alter_table("recording_handovers") as table:
        table.drop_column("discs")


def downgrade() -> None:
    """Which size it was is forgotten."""
    with op.batch_alter_table("recording_handovers") as table:
        table.add_column(sa.Column("discs", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.execute("UPDATE recording_handovers SET discs = (disc <> '')")
    with op.batch_alter_table("recording_handovers") as table:
        table.alter_column("discs", existing_type=sa.Boolean(), server_default=None)
        table.drop_column("disc")
