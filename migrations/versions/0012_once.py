"""answers that are given again to the same key, and which audit an audit repeats"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "answered",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("content", sa.String(length=64), nullable=False),
        sa.Column("status", sa.SmallInteger(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("location", sa.String(length=255), nullable=True),
        sa.Column("at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_answered")),
    )
    op.add_column("jobs", sa.Column("rerun_of", sa.String(length=36), nullable=True))


def downgrade() -> None:
    op.drop_column("jobs", "rerun_of")
    op.drop_table("answered")
