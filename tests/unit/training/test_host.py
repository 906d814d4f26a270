"""What a process promises before it trains."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from core.training.host import autocast, has_fast_bf16
from tests.unit.training.make import CPU


def _settled(device: str) -> list[str]:
    code = (
        "import os, torch; from core.training.host import settle; "
        f"settle(torch.device('{device}'), 1); "
        "print(torch.get_num_threads(), torch.are_deterministic_algorithms_enabled(), "
        "os.environ.get('CUBLAS_WORKSPACE_CONFIG'), torch.backends.cudnn.benchmark)"
    )
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()


def test_a_gpu_run_uses_only_algorithms_that_repeat_themselves() -> None:
    assert _settled("cuda") == ["1", "True", ":4096:8", "False"]


def test_a_cpu_run_has_the_threads_of_its_plan() -> None:
    assert _settled("cpu")[0] == "1"


@pytest.mark.parametrize("able", ["avx512_bf16", "amx_bf16", "avx2"])
def test_bfloat16_is_for_a_cpu_that_has_it_in_hardware(able: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx2": True, able: True})
    assert has_fast_bf16(CPU) == (able != "avx2")


def test_convolutions_and_products_have_the_precision_of_the_plan() -> None:
    x, weight = torch.ones(2, 3), torch.ones(3, 4)
    with autocast(CPU, "bf16"):
        assert (x @ weight).dtype == torch.bfloat16
    with autocast(CPU, "float32"):
        assert (x @ weight).dtype == torch.float32
