"""samples with the same content and different labels"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("scores", sa.Column("conflict", sa.Integer(), nullable=True))
    told = sa.text("conflict IS NOT NULL")
    op.create_index(
        op.f("ix_scores_audit_pk_conflict"),
        "scores",
        ["audit_pk", "conflict"],
        sqlite_where=told,
        postgresql_where=told,
    )
    op.create_table(
        "conflicts",
        sa.Column("audit_pk", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("favoured", sa.Integer(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["audit_pk"], ["jobs.pk"], name=op.f("fk_conflicts_audit_pk"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("audit_pk", "number", name=op.f("pk_conflicts")),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    op.drop_table("conflicts")
    op.drop_index(op.f("ix_scores_audit_pk_conflict"), "scores")
    op.drop_column("scores", "conflict")
