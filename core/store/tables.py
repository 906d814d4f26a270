"""The tables. One history of migrations builds them on SQLite and on PostgreSQL.

Times are seconds since 1970 on the database's own clock. A job row is the truth about a piece of work; an audit is a
job of kind `audit`, an ingest is the job of kind `ingest` of its dataset, a probe measures how fast an audit of a
dataset would go, and an export writes a file of one. `id` is what the world sees, `pk` is small and is what other
tables point to.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

STATES = ("queued", "running", "paused", "succeeded", "failed", "cancelled")
ENDED = ("succeeded", "failed", "cancelled")

Json = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")
WITHOUT_ROWID = {"sqlite_with_rowid": False}
IN_CONFLICT = text("conflict IS NOT NULL")
TAKES_BACK = text("undoes IS NOT NULL")


class Base(DeclarativeBase):
    """Gives every constraint a name, so that migrations can speak of it on both databases."""

    metadata = MetaData(
        naming_convention={
            "pk": "pk_%(table_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
        }
    )


class Upload(Base):
    """Bytes on their way in. `size` is the sum of the parts that count, which is the upload's offset.

    One that may go on later has a `length`. Its `turn` is the fence: who writes was given a number, and only the last
    one counts. `written_at` is the writer's last sign of life, null while nobody writes.
    """

    __tablename__ = "uploads"

    pk: Mapped[int] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(String(36), unique=True)
    owner: Mapped[str] = mapped_column(String(64), default="local")
    size: Mapped[int] = mapped_column(BigInteger, default=0)
    sha256: Mapped[str | None] = mapped_column(String(64))
    length: Mapped[int | None] = mapped_column(BigInteger)
    notes: Mapped[str | None] = mapped_column(Text)  # what the client calls its metadata, as it was sent
    turn: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    written_at: Mapped[float | None] = mapped_column(Double)
    dataset_id: Mapped[str | None] = mapped_column(String(36))  # what was made of it, told even when that is gone
    created_at: Mapped[float] = mapped_column(Double)
    touched_at: Mapped[float] = mapped_column(Double)
    swept: Mapped[bool] = mapped_column(Boolean, default=False, server_default=text("false"))
    deleted_at: Mapped[float | None] = mapped_column(Double)


class UploadPart(Base):
    """One object of at most 8 MiB, at `uploads/<id>/<offset>`, with the turn in which it was written."""

    __tablename__ = "upload_parts"
    __table_args__ = (WITHOUT_ROWID,)

    upload_pk: Mapped[int] = mapped_column(ForeignKey("uploads.pk", ondelete="CASCADE"), primary_key=True)
    offset: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    size: Mapped[int] = mapped_column(Integer)
    turn: Mapped[int] = mapped_column(Integer, default=0, server_default="0")


class Dataset(Base):
    """A labeled image dataset; what ingest found stands here, how far it is stands in its ingest job."""

    __tablename__ = "datasets"

    pk: Mapped[int] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(String(36), unique=True)
    owner: Mapped[str] = mapped_column(String(64), default="local")
    name: Mapped[str] = mapped_column(Text)
    format: Mapped[str] = mapped_column(String(32))
    layout: Mapped[str | None] = mapped_column(String(32))
    asked_layout: Mapped[str | None] = mapped_column(String(32))  # when it was not to be recognised
    folder: Mapped[str | None] = mapped_column(String(36))  # id of the dataset whose blobs these are; null for its own
    rules: Mapped[str | None] = mapped_column(String(64))  # digest of the bounds and the version that it was read by
    upload_pk: Mapped[int | None] = mapped_column(ForeignKey("uploads.pk"))
    size: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str] = mapped_column(String(64), index=True)
    content_hash: Mapped[str | None] = mapped_column(String(64))
    classes: Mapped[list[str] | None] = mapped_column(Json)
    counts: Mapped[dict[str, int] | None] = mapped_column(Json)
    facts: Mapped[dict[str, Any] | None] = mapped_column(Json)
    class_counts: Mapped[list[int] | None] = mapped_column(Json)  # in the order of the classes
    found: Mapped[dict[str, dict[str, int]] | None] = mapped_column(
        Json
    )  # kind -> images, groups, images across splits
    warnings: Mapped[list[dict[str, str]] | None] = mapped_column(Json)
    reviews: Mapped[int] = mapped_column(
        Integer, server_default="0", default=0
    )  # how many there are: the last one's number
    rejection: Mapped[dict[str, Any] | None] = mapped_column(Json)
    version: Mapped[int] = mapped_column(Integer, default=1, server_default="1")
    lineage: Mapped[list[str] | None] = mapped_column(
        Json
    )  # ids of what a later version came from, the first one first
    family: Mapped[str | None] = mapped_column(String(36), index=True)  # id of the first version; null for itself
    from_audit: Mapped[str | None] = mapped_column(String(36))  # id of the audit whose review made this version
    from_reviews: Mapped[int | None] = mapped_column(Integer)  # number of the last review that it takes into account
    created_at: Mapped[float] = mapped_column(Double)
    deleted_at: Mapped[float | None] = mapped_column(Double)


class Change(Base):
    """What a version of a dataset changed of one sample, in words that hold when other versions are gone. `sample` is
    its number in the first version; the rows go with the folder that the versions share."""

    __tablename__ = "changes"
    __table_args__ = (WITHOUT_ROWID,)

    version_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    sample: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    folder: Mapped[str] = mapped_column(String(36), index=True)
    before: Mapped[str] = mapped_column(Text)
    after: Mapped[str | None] = mapped_column(Text)  # null for a sample that was taken out


class Sample(Base):
    """One accepted image: where it came from and where its bytes lie."""

    __tablename__ = "samples"
    __table_args__ = (WITHOUT_ROWID,)

    dataset_pk: Mapped[int] = mapped_column(ForeignKey("datasets.pk", ondelete="CASCADE"), primary_key=True)
    n: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    path: Mapped[str] = mapped_column(Text)
    label: Mapped[int] = mapped_column(Integer)
    split: Mapped[str | None] = mapped_column(String(8))
    shard: Mapped[int] = mapped_column(Integer)
    offset: Mapped[int] = mapped_column(BigInteger)
    length: Mapped[int] = mapped_column(Integer)
    width: Mapped[int] = mapped_column(Integer)
    height: Mapped[int] = mapped_column(Integer)
    format: Mapped[str] = mapped_column(String(8))
    sha256: Mapped[bytes] = mapped_column(LargeBinary(32))
    votes: Mapped[str | None] = mapped_column(Text)  # JSON, as is the next: millions of rows, rarely read
    extra: Mapped[str | None] = mapped_column(Text)


class LeftOut(Base):
    """A member of the upload that did not become a sample, and why: rejected, or ignored by a written rule."""

    __tablename__ = "left_outs"
    __table_args__ = (CheckConstraint("outcome IN ('rejected', 'ignored')", name="outcome"), WITHOUT_ROWID)

    dataset_pk: Mapped[int] = mapped_column(ForeignKey("datasets.pk", ondelete="CASCADE"), primary_key=True)
    n: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    path: Mapped[str] = mapped_column(Text)
    outcome: Mapped[str] = mapped_column(String(8))
    code: Mapped[str] = mapped_column(String(64))
    detail: Mapped[str] = mapped_column(Text)
    sha256: Mapped[bytes | None] = mapped_column(LargeBinary(32))


class Finding(Base):
    """A sample that was found without a model: a copy, a near copy, or a picture that shows nothing."""

    __tablename__ = "findings"
    __table_args__ = (Index(None, "dataset_pk", "kind", "n"), WITHOUT_ROWID)

    dataset_pk: Mapped[int] = mapped_column(ForeignKey("datasets.pk", ondelete="CASCADE"), primary_key=True)
    n: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    kind: Mapped[str] = mapped_column(String(16))
    group: Mapped[int | None] = mapped_column(Integer)  # copies only, numbered from 0 within their kind
    sample: Mapped[int] = mapped_column(Integer)
    across: Mapped[bool] = mapped_column(Boolean)  # whether its group lies in several splits


class Job(Base):
    """A piece of work. `attempt` is the fence: every write of a worker names the attempt it was claimed under."""

    __tablename__ = "jobs"
    __table_args__ = (
        CheckConstraint(f"state IN {STATES}", name="state"),
        CheckConstraint("kind IN ('ingest', 'audit', 'probe', 'export')", name="kind"),
        Index(None, "state", "lease_until"),
        Index(None, "dataset_pk", "kind"),
    )

    pk: Mapped[int] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(String(36), unique=True)
    owner: Mapped[str] = mapped_column(String(64), default="local")
    kind: Mapped[str] = mapped_column(String(16))
    dataset_pk: Mapped[int] = mapped_column(ForeignKey("datasets.pk", ondelete="CASCADE"))
    request_id: Mapped[str | None] = mapped_column(String(64))
    rerun_of: Mapped[str | None] = mapped_column(String(36))  # the audit whose plan this one was given
    spec: Mapped[dict[str, Any]] = mapped_column(Json)
    plan: Mapped[dict[str, Any] | None] = mapped_column(Json)

    state: Mapped[str] = mapped_column(String(16), default="queued")
    attempt: Mapped[int] = mapped_column(Integer, default=0)
    strikes: Mapped[int] = mapped_column(Integer, default=0)
    cancel_requested: Mapped[bool] = mapped_column(Boolean, default=False)
    pause_requested: Mapped[bool] = mapped_column(Boolean, default=False, server_default=text("false"))
    priority: Mapped[int] = mapped_column(SmallInteger, default=0, server_default=text("0"))
    device: Mapped[str | None] = mapped_column(String(16))  # the kind that was asked for
    spent_s: Mapped[float] = mapped_column(Double, default=0.0, server_default=text("0"))  # at work, in all attempts
    worker: Mapped[str | None] = mapped_column(String(128))
    lease_until: Mapped[float | None] = mapped_column(Double)
    rung_at: Mapped[float] = mapped_column(Double)

    progress: Mapped[dict[str, Any] | None] = mapped_column(Json)
    checkpoints: Mapped[list[dict[str, Any]] | None] = mapped_column(Json)
    provisional: Mapped[dict[str, Any] | None] = mapped_column(Json)  # the ranking so far, until there is a result
    result: Mapped[dict[str, Any] | None] = mapped_column(Json)
    problem: Mapped[dict[str, Any] | None] = mapped_column(Json)
    events: Mapped[int] = mapped_column(Integer, default=0)
    created_at: Mapped[float] = mapped_column(Double)
    started_at: Mapped[float | None] = mapped_column(Double)
    finished_at: Mapped[float | None] = mapped_column(Double)
    swept: Mapped[bool] = mapped_column(Boolean, default=False)
    deleted_at: Mapped[float | None] = mapped_column(Double)


class Worker(Base):
    """A worker's parent process. `seen_at` is its last sign of life; nothing but what people are told depends on it."""

    __tablename__ = "workers"

    id: Mapped[str] = mapped_column(String(128), primary_key=True)
    queues: Mapped[list[str]] = mapped_column(Json)
    devices: Mapped[list[dict[str, Any]]] = mapped_column(Json)
    started_at: Mapped[float] = mapped_column(Double)
    seen_at: Mapped[float] = mapped_column(Double)


class Answered(Base):
    """What was answered to a request with a key, under a hash of its route and its key."""

    __tablename__ = "answered"

    digest: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    content: Mapped[str] = mapped_column(String(64))
    status: Mapped[int] = mapped_column(SmallInteger)
    body: Mapped[str] = mapped_column(Text)
    location: Mapped[str | None] = mapped_column(String(255))
    at: Mapped[float] = mapped_column(Double)


class Hook(Base):
    """An address that is told of events."""

    __tablename__ = "hooks"

    pk: Mapped[int] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(String(36), unique=True)
    owner: Mapped[str] = mapped_column(String(64), default="local")
    url: Mapped[str] = mapped_column(Text)
    secret: Mapped[str] = mapped_column(String(64))
    types: Mapped[list[str]] = mapped_column(Json)
    created_at: Mapped[float] = mapped_column(Double)
    deleted_at: Mapped[float | None] = mapped_column(Double)


class Delivery(Base):
    """An event on its way to an address. Who sends it has it until `next_at`."""

    __tablename__ = "deliveries"
    __table_args__ = (
        CheckConstraint("state IN ('waiting', 'delivered', 'given-up')", name="state"),
        Index(None, "state", "next_at"),
        Index(None, "hook_pk"),
        Index(None, "job_pk"),
    )

    pk: Mapped[int] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(String(36), unique=True)
    hook_pk: Mapped[int] = mapped_column(ForeignKey("hooks.pk", ondelete="CASCADE"))
    job_pk: Mapped[int] = mapped_column(ForeignKey("jobs.pk", ondelete="CASCADE"))
    seq: Mapped[int] = mapped_column(Integer)
    state: Mapped[str] = mapped_column(String(16), default="waiting")
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    next_at: Mapped[float] = mapped_column(Double)
    status: Mapped[int | None] = mapped_column(SmallInteger)
    error: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[float] = mapped_column(Double)
    tried_at: Mapped[float | None] = mapped_column(Double)
    delivered_at: Mapped[float | None] = mapped_column(Double)


class Event(Base):
    """What happened to a job, numbered from 1 without gaps in the order in which it became visible."""

    __tablename__ = "events"
    __table_args__ = (WITHOUT_ROWID,)

    job_pk: Mapped[int] = mapped_column(ForeignKey("jobs.pk", ondelete="CASCADE"), primary_key=True)
    seq: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    type: Mapped[str] = mapped_column(String(32))
    at: Mapped[float] = mapped_column(Double)
    data: Mapped[dict[str, Any]] = mapped_column(Json)


class Epoch(Base):
    """One finished epoch of an audit; written again, with the same values, when it is run again after a crash."""

    __tablename__ = "epochs"
    __table_args__ = (WITHOUT_ROWID,)

    audit_pk: Mapped[int] = mapped_column(ForeignKey("jobs.pk", ondelete="CASCADE"), primary_key=True)
    epoch: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    train_loss: Mapped[float] = mapped_column(Double)
    train_accuracy: Mapped[float] = mapped_column(Double)
    test_accuracy: Mapped[float | None] = mapped_column(Double)
    mean_weight: Mapped[float] = mapped_column(Double)
    seconds: Mapped[float] = mapped_column(Double)
    curves: Mapped[str | None] = mapped_column(Text)  # key of a blob, see core.store.curves


class Review(Base):
    """What a person said of a sample, numbered from 1 without gaps. Rows are only ever added: one that takes another
    one back says which, and the last one that nobody took back counts."""

    __tablename__ = "reviews"
    __table_args__ = (
        UniqueConstraint("dataset_pk", "id"),
        Index(None, "dataset_pk", "sample"),
        Index(None, "dataset_pk", "undoes", sqlite_where=TAKES_BACK, postgresql_where=TAKES_BACK),
        WITHOUT_ROWID,
    )

    dataset_pk: Mapped[int] = mapped_column(ForeignKey("datasets.pk", ondelete="CASCADE"), primary_key=True)
    seq: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    id: Mapped[str] = mapped_column(String(36))  # made by who sent it, so that sending it again changes nothing
    audit_pk: Mapped[int | None] = mapped_column(ForeignKey("jobs.pk", ondelete="SET NULL"))  # whose list was looked at
    sample: Mapped[int] = mapped_column(Integer)
    decision: Mapped[int] = mapped_column(SmallInteger)  # −1 for one that takes another one back
    label: Mapped[int | None] = mapped_column(Integer)
    undoes: Mapped[int | None] = mapped_column(Integer)
    reviewer: Mapped[str] = mapped_column(String(64))
    source: Mapped[str] = mapped_column(String(16))
    bulk: Mapped[str | None] = mapped_column(String(36))  # what was said of many at once, and can be taken back at once
    at: Mapped[float] = mapped_column(Double)


class Judgement(Base):
    """How a sample stands after all reviews of it: the one that counts. Absent while there is none."""

    __tablename__ = "judgements"
    __table_args__ = (WITHOUT_ROWID,)

    dataset_pk: Mapped[int] = mapped_column(ForeignKey("datasets.pk", ondelete="CASCADE"), primary_key=True)
    sample: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    seq: Mapped[int] = mapped_column(Integer)
    decision: Mapped[int] = mapped_column(SmallInteger)
    label: Mapped[int | None] = mapped_column(Integer)
    reviewer: Mapped[str] = mapped_column(String(64))
    source: Mapped[str] = mapped_column(String(16))
    at: Mapped[float] = mapped_column(Double)
    disputed: Mapped[bool] = mapped_column(Boolean)  # reviewers' last words differ


class Score(Base):
    """The verdict on one sample. Rows lie in rank order, so a page is one short read wherever it is.

    They come with their job's end and go before its row. PostgreSQL would look the job up for every one of them, which
    takes half of the time that a million rows take; SQLite does it in a tenth.
    """

    __tablename__ = "scores"
    __table_args__ = (
        ForeignKeyConstraint(["audit_pk"], ["jobs.pk"], ondelete="CASCADE").ddl_if(dialect="sqlite"),
        UniqueConstraint("audit_pk", "sample"),
        CheckConstraint("score >= 0 AND score <= 1", name="score"),
        Index(None, "audit_pk", "conflict", sqlite_where=IN_CONFLICT, postgresql_where=IN_CONFLICT),
        WITHOUT_ROWID,
    )

    audit_pk: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    rank: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    sample: Mapped[int] = mapped_column(Integer)
    given: Mapped[int] = mapped_column(Integer)
    suggested: Mapped[int] = mapped_column(Integer)  # −1 where no class is suggested
    score: Mapped[float] = mapped_column(Double)
    is_issue: Mapped[bool] = mapped_column(Boolean)
    verdict: Mapped[int] = mapped_column(SmallInteger)
    iam: Mapped[float] = mapped_column(Double)
    hm_weight: Mapped[float] = mapped_column(Double)
    aum: Mapped[float] = mapped_column(Double)
    tkum: Mapped[float] = mapped_column(Double)
    loss: Mapped[float] = mapped_column(Double)
    confidence: Mapped[float | None] = mapped_column(Double)
    reasons: Mapped[int] = mapped_column(Integer, server_default="0")
    top: Mapped[bytes | None] = mapped_column(LargeBinary)  # see core.store.likeliest; null before it was kept
    conflict: Mapped[int | None] = mapped_column(Integer)  # number of its group, if it is in one


class Conflict(Base):
    """A group of samples with the same content and different labels; its scores name it."""

    __tablename__ = "conflicts"
    __table_args__ = (WITHOUT_ROWID,)

    audit_pk: Mapped[int] = mapped_column(ForeignKey("jobs.pk", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    favoured: Mapped[int] = mapped_column(Integer)  # −1 where undecided
    size: Mapped[int] = mapped_column(Integer)
