"""where the curves of every epoch are"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("epochs", sa.Column("curves", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("epochs", "curves")
