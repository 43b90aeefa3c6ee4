"""Rules as set, papers, notices, waiting lists and handovers of the calendar."""

import sqlalchemy as sa
from alembic import op

from core.database import UtcDateTime

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """What a calendar that explains itself keeps."""
    op.create_table(
        "rule_exceptions",
        sa.Column("id", sa.String(22), nullable=False),
        sa.Column("subject", sa.String(22), nullable=False),
        sa.Column("rule", sa.String(16), nullable=False),
        sa.Column("word", sa.String(24), nullable=False),
        sa.Column("by", sa.String(64), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("until", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_rule_exceptions"),
    )
    op.create_index("ix_rule_exceptions_subject", "rule_exceptions", ["subject"])
    op.create_table(
        "rule_settings",
        sa.Column("id", sa.String(22), nullable=False),
        sa.Column("rule", sa.String(16), nullable=False),
        sa.Column("since", sa.Date(), nullable=False),
        sa.Column("until", sa.Date(), nullable=True),
        sa.Column("off", sa.Boolean(), nullable=False),
        sa.Column("parameters", sa.JSON(), nullable=False),
        sa.Column("by", sa.String(64), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_rule_settings"),
    )
    op.create_index("ix_rule_settings_rule", "rule_settings", ["rule", "since"])
    op.create_table(
        "handovers",
        sa.Column("id", sa.String(22), nullable=False),
        sa.Column("facility", sa.String(22), nullable=False),
        sa.Column("given_by", sa.String(22), nullable=False),
        sa.Column("given", UtcDateTime(), nullable=False),
        sa.Column("items", sa.JSON(), nullable=False),
        sa.Column("note", sa.String(500), nullable=False),
        sa.Column("taken_by", sa.String(22), nullable=True),
        sa.Column("taken", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["facility"], ["facilities.id"], name="fk_handovers_facility"),
        sa.ForeignKeyConstraint(["given_by"], ["persons.id"], name="fk_handovers_given_by"),
        sa.ForeignKeyConstraint(["taken_by"], ["persons.id"], name="fk_handovers_taken_by"),
        sa.PrimaryKeyConstraint("id", name="pk_handovers"),
    )
    op.create_index("ix_handovers_facility", "handovers", ["facility"])
    op.create_table(
        "notice_addresses",
        sa.Column("person", sa.String(22), nullable=False),
        sa.Column("way", sa.String(8), nullable=False),
        sa.Column("address", sa.String(254), nullable=False),
        sa.ForeignKeyConstraint(["person"], ["persons.id"], name="fk_notice_addresses_person"),
        sa.PrimaryKeyConstraint("person", "way", name="pk_notice_addresses"),
    )
    op.create_table(
        "notices",
        sa.Column("id", sa.String(22), nullable=False),
        sa.Column("person", sa.String(22), nullable=False),
        sa.Column("booking", sa.String(22), nullable=True),
        sa.Column("what", sa.String(32), nullable=False),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("read", UtcDateTime(), nullable=True),
        sa.Column("sent", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["booking"], ["bookings.id"], name="fk_notices_booking", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["person"], ["persons.id"], name="fk_notices_person"),
        sa.PrimaryKeyConstraint("id", name="pk_notices"),
    )
    op.create_index("ix_notices_booking", "notices", ["booking"])
    op.create_index("ix_notices_person", "notices", ["person", "read"])
    op.create_table(
        "papers",
        sa.Column("id", sa.String(22), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("representation", sa.String(22), nullable=True),
        sa.Column("case", sa.String(22), nullable=True),
        sa.Column("client", sa.String(22), nullable=True),
        sa.Column("facility", sa.String(22), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("reason", sa.String(24), nullable=True),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("media_type", sa.String(32), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("officers", sa.JSON(), nullable=False),
        sa.Column("submitted", UtcDateTime(), nullable=False),
        sa.Column("submitted_by", sa.String(22), nullable=False),
        sa.Column("due", UtcDateTime(), nullable=False),
        sa.Column("checked", UtcDateTime(), nullable=True),
        sa.Column("checked_by", sa.String(22), nullable=True),
        sa.Column("until", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["case"], ["cases.id"], name="fk_papers_case"),
        sa.ForeignKeyConstraint(["checked_by"], ["persons.id"], name="fk_papers_checked_by"),
        sa.ForeignKeyConstraint(["client"], ["custody_persons.id"], name="fk_papers_client"),
        sa.ForeignKeyConstraint(["representation"], ["representations.id"], name="fk_papers_representation"),
        sa.ForeignKeyConstraint(["submitted_by"], ["persons.id"], name="fk_papers_submitted_by"),
        sa.PrimaryKeyConstraint("id", name="pk_papers"),
    )
    op.create_index("ix_papers_case", "papers", ["case"])
    op.create_index("ix_papers_facility", "papers", ["facility"])
    op.create_index("ix_papers_representation", "papers", ["representation"])
    op.create_table(
        "waiting",
        sa.Column("id", sa.String(22), nullable=False),
        sa.Column("person", sa.String(22), nullable=False),
        sa.Column("facility", sa.String(22), nullable=False),
        sa.Column("kind", sa.String(24), nullable=False),
        sa.Column("custody_person", sa.String(22), nullable=True),
        sa.Column("request", sa.JSON(), nullable=False),
        sa.Column("from_at", UtcDateTime(), nullable=False),
        sa.Column("until_at", UtcDateTime(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("created", UtcDateTime(), nullable=False),
        sa.Column("booking", sa.String(22), nullable=True),
        sa.Column("deadline", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["booking"], ["bookings.id"], name="fk_waiting_booking"),
        sa.ForeignKeyConstraint(["custody_person"], ["custody_persons.id"], name="fk_waiting_custody_person"),
        sa.ForeignKeyConstraint(["facility"], ["facilities.id"], name="fk_waiting_facility"),
        sa.ForeignKeyConstraint(["person"], ["persons.id"], name="fk_waiting_person"),
        sa.PrimaryKeyConstraint("id", name="pk_waiting"),
    )
    op.create_index("ix_waiting_place", "waiting", ["facility", "state", "created"])
    op.create_table(
        "paper_files",
        sa.Column("paper", sa.String(22), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["paper"], ["papers.id"], name="fk_paper_files_paper", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("paper", name="pk_paper_files"),
    )


def downgrade() -> None:
    """Back to bookings alone."""
    op.drop_table("paper_files")
    op.drop_table("waiting")
    op.drop_table("papers")
    op.drop_table("notices")
    op.drop_table("notice_addresses")
    op.drop_table("handovers")
    op.drop_table("rule_settings")
    op.drop_table("rule_exceptions")
