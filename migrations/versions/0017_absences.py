"""Times in which somebody held at a facility cannot be met there."""

import sqlalchemy as sa
from alembic import op

from core.database import UtcDateTime

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    """Hospital, court and illness have a beginning and an end that the calendar knows."""
    op.create_table(
        "absences",
        sa.Column("id", sa.String(22), nullable=False),
        sa.Column("custody_person", sa.String(22), nullable=False),
        sa.Column("facility", sa.String(22), nullable=False),
        sa.Column("why", sa.String(16), nullable=False),
        sa.Column("starts", UtcDateTime(), nullable=False),
        sa.Column("ends", UtcDateTime(), nullable=True),
        sa.Column("by", sa.String(64), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("ended", UtcDateTime(), nullable=True),
        sa.CheckConstraint('"ends" IS NULL OR "ends" > "starts"', name=op.f("ck_absences_window")),
        sa.ForeignKeyConstraint(["custody_person"], ["custody_persons.id"], name="fk_absences_custody_person"),
        sa.ForeignKeyConstraint(["facility"], ["facilities.id"], name="fk_absences_facility"),
        sa.PrimaryKeyConstraint("id", name="pk_absences"),
    )
    op.create_index("ix_absences_custody_person", "absences", ["custody_person"])


def downgrade() -> None:
    """Absences known so far are lost; what is marked stays marked."""
    op.drop_table("absences")
