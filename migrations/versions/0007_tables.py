"""what a table in the upload says of a sample"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("datasets", sa.Column("layout", sa.String(32), nullable=True))
    op.add_column("samples", sa.Column("votes", sa.Text(), nullable=True))
    op.add_column("samples", sa.Column("extra", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("samples", "extra")
    op.drop_column("samples", "votes")
    op.drop_column("datasets", "layout")
