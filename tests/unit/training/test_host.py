"""What a process promises before it trains."""

from __future__ import annotations

import subprocess
import sys


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
