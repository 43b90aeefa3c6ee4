"""Requests of persons in custody for a lawyer, and the duty lawyers of a facility."""

import sqlalchemy as sa
from alembic import op

from core.database import UtcDateTime

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """Whoever has no lawyer can ask for one (LV-7)."""
    op.create_table(
        "lawyer_requests",
        sa.Column("id", sa.String(22), nullable=False),
        sa.Column("custody_person", sa.String(22), nullable=False),
        sa.Column("facility", sa.String(22), nullable=False),
        sa.Column("asked", UtcDateTime(), nullable=False),
        sa.Column("asked_by", sa.String(22), nullable=False),
        sa.Column("deadline", UtcDateTime(), nullable=False),
        sa.Column("notified", UtcDateTime(), nullable=True),
        sa.Column("taken", UtcDateTime(), nullable=True),
        sa.Column("taken_by", sa.String(22), nullable=True),
        sa.ForeignKeyConstraint(["custody_person"], ["custody_persons.id"], name="fk_lawyer_requests_custody_person"),
        sa.ForeignKeyConstraint(["facility"], ["facilities.id"], name="fk_lawyer_requests_facility"),
        sa.ForeignKeyConstraint(["asked_by"], ["persons.id"], name="fk_lawyer_requests_asked_by"),
        sa.ForeignKeyConstraint(["taken_by"], ["persons.id"], name="fk_lawyer_requests_taken_by"),
        sa.PrimaryKeyConstraint("id", name="pk_lawyer_requests"),
    )
    op.create_table(
        "duty_lawyers",
        sa.Column("facility", sa.String(22), nullable=False),
        sa.Column("person", sa.String(22), nullable=False),
        sa.Column("added", UtcDateTime(), nullable=False),
        sa.Column("added_by", sa.String(22), nullable=False),
        sa.ForeignKeyConstraint(["facility"], ["facilities.id"], name="fk_duty_lawyers_facility"),
        sa.ForeignKeyConstraint(["person"], ["persons.id"], name="fk_duty_lawyers_person"),
        sa.ForeignKeyConstraint(["added_by"], ["persons.id"], name="fk_duty_lawyers_added_by"),
        sa.PrimaryKeyConstraint("facility", "person", name="pk_duty_lawyers"),
    )
    op.create_index("ix_lawyer_requests_custody_person", "lawyer_requests", ["custody_person"])
    op.create_index("ix_lawyer_requests_facility", "lawyer_requests", ["facility"])


def downgrade() -> None:
    """Back to asking by telephone."""
    op.drop_table("duty_lawyers")
    op.drop_table("lawyer_requests")
