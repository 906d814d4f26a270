"""Changing what a check allows, on both databases."""

from __future__ import annotations

from alembic import op
from sqlalchemy import text


def change(table: str, name: str, before: str, after: str) -> None:
    """Let a table's check say something else."""
    connection = op.get_bind()
    if connection.dialect.name != "sqlite":
        op.drop_constraint(op.f(name), table, type_="check")
        op.create_check_constraint(op.f(name), table, after)
        return
    # SQLite would have to copy the table, and dropping the old one would take along every row that points to it. A
    # check changes nothing on the disk, so the way that its manual gives for such changes is taken: the text itself.
    version = connection.execute(text("PRAGMA schema_version")).scalar_one()
    connection.execute(text("PRAGMA writable_schema = ON"))
    connection.execute(
        text("UPDATE sqlite_master SET sql = replace(sql, :before, :after) WHERE type = 'table' AND name = :name"),
        {"before": before, "after": after, "name": table},
    )
    connection.execute(text(f"PRAGMA schema_version = {int(version) + 1}"))
    connection.execute(text("PRAGMA writable_schema = OFF"))
