"""A run, frozen between two steps: tensors as safetensors, the rest as JSON in its header; nothing is unpickled."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor

from core.errors import Problem
from core.spec import Plan

FORMAT = 3


@dataclass(frozen=True)
class Position:
    """Where the run stood, and the little it has to remember beside tensors."""

    epoch: int  # epochs closed
    step: int  # steps taken in the open epoch
    test_accuracies: tuple[float, ...]  # one an epoch, when there is a test split


def dump(plan: Plan, data: str, position: Position, tensors: dict[str, Tensor]) -> bytes:
    """The bytes to keep; the same run at the same step gives the same bytes."""
    header = {"format": FORMAT, "plan": plan_hash(plan), "data": data, "position": asdict(position)}
    return save_tensors(tensors, metadata={"labelaudit": json.dumps(header, sort_keys=True)})


def load(content: bytes, plan: Plan, data: str) -> tuple[Position, dict[str, Tensor]]:
    """What `dump` froze; Problem("checkpoint-mismatch") when it belongs to another plan, data set or format."""
    try:
        header, tensors = _header(content), load_tensors(content)
        written = {name: header[name] for name in ("format", "plan", "data")}
        place = header["position"]
    except (SafetensorError, ValueError, KeyError, TypeError) as damage:
        raise Problem("checkpoint-mismatch", "The checkpoint cannot be read; start the audit anew.") from damage
    for name, ours in {"format": FORMAT, "plan": plan_hash(plan), "data": data}.items():
        if written[name] != ours:
            raise Problem("checkpoint-mismatch", f"The checkpoint belongs to another {name}; start the audit anew.")
    return Position(place["epoch"], place["step"], tuple(place["test_accuracies"])), tensors


def plan_hash(plan: Plan) -> str:
    """What the plan determines. Reasons are only words, and smaller micro-batches go on where large ones ran out.

    So do fewer processes where some of the devices are gone.
    """
    facts = plan.model_dump(mode="json", exclude={"reasons", "micro_batch", "processes", "regrouped"})
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def _header(content: bytes) -> dict[str, Any]:
    length = int.from_bytes(content[:8], "little")  # safetensors: a length, then that much JSON
    header: dict[str, Any] = json.loads(json.loads(content[8 : 8 + length])["__metadata__"]["labelaudit"])
    return header
