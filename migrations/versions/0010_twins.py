"""where a dataset's blobs lie, and by which rules it was read"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("datasets", sa.Column("asked_layout", sa.String(length=32), nullable=True))
    op.add_column("datasets", sa.Column("folder", sa.String(length=36), nullable=True))
    op.add_column("datasets", sa.Column("rules", sa.String(length=64), nullable=True))
    op.create_index(op.f("ix_datasets_sha256"), "datasets", ["sha256"])


def downgrade() -> None:
    op.drop_index(op.f("ix_datasets_sha256"), "datasets")
    op.drop_column("datasets", "rules")
    op.drop_column("datasets", "folder")
    op.drop_column("datasets", "asked_layout")
