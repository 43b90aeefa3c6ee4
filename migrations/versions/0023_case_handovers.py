"""Handovers of several recordings: which are in one, in which order, and of which case all were asked for."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    """Each handover there is holds the one recording it was made of."""
    op.create_table(
        "recording_handover_parts",
        sa.Column("handover", sa.String(22), nullable=False),
        sa.Column("recording", sa.String(64), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(64), nullable=True),
        sa.ForeignKeyConstraint(["handover"], ["recording_handovers.id"], name="fk_recording_handover_parts_handover"),
        sa.ForeignKeyConstraint(["recording"], ["recordings.id"], name="fk_recording_handover_parts_recording"),
        sa.PrimaryKeyConstraint("handover", "recording", name="pk_recording_handover_parts"),
    )
    op.create_index("ix_recording_handover_parts_recording", "recording_handover_parts", ["recording"])
    op.execute(
        "INSERT INTO recording_handover_parts (handover, recording, place, digest) "
        "SELECT id, recording, 0, digest FROM recording_handovers"
    )
    op.drop_index("ix_recording_handovers_recording", "recording_handovers")
    with op.batch_alter_table("recording_handovers") as table:
        table.drop_constraint("fk_recording_handovers_recording", type_="foreignkey")
        table.drop_column("recording")
        table.drop_column("digest")
        table.add_column(sa.Column("case", sa.String(22), nullable=True))
        table.add_column(sa.Column("left_out", sa.JSON(), nullable=False, server_default="[]"))
    op.create_index("ix_recording_handovers_case", "recording_handovers", ["case"])


def downgrade() -> None:
    """Handovers of a whole case are forgotten; the ledger keeps what was exported."""
    op.execute(
        "DELETE FROM recording_handover_parts WHERE handover IN "
        '(SELECT id FROM recording_handovers WHERE "case" IS NOT NULL)'
    )
    op.execute('DELETE FROM recording_handovers WHERE "case" IS NOT NULL')
    op.drop_index("ix_recording_handovers_case", "recording_handovers")
    with op.batch_alter_table("recording_handovers") as table:
        table.drop_column("left_out")
        table.drop_column("case")
        table.add_column(sa.Column("recording", sa.String(64), nullable=True))
        table.add_column(sa.Column("digest", sa.String(64), nullable=True))
    op.execute(
        "UPDATE recording_handovers SET (recording, digest) = (SELECT p.recording, p.digest "
        "FROM recording_handover_parts p WHERE p.handover = recording_handovers.id)"
    )
    with op.batch_alter_table("recording_handovers") as table:
        table.alter_column("recording", existing_type=sa.String(64), nullable=False)
        table.create_foreign_key("fk_recording_handovers_recording", "recordings", ["recording"], ["id"])
    op.create_index("ix_recording_handovers_recording", "recording_handovers", ["recording"])
    op.drop_table("recording_handover_parts")
