"""Passkeys, code apps, PINs, challenges, terminal keys, screening; checkpoints of the ledger."""

import sqlalchemy as sa
from alembic import op

from core.database import UtcDateTime

revision = "0007"
down_revision = "0006"

TABLES = (
    "terminal_starts",
    "passkeys",
    "code_apps",
    "recovery_codes",
    "pins",
    "challenges",
    "kept_apart",
    "ledger_checkpoints",
)
COLUMNS = (
    ("invitations", "short", sa.String(64)),
    ("invitations", "contact", sa.Text()),
    ("invitations", "contact_kind", sa.String(8)),
    ("terminals", "public_key", sa.Text()),
    ("pairing_codes", "public_key", sa.Text()),
)


def upgrade() -> None:
    """Stronger ways in, and a ledger others can hold copies of."""
    for table, name, kind in COLUMNS:
        op.add_column(table, sa.Column(name, kind))
    op.create_index("ix_invitations_short", "invitations", ["short"], unique=True)
    op.create_table(
        "terminal_starts",
        sa.Column("hash", sa.String(64), primary_key=True),
        sa.Column("terminal", sa.String(22), sa.ForeignKey("terminals.id"), nullable=False),
        sa.Column("started", UtcDateTime(), nullable=False),
        sa.Column("ended", UtcDateTime()),
    )
    op.create_index("ix_terminal_starts_terminal", "terminal_starts", ["terminal"])
    op.create_table(
        "passkeys",
        sa.Column("id", sa.String(22), primary_key=True),
        sa.Column("person", sa.String(22), sa.ForeignKey("persons.id"), nullable=False),
        sa.Column("credential", sa.String(1400), nullable=False, unique=True),
        sa.Column("public_key", sa.Text(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("label", sa.String(64), nullable=False),
        sa.Column("created", UtcDateTime(), nullable=False),
        sa.Column("used", UtcDateTime()),
    )
    op.create_index("ix_passkeys_person", "passkeys", ["person"])
    op.create_table(
        "code_apps",
        sa.Column("person", sa.String(22), sa.ForeignKey("persons.id"), primary_key=True),
        sa.Column("secret", sa.Text(), nullable=False),
        sa.Column("last_step", sa.BigInteger(), nullable=False),
        sa.Column("created", UtcDateTime(), nullable=False),
        sa.Column("confirmed", UtcDateTime()),
    )
    op.create_table(
        "recovery_codes",
        sa.Column("hash", sa.String(64), primary_key=True),
        sa.Column("person", sa.String(22), sa.ForeignKey("persons.id"), nullable=False),
        sa.Column("created", UtcDateTime(), nullable=False),
        sa.Column("used", UtcDateTime()),
    )
    op.create_index("ix_recovery_codes_person", "recovery_codes", ["person"])
    op.create_table(
        "pins",
        sa.Column("person", sa.String(22), sa.ForeignKey("persons.id"), primary_key=True),
        sa.Column("hash", sa.String(256), nullable=False),
        sa.Column("created", UtcDateTime(), nullable=False),
    )
    op.create_table(
        "challenges",
        sa.Column("hash", sa.String(64), primary_key=True),
        sa.Column("purpose", sa.String(32), nullable=False),
        sa.Column("subject", sa.String(22)),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("created", UtcDateTime(), nullable=False),
        sa.Column("expires", UtcDateTime(), nullable=False),
    )
    op.create_table(
        "kept_apart",
        sa.Column("id", sa.String(22), primary_key=True),
        sa.Column("one", sa.String(22), nullable=False),
        sa.Column("other", sa.String(22), nullable=False),
        sa.Column("reason", sa.String(32), nullable=False),
        sa.Column("stated_by", sa.String(22), nullable=False),
        sa.Column("stated", UtcDateTime(), nullable=False),
        sa.Column("lifted", UtcDateTime()),
    )
    op.create_index("ix_kept_apart_other", "kept_apart", ["other"])
    op.create_index("ix_kept_apart_one", "kept_apart", ["one"])
    op.create_table(
        "ledger_checkpoints",
        sa.Column("size", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("root", sa.String(64), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
    )


def downgrade() -> None:
    """Back to passwords."""
    for table in reversed(TABLES):
        op.drop_table(table)
    op.drop_index("ix_invitations_short", "invitations")
    for table, name, _ in reversed(COLUMNS):
        op.drop_column(table, name)
