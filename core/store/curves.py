"""The curves of every sample: one immutable blob an epoch, six bytes a sample, in the order of their numbers.

After them, as many bytes each, come those of the labels that were planted wrong, in the order of the decoys.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core.store.blobs import Blobs
from core.store.tables import Epoch, Score

POINT = struct.Struct("<3e")  # margin, rival gap, loss: float16, as core.science.ledger.CURVES


class Point(NamedTuple):
    """What one epoch showed of a sample."""

    margin: float
    rival_gap: float
    loss: float


def key(audit_id: str, attempt: int, epoch: int) -> str:
    """Where an epoch's blob is; epochs count from 1."""
    return f"audits/{audit_id}/{attempt}/curves/{epoch:05d}"


def keys(session: Session, audit_pk: int) -> list[str]:
    """The blobs of an audit, epoch by epoch."""
    query = select(Epoch.curves).where(Epoch.audit_pk == audit_pk, Epoch.curves.is_not(None)).order_by(Epoch.epoch)
    return [found for found in session.execute(query).scalars() if found]


def place(session: Session, audit_pk: int, sample: int) -> int:
    """Which of the audited samples a number is."""
    before = select(func.count()).select_from(Score).where(Score.audit_pk == audit_pk, Score.sample < sample)
    return session.execute(before).scalar_one()


def read(blobs: Blobs, keys: list[str], place: int) -> list[Point]:
    """One sample's curves: a few bytes of every blob."""
    return [Point(*POINT.unpack(blobs.read(key, place * POINT.size, POINT.size))) for key in keys]
