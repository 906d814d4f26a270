"""uploads that go on where they stopped"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("uploads", sa.Column("length", sa.BigInteger(), nullable=True))
    op.add_column("uploads", sa.Column("notes", sa.Text(), nullable=True))
    op.add_column("uploads", sa.Column("turn", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("uploads", sa.Column("written_at", sa.Double(), nullable=True))
    op.add_column("uploads", sa.Column("dataset_id", sa.String(36), nullable=True))
    op.add_column("uploads", sa.Column("swept", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("upload_parts", sa.Column("turn", sa.Integer(), nullable=False, server_default="0"))


def downgrade() -> None:
    # The older version would count the parts of an unfinished upload as all there is, and look for them elsewhere.
    op.execute(
        "UPDATE uploads SET deleted_at = touched_at "
        "WHERE length IS NOT NULL AND deleted_at IS NULL AND dataset_id IS NULL"
    )
    op.drop_column("upload_parts", "turn")
    for name in ("swept", "dataset_id", "written_at", "turn", "notes", "length"):
        op.drop_column("uploads", name)
