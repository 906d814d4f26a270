"""what is found in the images of a dataset without a model, and how large its classes are"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

JSON = sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")


def upgrade() -> None:
    op.add_column("datasets", sa.Column("class_counts", JSON, nullable=True))
    op.add_column("datasets", sa.Column("found", JSON, nullable=True))
    op.create_table(
        "findings",
        sa.Column("dataset_pk", sa.Integer(), nullable=False),
        sa.Column("n", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("group", sa.Integer(), nullable=True),
        sa.Column("sample", sa.Integer(), nullable=False),
        sa.Column("across", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["dataset_pk"], ["datasets.pk"], name=op.f("fk_findings_dataset_pk"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("dataset_pk", "n", name=op.f("pk_findings")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_findings_dataset_pk_kind_n"), "findings", ["dataset_pk", "kind", "n"])


def downgrade() -> None:
    op.drop_table("findings")
    op.drop_column("datasets", "found")
    op.drop_column("datasets", "class_counts")
