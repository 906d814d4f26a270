"""jobs of kind probe, which measure a worker's pace"""

from __future__ import annotations

from alembic import op
from sqlalchemy import text

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

BEFORE, AFTER = "kind IN ('ingest', 'audit')", "kind IN ('ingest', 'audit', 'probe')"


def upgrade() -> None:
    _recheck(BEFORE, AFTER)


def downgrade() -> None:
    op.execute("DELETE FROM jobs WHERE kind = 'probe'")
    _recheck(AFTER, BEFORE)


def _recheck(before: str, after: str) -> None:
    connection = op.get_bind()
    if connection.dialect.name != "sqlite":
        op.drop_constraint(op.f("ck_jobs_kind"), "jobs", type_="check")
        op.create_check_constraint(op.f("ck_jobs_kind"), "jobs", after)
        return
    # SQLite would have to copy the table, and dropping the old one would take every event and score along. A check
    # changes nothing on the disk, so the way that its manual gives for such changes is taken: the text itself.
    version = connection.execute(text("PRAGMA schema_version")).scalar_one()
    connection.execute(text("PRAGMA writable_schema = ON"))
    connection.execute(
        text("UPDATE sqlite_master SET sql = replace(sql, :before, :after) WHERE type = 'table' AND name = 'jobs'"),
        {"before": before, "after": after},
    )
    connection.execute(text(f"PRAGMA schema_version = {int(version) + 1}"))
    connection.execute(text("PRAGMA writable_schema = OFF"))
