"""what spoke against a label, and how sure its suggestion is"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("scores", sa.Column("confidence", sa.Double(), nullable=True))
    op.add_column("scores", sa.Column("reasons", sa.Integer(), nullable=False, server_default="0"))


def downgrade() -> None:
    op.drop_column("scores", "reasons")
    op.drop_column("scores", "confidence")
