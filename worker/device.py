"""Where training runs on this worker."""

from __future__ import annotations

import os
from dataclasses import dataclass

import torch

from core.errors import Problem
from core.settings import Settings
from core.spec import DeviceKind
from core.training.host import has_fast_bf16
from core.training.plan import EACH

FEWEST_EACH = 4  # where somebody has said how many processes there are to be


@dataclass(frozen=True)
class Machine:
    """A device and what a plan needs to know of it."""

    device: torch.device
    cores: int
    bf16: bool
    processes: int = 1  # that can train together
    each: int = EACH  # samples of a batch that each of them has at least

    @property
    def name(self) -> str:
        """In words."""
        return torch.cuda.get_device_name(self.device) if self.device.type == "cuda" else "cpu"


def machine(settings: Settings, asked: DeviceKind | None = None, rank: int | None = None) -> Machine:
    """The device that a job asks for, or the settings do, or the best there is.

    A process that trains with others has a GPU of its own, by its rank.
    """
    if asked == "cpu":
        device = torch.device("cpu")
    elif settings.device == "auto":
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    else:
        device = torch.device(settings.device)
    if device.type == "cuda" and not torch.cuda.is_available():
        raise Problem("device-unavailable", "LABELAUDIT_DEVICE asks for a GPU, and torch sees none on this worker.")
    if asked == "cuda" and device.type != "cuda":
        raise Problem("device-unavailable", "This audit asks for a GPU, and torch sees none on this worker.")
    there = torch.cuda.device_count() if device.type == "cuda" else settings.processes or 1
    processes = 1 if device.index is not None else min(settings.processes or there, there)
    if device.type == "cuda" and rank is not None:
        device = torch.device("cuda", rank)
    cores = settings.threads or len(os.sched_getaffinity(0))
    return Machine(device, cores, has_fast_bf16(device), processes, FEWEST_EACH if settings.processes else EACH)
