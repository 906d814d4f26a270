"""jobs that pause, are urgent, ask for a device and are counted in seconds; workers that say what they have"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy import text
from sqlalchemy.dialects import postgresql

from migrations import checks

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

BEFORE = "state IN ('queued', 'running', 'succeeded', 'failed', 'cancelled')"
AFTER = "state IN ('queued', 'running', 'paused', 'succeeded', 'failed', 'cancelled')"
JSON = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")


def upgrade() -> None:
    op.add_column("jobs", sa.Column("pause_requested", sa.Boolean(), server_default=text("false"), nullable=False))
    op.add_column("jobs", sa.Column("priority", sa.SmallInteger(), server_default=text("0"), nullable=False))
    op.add_column("jobs", sa.Column("device", sa.String(length=16), nullable=True))
    op.add_column("jobs", sa.Column("spent_s", sa.Double(), server_default=text("0"), nullable=False))
    op.create_table(
        "workers",
        sa.Column("id", sa.String(length=128), nullable=False),
        sa.Column("queues", JSON, nullable=False),
        sa.Column("devices", JSON, nullable=False),
        sa.Column("started_at", sa.Double(), nullable=False),
        sa.Column("seen_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_workers")),
    )
    checks.change("jobs", "ck_jobs_state", BEFORE, AFTER)


def downgrade() -> None:
    op.execute("UPDATE jobs SET state = 'queued' WHERE state = 'paused'")
    checks.change("jobs", "ck_jobs_state", AFTER, BEFORE)
    op.drop_table("workers")
    for column in ("spent_s", "device", "priority", "pause_requested"):
        op.drop_column("jobs", column)
