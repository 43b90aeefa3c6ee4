"""Issued passwords, locked desks, cards, and people as providers of single sign-on know them."""

import sqlalchemy as sa
from alembic import op

from core.database import UtcDateTime

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """What a sign-in rests on, and what it still owes."""
    op.add_column("accounts", sa.Column("issued", UtcDateTime(), nullable=True))
    op.add_column("login_sessions", sa.Column("locked", UtcDateTime(), nullable=True))
    op.add_column("pins", sa.Column("wrong", sa.Integer(), nullable=False, server_default="0"))
    op.create_table(
        "cards",
        sa.Column("person", sa.String(22), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column("created", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["person"], ["persons.id"], name="fk_cards_person"),
        sa.PrimaryKeyConstraint("person", name="pk_cards"),
        sa.UniqueConstraint("hash", name="uq_cards_hash"),
    )
    op.create_table(
        "outside_identities",
        sa.Column("person", sa.String(22), nullable=False),
        sa.Column("issuer", sa.String(255), nullable=False),
        sa.Column("subject", sa.String(255), nullable=False),
        sa.Column("bound_by", sa.String(22), nullable=False),
        sa.Column("bound", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["person"], ["persons.id"], name="fk_outside_identities_person"),
        sa.PrimaryKeyConstraint("person", name="pk_outside_identities"),
    )
    op.create_index("ix_outside_identities_subject", "outside_identities", ["issuer", "subject"], unique=True)


def downgrade() -> None:
    """Back to passwords that nobody knows the origin of."""
    op.drop_table("outside_identities")
    op.drop_table("cards")
    op.drop_column("pins", "wrong")
    op.drop_column("login_sessions", "locked")
    op.drop_column("accounts", "issued")
