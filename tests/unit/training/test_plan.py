from __future__ import annotations

import subprocess
import sys

import pytest

from core.errors import Problem
from core.spec import AuditSpec, DatasetFacts, Plan
from core.training.plan import resolve


def planned(spec: AuditSpec | None = None, *, device: str = "cpu", **facts: object) -> Plan:
    known: dict[str, object] = {"samples": {"": 1797}, "classes": 10, "median_side": 8, "grey": True}
    return resolve(spec or AuditSpec(), DatasetFacts.model_validate(known | facts), device, 2)


def test_a_plan_is_made_without_torch() -> None:
    code = "import sys, core.training.plan; sys.exit('torch' in sys.modules or 'sklearn' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_nothing_asked_gives_a_whole_plan_with_reasons() -> None:
    plan = planned()
    assert (plan.method, plan.weigher, plan.network, plan.seed) == ("cce", "hmw", "small", 0)
    assert (plan.resolution, plan.channels, plan.epochs, plan.threads) == (8, 1, 20, 1)
    assert plan.splits == ("",)
    assert plan.accuracy_split is None
    assert 0 < plan.warmup_epochs < plan.epochs
    assert all(reason.endswith(".") for reason in plan.reasons)


def test_what_is_asked_is_done() -> None:
    plan = planned(AuditSpec(epochs=2, seed=5, weigher="none"))
    assert (plan.epochs, plan.seed, plan.weigher, plan.warmup_epochs) == (2, 5, "none", 1)


@pytest.mark.parametrize(
    ("samples", "asked", "audited", "held_out"),
    [
        ({"": 5}, None, ("",), None),
        ({"train": 5}, None, ("train",), None),
        ({"train": 5, "test": 2, "val": 2}, None, ("train",), "test"),
        ({"train": 5, "val": 2}, None, ("train",), "val"),
        ({"train": 5, "test": 0}, None, ("train",), None),
        ({"train": 5, "": 2, "test": 1}, None, ("train", ""), "test"),
        ({"test": 5, "val": 2}, None, ("test", "val"), None),
        ({"train": 5, "test": 2}, ("train", "test"), ("train", "test"), None),
        ({"train": 5, "test": 2, "val": 1}, ("test",), ("test",), "val"),
        ({"train": 5, "test": 2}, ("train", "train"), ("train",), "test"),
    ],
)
def test_only_train_is_audited_unless_asked(
    samples: dict[str, int], asked: tuple[str, ...] | None, audited: tuple[str, ...], held_out: str | None
) -> None:
    plan = planned(AuditSpec.model_validate({"splits": asked}), samples=samples)
    assert (plan.splits, plan.accuracy_split) == (audited, held_out)


@pytest.mark.parametrize(("side", "resolution"), [(1, 8), (8, 8), (9, 12), (28, 28), (32, 32), (33, 32), (4000, 32)])
def test_images_are_read_near_their_size_but_no_larger_than_the_network_can_use(side: int, resolution: int) -> None:
    assert planned(median_side=side).resolution == resolution


def test_tiny_images_take_one_thread_and_larger_ones_all() -> None:
    assert [planned(median_side=side).threads for side in (8, 16, 28, 64)] == [1, 1, 2, 2]


def test_small_sets_train_longer_in_smaller_batches_and_fast_is_half() -> None:
    tiny, usual, large = (planned(samples={"": n}) for n in (40, 2_000, 60_000))
    assert tiny.epochs > usual.epochs >= large.epochs
    assert tiny.batch < usual.batch < large.batch
    assert planned(AuditSpec(recipe="fast")).epochs == usual.epochs // 2


def test_nothing_is_mirrored_because_a_mirrored_digit_is_another_sign() -> None:
    assert not planned(grey=False, median_side=32).flip


@pytest.mark.parametrize(
    ("facts", "spec", "code"),
    [
        ({"classes": 1}, None, "single-class"),
        ({"classes": 0}, None, "single-class"),
        ({"samples": {}}, None, "no-samples"),
        ({"samples": {"train": 0}}, None, "no-samples"),
        ({"samples": {"train": 9}}, AuditSpec(splits=("test",)), "no-samples"),
        ({"samples": {"": 9}}, AuditSpec(splits=("train",)), "no-samples"),
    ],
)
def test_what_cannot_be_audited_is_said(facts: dict[str, object], spec: AuditSpec | None, code: str) -> None:
    with pytest.raises(Problem) as said:
        planned(spec, **facts)
    assert said.value.code == code
