"""who is told of events, and how far that is"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

JSON = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")


def upgrade() -> None:
    op.create_table(
        "hooks",
        sa.Column("pk", sa.Integer(), nullable=False),
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("secret", sa.String(length=64), nullable=False),
        sa.Column("types", JSON, nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("deleted_at", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_hooks")),
        sa.UniqueConstraint("id", name=op.f("uq_hooks_id")),
    )
    op.create_table(
        "deliveries",
        sa.Column("pk", sa.Integer(), nullable=False),
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("hook_pk", sa.Integer(), nullable=False),
        sa.Column("job_pk", sa.Integer(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_at", sa.Double(), nullable=False),
        sa.Column("status", sa.SmallInteger(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("tried_at", sa.Double(), nullable=True),
        sa.Column("delivered_at", sa.Double(), nullable=True),
        sa.CheckConstraint("state IN ('waiting', 'delivered', 'given-up')", name=op.f("ck_deliveries_state")),
        sa.ForeignKeyConstraint(["hook_pk"], ["hooks.pk"], name=op.f("fk_deliveries_hook_pk"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["job_pk"], ["jobs.pk"], name=op.f("fk_deliveries_job_pk"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_deliveries")),
        sa.UniqueConstraint("id", name=op.f("uq_deliveries_id")),
    )
    op.create_index(op.f("ix_deliveries_state_next_at"), "deliveries", ["state", "next_at"])
    op.create_index(op.f("ix_deliveries_hook_pk"), "deliveries", ["hook_pk"])
    op.create_index(op.f("ix_deliveries_job_pk"), "deliveries", ["job_pk"])


def downgrade() -> None:
    op.drop_table("deliveries")
    op.drop_table("hooks")
