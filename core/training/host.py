"""What a process promises before it trains, so that the same run gives the same bits on the same kind of host."""

from __future__ import annotations

import os

import torch

from core.spec import Precision


def settle(device: torch.device, threads: int) -> None:
    """Fix the number of threads; on a GPU, only algorithms that repeat themselves. Call it before the first tensor."""
    torch.set_num_threads(threads)
    if device.type == "cuda":
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(True)
        torch.backends.cudnn.benchmark = False


def has_fast_bf16(device: torch.device) -> bool:
    """Whether bfloat16 is done in hardware; a CPU that imitates it takes a hundred times as long."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    able = torch.cpu.get_capabilities()
    return bool(able.get("avx512_bf16") or able.get("amx_bf16"))


def autocast(device: torch.device, precision: Precision) -> torch.autocast:
    """Convolutions and products in the precision of the plan; parameters, losses and evidence stay float32."""
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=precision == "bf16")


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out, on a device or on the host."""
    words = str(error).lower()
    told = "out of memory" in words or "can't allocate memory" in words
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or (isinstance(error, RuntimeError) and told)
