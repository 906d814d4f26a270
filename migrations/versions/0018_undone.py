"""find what took a review back"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

TAKES_BACK = sa.text("undoes IS NOT NULL")


def upgrade() -> None:
    op.create_index(
        "ix_reviews_dataset_pk_undoes",
        "reviews",
        ["dataset_pk", "undoes"],
        sqlite_where=TAKES_BACK,
        postgresql_where=TAKES_BACK,
    )


def downgrade() -> None:
    op.drop_index("ix_reviews_dataset_pk_undoes", "reviews")
