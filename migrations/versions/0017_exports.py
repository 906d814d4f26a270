"""jobs of kind export, and versions of datasets"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations import checks

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

JSON = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")
BEFORE, AFTER = "kind IN ('ingest', 'audit', 'probe')", "kind IN ('ingest', 'audit', 'probe', 'export')"


def upgrade() -> None:
    checks.change("jobs", "ck_jobs_kind", BEFORE, AFTER)
    op.add_column("datasets", sa.Column("version", sa.Integer, nullable=False, server_default="1"))
    op.add_column("datasets", sa.Column("lineage", JSON, nullable=True))
    op.add_column("datasets", sa.Column("family", sa.String(36), nullable=True))
    op.add_column("datasets", sa.Column("from_audit", sa.String(36), nullable=True))
    op.add_column("datasets", sa.Column("from_reviews", sa.Integer, nullable=True))
    op.create_index("ix_datasets_family", "datasets", ["family"])
    op.create_table(
        "changes",
        sa.Column("version_id", sa.String(36), nullable=False),
        sa.Column("sample", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("folder", sa.String(36), nullable=False),
        sa.Column("before", sa.Text, nullable=False),
        sa.Column("after", sa.Text, nullable=True),
        sa.PrimaryKeyConstraint("version_id", "sample", name="pk_changes"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_changes_folder", "changes", ["folder"])


def downgrade() -> None:
    op.drop_index("ix_changes_folder", "changes")
    op.drop_table("changes")
    op.drop_index("ix_datasets_family", "datasets")
    for name in ("from_reviews", "from_audit", "family", "lineage", "version"):
        op.drop_column("datasets", name)
    op.execute("DELETE FROM jobs WHERE kind = 'export'")
    checks.change("jobs", "ck_jobs_kind", AFTER, BEFORE)
