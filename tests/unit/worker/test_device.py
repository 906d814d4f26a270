"""Which devices an audit may use, and how many processes train together on them."""

from __future__ import annotations

import pytest
import torch

from core.settings import Settings
from core.training.plan import EACH
from worker.device import FEWEST_EACH, machine


@pytest.mark.parametrize(
    ("device", "asked", "gpus", "processes", "each"),
    [
        ("auto", 0, 4, 4, EACH),
        ("cuda", 0, 4, 4, EACH),
        ("cuda", 2, 4, 2, FEWEST_EACH),
        ("cuda", 8, 4, 4, FEWEST_EACH),
        ("cuda:1", 0, 4, 1, EACH),
        ("auto", 0, 0, 1, EACH),
        ("cpu", 0, 4, 1, EACH),
        ("cpu", 3, 4, 3, FEWEST_EACH),
    ],
)
def test_one_process_for_each_gpu_unless_somebody_says_otherwise(
    monkeypatch: pytest.MonkeyPatch, device: str, asked: int, gpus: int, processes: int, each: int
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpus > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: True)
    here = machine(Settings(device=device, processes=asked))
    assert (here.processes, here.each) == (processes, each)


def test_each_of_several_has_a_gpu_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: True)
    assert machine(Settings(device="auto"), rank=1).device == torch.device("cuda", 1)
    assert machine(Settings(device="cpu"), rank=1).device == torch.device("cpu")
