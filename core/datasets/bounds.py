"""The limits as a child program knows them: without pydantic, whose import would double the time it takes to start."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from core.spec import Limits


@dataclass(frozen=True, slots=True)
class Bounds:
    """Field by field what `core.spec.Limits` says."""

    max_members: int
    max_member_bytes: int
    max_expansion: int
    max_pixels: int
    max_side: int
    max_path_bytes: int
    max_component_bytes: int
    max_depth: int
    max_classes: int
    max_label_bytes: int
    max_reject_fraction: float
    sandbox_memory_bytes: int
    decode_seconds: int

    @classmethod
    def of(cls, limits: Limits) -> Bounds:
        return cls(**limits.model_dump())


def listing_seconds(decode_seconds: int, size: int) -> int:
    """Processor time to list what an upload of so many bytes holds: what two million members take, and a large tar.gz,
    which has to be unpacked for it, several times over."""
    return 60 * decode_seconds + (size >> 24)
