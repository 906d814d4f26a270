"""Where training runs on this worker."""

from __future__ import annotations

import os
from dataclasses import dataclass

import torch

from core.errors import Problem
from core.settings import Settings
from core.spec import DeviceKind
from core.training.host import has_fast_bf16


@dataclass(frozen=True)
class Machine:
    """A device and what a plan needs to know of it."""

    device: torch.device
    cores: int
    bf16: bool

    @property
    def name(self) -> str:
        """In words."""
        return torch.cuda.get_device_name(self.device) if self.device.type == "cuda" else "cpu"


def machine(settings: Settings, asked: DeviceKind | None = None) -> Machine:
    """The device that a job asks for, or the settings do, or the best there is."""
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
    return Machine(device, settings.threads or len(os.sched_getaffinity(0)), has_fast_bf16(device))
