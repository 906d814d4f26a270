"""what people say of samples"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("datasets", sa.Column("reviews", sa.Integer, nullable=False, server_default="0"))
    op.create_table(
        "reviews",
        sa.Column("dataset_pk", sa.Integer, nullable=False),
        sa.Column("seq", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("audit_pk", sa.Integer, nullable=True),
        sa.Column("sample", sa.Integer, nullable=False),
        sa.Column("decision", sa.SmallInteger, nullable=False),
        sa.Column("label", sa.Integer, nullable=True),
        sa.Column("undoes", sa.Integer, nullable=True),
        sa.Column("reviewer", sa.String(64), nullable=False),
        sa.Column("source", sa.String(16), nullable=False),
        sa.Column("bulk", sa.String(36), nullable=True),
        sa.Column("at", sa.Double, nullable=False),
        sa.ForeignKeyConstraint(["dataset_pk"], ["datasets.pk"], ondelete="CASCADE", name="fk_reviews_dataset_pk"),
        sa.ForeignKeyConstraint(["audit_pk"], ["jobs.pk"], ondelete="SET NULL", name="fk_reviews_audit_pk"),
        sa.PrimaryKeyConstraint("dataset_pk", "seq", name="pk_reviews"),
        sa.UniqueConstraint("dataset_pk", "id", name="uq_reviews_dataset_pk"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_reviews_dataset_pk_sample", "reviews", ["dataset_pk", "sample"])
    op.create_table(
        "judgements",
        sa.Column("dataset_pk", sa.Integer, nullable=False),
        sa.Column("sample", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("seq", sa.Integer, nullable=False),
        sa.Column("decision", sa.SmallInteger, nullable=False),
        sa.Column("label", sa.Integer, nullable=True),
        sa.Column("reviewer", sa.String(64), nullable=False),
        sa.Column("source", sa.String(16), nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("disputed", sa.Boolean, nullable=False),
        sa.ForeignKeyConstraint(["dataset_pk"], ["datasets.pk"], ondelete="CASCADE", name="fk_judgements_dataset_pk"),
        sa.PrimaryKeyConstraint("dataset_pk", "sample", name="pk_judgements"),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    op.drop_table("judgements")
    op.drop_index("ix_reviews_dataset_pk_sample", "reviews")
    op.drop_table("reviews")
    op.drop_column("datasets", "reviews")
