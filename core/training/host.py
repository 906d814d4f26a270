"""What a process promises before it trains, so that the same run gives the same bits on the same kind of host."""

from __future__ import annotations

import os

import torch


def settle(device: torch.device, threads: int) -> None:
    """Fix the number of threads; on a GPU, only algorithms that repeat themselves. Call it before the first tensor."""
    torch.set_num_threads(threads)
    if device.type == "cuda":
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(True)
        torch.backends.cudnn.benchmark = False
