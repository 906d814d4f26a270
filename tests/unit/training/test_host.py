"""What a process promises before it trains."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from core.training.host import autocast, has_fast_bf16, is_out_of_memory
from core.training.loop import Run
from tests.unit.training.make import CPU, data, finished, plan


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


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"), True),
        (MemoryError(), True),
        (RuntimeError("CUDA error: out of memory"), True),
        (
            RuntimeError("[enforce fail at alloc_cpu.cpp:117] CPUAllocator: can't allocate memory: you tried"),
            True,
        ),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), False),
        (ValueError("out of memory"), False),
    ],
)
def test_memory_that_ran_out_is_told_from_other_errors(error: BaseException, told: bool) -> None:
    assert is_out_of_memory(error) is told


def test_an_array_that_no_host_can_hold_runs_out_of_memory() -> None:
    with pytest.raises(RuntimeError) as refused:
        torch.empty(1 << 58)
    assert is_out_of_memory(refused.value)


@pytest.mark.parametrize("able", [True, False])
def test_a_gpu_is_asked_for_bfloat16_that_it_does_not_imitate(able: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: able and not including_emulation)
    assert has_fast_bf16(torch.device("cuda")) is able


def test_a_run_in_bfloat16_keeps_parameters_and_evidence_in_float() -> None:
    run = Run(data(), plan(precision="bf16", epochs=2), CPU)
    finished(run)
    result = run.result()
    assert {tensor.dtype for tensor in result.weights.values()} == {torch.float32, torch.int64}
    assert result.ledger.aum().dtype == torch.float64
    assert torch.isfinite(result.ledger.aum()).all()
    float32 = Run(data(), plan(epochs=2), CPU)
    finished(float32)
    assert not torch.equal(result.ledger.aum(), float32.ledger.aum())
