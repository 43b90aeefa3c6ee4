"""Organisation trees, people, credentials, logins, tokens, tickets, invitations and terminals."""

import sqlalchemy as sa
from alembic import op

from core.database import UtcDateTime

revision = "0002"
down_revision = "0001"

TABLES = (
    "organisations",
    "persons",
    "accounts",
    "role_grants",
    "login_sessions",
    "api_tokens",
    "join_tickets",
    "invitations",
    "terminals",
    "pairing_codes",
)


def upgrade() -> None:
    """Who somebody is and how they come in."""
    op.create_table(
        "organisations",
        sa.Column("id", sa.String(22), primary_key=True),
        sa.Column("parent", sa.String(22), sa.ForeignKey("organisations.id")),
        sa.Column("tree", sa.String(16), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("name", sa.String(128), nullable=False),
        sa.Column("phone", sa.String(32), nullable=False),
    )
    op.create_table(
        "persons",
        sa.Column("id", sa.String(22), primary_key=True),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("number", sa.String(32), nullable=False),
        sa.Column("organisation", sa.String(22), sa.ForeignKey("organisations.id"), nullable=False),
        sa.Column("phone", sa.String(32), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
    )
    op.create_index("ix_persons_organisation", "persons", ["organisation"])
    op.create_table(
        "accounts",
        sa.Column("person", sa.String(22), sa.ForeignKey("persons.id"), primary_key=True),
        sa.Column("login", sa.String(64), nullable=False, unique=True),
        sa.Column("password", sa.String(256)),
        sa.Column("locale", sa.String(8), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("created", UtcDateTime(), nullable=False),
    )
    op.create_table(
        "role_grants",
        sa.Column("id", sa.String(22), primary_key=True),
        sa.Column("person", sa.String(22), sa.ForeignKey("persons.id"), nullable=False),
        sa.Column("role", sa.String(32), nullable=False),
        sa.Column("organisation", sa.String(22), sa.ForeignKey("organisations.id"), nullable=False),
        sa.Column("facility", sa.String(22)),
        sa.Column("granted_by", sa.String(64), nullable=False),
        sa.Column("granted", UtcDateTime(), nullable=False),
        sa.Column("revoked", UtcDateTime()),
    )
    op.create_index("ix_role_grants_person", "role_grants", ["person"])
    op.create_table(
        "login_sessions",
        sa.Column("id", sa.String(22), primary_key=True),
        sa.Column("hash", sa.String(64), nullable=False, unique=True),
        sa.Column("person", sa.String(22), sa.ForeignKey("persons.id"), nullable=False),
        sa.Column("method", sa.String(16), nullable=False),
        sa.Column("created", UtcDateTime(), nullable=False),
        sa.Column("seen", UtcDateTime(), nullable=False),
        sa.Column("expires", UtcDateTime(), nullable=False),
        sa.Column("proved", UtcDateTime(), nullable=False),
        sa.Column("ended", UtcDateTime()),
        sa.Column("ended_why", sa.String(16)),
        sa.Column("agent", sa.String(200), nullable=False),
        sa.Column("address", sa.String(45), nullable=False),
    )
    op.create_index("ix_login_sessions_person", "login_sessions", ["person"])
    op.create_table(
        "api_tokens",
        sa.Column("id", sa.String(22), primary_key=True),
        sa.Column("hash", sa.String(64), nullable=False, unique=True),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("issued_by", sa.String(64), nullable=False),
        sa.Column("issued", UtcDateTime(), nullable=False),
        sa.Column("expires", UtcDateTime(), nullable=False),
        sa.Column("revoked", UtcDateTime()),
        sa.Column("used", UtcDateTime()),
    )
    op.create_table(
        "join_tickets",
        sa.Column("hash", sa.String(64), primary_key=True),
        sa.Column("session", sa.String(22), nullable=False),
        sa.Column("principal_kind", sa.String(16), nullable=False),
        sa.Column("principal", sa.String(22), nullable=False),
        sa.Column("login", sa.String(22)),
        sa.Column("issued", UtcDateTime(), nullable=False),
        sa.Column("expires", UtcDateTime(), nullable=False),
        sa.Column("spent", UtcDateTime()),
    )
    op.create_table(
        "invitations",
        sa.Column("id", sa.String(22), primary_key=True),
        sa.Column("session", sa.String(22), nullable=False),
        sa.Column("party", sa.String(22)),
        sa.Column("role", sa.String(32), nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("officer", sa.String(22), sa.ForeignKey("persons.id"), nullable=False),
        sa.Column("officer_name", sa.String(64), nullable=False),
        sa.Column("officer_number", sa.String(32), nullable=False),
        sa.Column("unit", sa.String(128), nullable=False),
        sa.Column("unit_phone", sa.String(32), nullable=False),
        sa.Column("secret", sa.String(64), nullable=False, unique=True),
        sa.Column("cookie", sa.String(64), unique=True),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("name_confirmed", sa.String(8)),
        sa.Column("valid_from", UtcDateTime(), nullable=False),
        sa.Column("valid_until", UtcDateTime(), nullable=False),
        sa.Column("created", UtcDateTime(), nullable=False),
        sa.Column("accepted", UtcDateTime()),
        sa.Column("locale", sa.String(8), nullable=False),
    )
    op.create_index("ix_invitations_session", "invitations", ["session"])
    op.create_table(
        "terminals",
        sa.Column("id", sa.String(22), primary_key=True),
        sa.Column("room", sa.String(22), nullable=False),
        sa.Column("facility", sa.String(22), nullable=False),
        sa.Column("label", sa.String(128), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("key", sa.String(64), nullable=False, unique=True),
        sa.Column("paired", UtcDateTime(), nullable=False),
        sa.Column("paired_by", sa.String(22), nullable=False),
        sa.Column("revoked", UtcDateTime()),
        sa.Column("seen", UtcDateTime()),
        sa.Column("health", sa.JSON()),
    )
    op.create_index("ix_terminals_room", "terminals", ["room"])
    op.create_table(
        "pairing_codes",
        sa.Column("id", sa.String(22), primary_key=True),
        sa.Column("code", sa.String(64), nullable=False, unique=True),
        sa.Column("device", sa.String(64), nullable=False, unique=True),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("room", sa.String(22)),
        sa.Column("facility", sa.String(22)),
        sa.Column("label", sa.Text()),
        sa.Column("confirmed_by", sa.String(22)),
        sa.Column("created", UtcDateTime(), nullable=False),
        sa.Column("expires", UtcDateTime(), nullable=False),
    )


def downgrade() -> None:
    """Nobody is known."""
    for table in reversed(TABLES):
        op.drop_table(table)
