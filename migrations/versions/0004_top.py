"""the likeliest classes of each sample"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("scores", sa.Column("top", sa.LargeBinary(), nullable=True))


def downgrade() -> None:
    op.drop_column("scores", "top")
