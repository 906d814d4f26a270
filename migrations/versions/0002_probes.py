"""jobs of kind probe, which measure a worker's pace"""

from __future__ import annotations

from alembic import op

from migrations import checks

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

BEFORE, AFTER = "kind IN ('ingest', 'audit')", "kind IN ('ingest', 'audit', 'probe')"


def upgrade() -> None:
    checks.change("jobs", "ck_jobs_kind", BEFORE, AFTER)


def downgrade() -> None:
    op.execute("DELETE FROM jobs WHERE kind = 'probe'")
    checks.change("jobs", "ck_jobs_kind", AFTER, BEFORE)
