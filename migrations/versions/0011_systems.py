"""Tokens of other systems: what they are, and whose objects they reach."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """A token says its role and organisation; those there are belong to operators."""
    with op.batch_alter_table("api_tokens") as table:
        table.add_column(sa.Column("role", sa.String(16), nullable=False, server_default="operator"))
        table.add_column(sa.Column("organisation", sa.String(22), nullable=True))
        table.create_foreign_key("fk_api_tokens_organisation", "organisations", ["organisation"], ["id"])


def downgrade() -> None:
    """Tokens of systems end: before this every token was an operator's."""
    op.execute("DELETE FROM api_tokens WHERE role <> 'operator'")
    with op.batch_alter_table("api_tokens") as table:
        table.drop_constraint("fk_api_tokens_organisation", type_="foreignkey")
        table.drop_column("organisation")
        table.drop_column("role")
