from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import Problem
from core.spec import AuditSpec, DatasetFacts, Pace, Plan, RecipeName
from core.training.budget import FEWEST_EPOCHS, duration_s, seconds
from core.training.catalogue import CAREFUL, NETWORKS, cost
from core.training.plan import LONGEST, STEPS, resolve


def planned(spec: AuditSpec | None = None, *, device: str = "cpu", **facts: object) -> Plan:
    known: dict[str, object] = {"samples": {"": 1797}, "classes": 10, "median_side": 8, "grey": True}
    return resolve(spec or AuditSpec(), DatasetFacts.model_validate(known | facts), device, 2)


def test_a_plan_is_made_without_torch() -> None:
    code = "import sys, core.training.plan; sys.exit('torch' in sys.modules or 'sklearn' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_nothing_asked_gives_a_whole_plan_with_reasons() -> None:
    plan = planned()
    assert (plan.method, plan.weigher, plan.network, plan.seed) == ("fce", "none", "small", 0)
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


def test_small_sets_train_longer_in_smaller_batches() -> None:
    tiny, usual, large = (planned(samples={"": n}) for n in (40, 2_000, 60_000))
    assert tiny.epochs > usual.epochs >= large.epochs
    assert tiny.batch < usual.batch < large.batch


def test_fast_is_the_default_of_a_cpu_and_thorough_is_a_bigger_network_for_longer() -> None:
    usual, fast, thorough = (planned(AuditSpec(recipe=name)) for name in ("auto", "fast", "thorough"))
    assert fast.model_copy(update={"recipe": "auto"}) == usual
    assert 3 * usual.epochs <= thorough.epochs <= 4 * usual.epochs
    assert cost(thorough.network, 32) > cost(usual.network, 32)
    on_gpu = planned(device="cuda")
    assert cost(on_gpu.network, 32) > cost(usual.network, 32)


@pytest.mark.parametrize(("classes", "warmup"), [(10, 10), (20, 10), (21, 30), (100, 30)])
def test_the_paper_is_followed_to_the_letter(classes: int, warmup: int) -> None:
    facts = {"samples": {"train": 50_000, "test": 10_000}, "classes": classes, "median_side": 32, "grey": False}
    plan = planned(AuditSpec(recipe="paper"), **facts)
    published: dict[str, object] = {
        "method": "cce",
        "network": "preact-resnet18", "resolution": 32, "epochs": 250, "batch": 128, "optimizer": "sgd",
        "learning_rate": 0.02, "schedule": "steps", "milestones": (125, 200), "momentum": 0.9, "nesterov": False,
        "weight_decay": 5e-4, "pad": 4, "flip": True, "weigher": "hmw", "weight_scale": "published",
        "annealing": "published", "alpha": 100.0, "beta": 100.0, "k": 1, "warmup_epochs": warmup,
        "logit_normalisation": True, "entropy_penalty": 0.0,
    }  # fmt: skip
    assert {name: getattr(plan, name) for name in published} == published


def test_the_papers_schedule_is_stretched_over_the_epochs_that_are_asked_for() -> None:
    plan = planned(AuditSpec(recipe="paper", epochs=20), median_side=8)
    assert (plan.milestones, plan.warmup_epochs, plan.resolution) == ((10, 16), 5, 32)


@pytest.mark.parametrize("recipe", ["auto", "paper"])
@pytest.mark.parametrize("asked", [True, False])
def test_logits_are_normalised_when_asked(recipe: RecipeName, asked: bool) -> None:
    assert planned(AuditSpec(recipe=recipe, logit_normalisation=asked)).logit_normalisation == asked


def test_each_version_of_a_dataset_is_trained_on_from_another_seed() -> None:
    assert [planned(version=version).seed for version in (1, 2, 3)] == [0, 1, 2]
    assert planned(AuditSpec(seed=0), version=3).seed == 0
    told = [[reason for reason in planned(version=version).reasons if "seed" in reason] for version in (1, 3)]
    assert told[0] == [] and "seed 2" in told[1][0]


def test_precision_is_what_the_device_has() -> None:
    facts = DatasetFacts(samples={"": 99}, classes=3, median_side=8, grey=True)
    assert [resolve(AuditSpec(), facts, "cpu", 2, bf16=bf16).precision for bf16 in (False, True)] == ["float32", "bf16"]


def test_images_are_mirrored_only_when_the_network_shows_that_it_is_harmless() -> None:
    assert planned(grey=False, median_side=32).flip == "auto"


@pytest.mark.parametrize(
    ("facts", "spec", "code"),
    [
        ({"classes": 1}, None, "single-class"),
        ({"classes": 0}, None, "single-class"),
        ({"samples": {}}, None, "no-samples"),
        ({"samples": {"train": 0}}, None, "no-samples"),
        ({"samples": {"train": 9}}, AuditSpec(splits=("test",)), "no-samples"),
        ({"samples": {"": 9}}, AuditSpec(splits=("train",)), "no-samples"),
        ({"samples": {"": 10_000_000}, "classes": 1000}, AuditSpec(method="elr"), "method-too-large"),
    ],
)
def test_what_cannot_be_audited_is_said(facts: dict[str, object], spec: AuditSpec | None, code: str) -> None:
    with pytest.raises(Problem) as said:
        planned(spec, **facts)
    assert said.value.code == code


FACTS = st.builds(
    DatasetFacts,
    samples=st.dictionaries(st.sampled_from(["", "train", "val", "test"]), st.integers(0, 1_000_000)),
    classes=st.integers(0, 1000) | st.just(100_000),
    median_side=st.integers(1, 30_000),
    grey=st.booleans(),
)
SPECS = st.builds(
    AuditSpec,
    recipe=st.sampled_from(["auto", "fast", "thorough", "paper"]),
    weigher=st.sampled_from([None, "none", "hmw"]),
    epochs=st.none() | st.integers(2, 2000),
    budget_s=st.none() | st.integers(5, 30 * 86_400),
    network=st.sampled_from([None, "small", "torchvision:resnet50"]),
)
PACES = st.none() | st.builds(
    Pace,
    network=st.sampled_from(["small", "torchvision:resnet50"]),
    resolution=st.sampled_from([8, 32, 224]),
    seconds=st.floats(1e-7, 10),
)


@given(SPECS, FACTS, st.sampled_from(["cpu", "cuda"]), PACES)
def test_every_dataset_has_a_sane_plan_or_a_reason_why_not(
    spec: AuditSpec, facts: DatasetFacts, device: str, pace: Pace | None
) -> None:
    try:
        plan = resolve(spec, facts, device, 2, pace=pace)
    except Problem as refused:
        assert refused.code in {"no-samples", "single-class"}
        return
    samples = sum(facts.samples.get(split, 0) for split in plan.splits)
    assert samples > 0
    assert 8 <= plan.resolution <= 224
    assert 1 <= plan.pad <= plan.resolution // 8 or plan.resolution == 8
    assert 8 <= plan.batch <= 128
    assert 1 <= plan.warmup_epochs < plan.epochs
    assert 0 < plan.learning_rate <= 0.1
    assert list(plan.milestones) == sorted(plan.milestones)
    assert all(0 < milestone <= plan.epochs for milestone in plan.milestones)
    assert plan.reasons and all(reason.endswith(".") for reason in plan.reasons)
    if spec.epochs is not None:
        assert plan.epochs == spec.epochs
    elif spec.recipe == "paper":
        assert plan.epochs <= 250
    else:
        assert FEWEST_EPOCHS <= plan.epochs <= 3.5 * LONGEST
        an_epoch = samples / plan.batch
        assert plan.epochs * an_epoch <= 3.6 * max(STEPS + an_epoch, 30 * an_epoch)


SIGNS = DatasetFacts(samples={"train": 40_000, "test": 10_000}, classes=10, median_side=32, grey=False)


@given(
    spec=st.builds(
        AuditSpec,
        recipe=st.sampled_from(["auto", "fast", "thorough", "paper"]),
        budget_s=st.integers(5, 10_000_000 // 4),
        network=st.sampled_from([None, "small"]),
    ),
    pace=st.builds(Pace, network=st.just("small"), resolution=st.just(32), seconds=st.floats(1e-6, 0.1)),
    device=st.sampled_from(["cpu", "cuda"]),
)
def test_a_budget_is_kept_or_its_breach_is_said(spec: AuditSpec, pace: Pace, device: str) -> None:
    plan = resolve(spec, SIGNS, device, 2, pace=pace)
    assert spec.budget_s is not None
    said = any("are too few" in reason for reason in plan.reasons)
    assert (duration_s(plan, SIGNS, pace) > spec.budget_s) == said
    assert plan.epochs >= FEWEST_EPOCHS
    if said:
        assert plan.epochs == FEWEST_EPOCHS


def test_more_time_never_gives_less_training() -> None:
    pace = Pace(network="small", resolution=32, seconds=1 / 4000)
    plans = [resolve(AuditSpec(budget_s=s), SIGNS, "cpu", 2, pace=pace) for s in (10, 30, 60, 100, 300, 10_000, 99_999)]
    costs = [duration_s(plan, SIGNS, pace) for plan in plans]
    assert costs == sorted(costs)
    assert plans[0].resolution < 32 == plans[-1].resolution
    assert cost(plans[-1].network, 32) > cost("small", 32)


def test_a_budget_without_a_measured_pace_is_decided_when_the_audit_starts() -> None:
    plan = resolve(AuditSpec(budget_s=60), SIGNS, "cpu", 2)
    assert plan.epochs == planned(AuditSpec(), samples=SIGNS.samples, median_side=32).epochs
    assert any("measurement" in reason for reason in plan.reasons)


def test_a_network_that_was_not_measured_is_taken_to_be_as_slow_as_it_multiplies() -> None:
    pace = Pace(network="small", resolution=32, seconds=0.001)
    assert seconds(pace, "small", 32) == pytest.approx(0.001)
    assert seconds(pace, "small", 16) == pytest.approx(0.00025)
    assert seconds(pace, "preact-resnet18", 32) > 0.02


def test_fewer_processes_take_as_long_as_fewer_do_and_more_are_not_taken_to_be_faster() -> None:
    pace = Pace(network="small", resolution=32, seconds=0.001, processes=2)
    assert [seconds(pace, "small", 32, processes) for processes in (1, 2, 4)] == [0.002, 0.001, 0.001]
    facts = DatasetFacts(samples={"": 50_000}, classes=10, median_side=32, grey=False)
    one, two = (resolve(AuditSpec(), facts, "cuda", 8, processes=count) for count in (1, 2))
    assert duration_s(one, facts, pace) > 1.5 * duration_s(two, facts, pace)


@pytest.mark.parametrize(
    ("samples", "processes", "each", "granted"),
    [(50_000, 8, 64, 2), (50_000, 1, 64, 1), (1000, 8, 64, 1), (50_000, 8, 4, 8), (20, 8, 4, 2), (6, 8, 4, 1)],
)
def test_each_process_has_enough_of_a_batch(samples: int, processes: int, each: int, granted: int) -> None:
    facts = DatasetFacts(samples={"": samples}, classes=10, median_side=32, grey=False)
    plan = resolve(AuditSpec(), facts, "cuda", 8, processes=processes, each=each)
    assert plan.processes == granted
    told = [reason for reason in plan.reasons if "processes train together" in reason]
    assert len(told) == (granted > 1)


def test_a_network_is_asked_for_by_its_name() -> None:
    with pytest.raises(Problem) as refused:
        planned(AuditSpec(network="resnet81"))
    assert refused.value.code == "unknown-network"


@pytest.mark.parametrize(
    ("network", "weights", "side", "resolution", "learning_rate", "starts_from"),
    [
        ("torchvision:resnet18", None, 40, 40, 0.1, "none"),
        ("torchvision:resnet18", None, 500, 224, 0.1, "none"),
        ("torchvision:resnet18", "default", 40, 224, 0.01, "default"),
        ("torchvision:vit_b_16", None, 40, 224, 0.01, "none"),
        ("torchvision:convnext_tiny", None, 100, 100, 0.01, "none"),
        ("frozen:resnet18", None, 40, 224, 0.1, "default"),
        ("frozen:resnet18", "mine.safetensors", 40, 224, 0.1, "mine.safetensors"),
        ("vgg19-bn", None, 8, 32, 0.05, "none"),
    ],
)
def test_a_network_is_taught_as_it_can_bear(
    network: str, weights: str | None, side: int, resolution: int, learning_rate: float, starts_from: str
) -> None:
    plan = planned(AuditSpec(network=network, weights=weights), median_side=side)
    assert (plan.resolution, plan.learning_rate, plan.weights) == (resolution, learning_rate, starts_from)


@given(st.sampled_from(sorted(NETWORKS)), st.integers(1, 3000), st.none() | st.integers(5, 1000))
def test_every_network_is_given_images_that_it_can_read(network: str, side: int, budget_s: int | None) -> None:
    pace = Pace(network="small", resolution=32, seconds=0.001)
    facts = DatasetFacts(samples={"": 1000}, classes=3, median_side=side, grey=False)
    plan = resolve(AuditSpec(network=network, budget_s=budget_s), facts, "cpu", 2, pace=pace)
    assert NETWORKS[network].smallest <= plan.resolution <= NETWORKS[network].largest


@pytest.mark.parametrize(
    ("spec", "code"),
    [
        ({"network": "frozen:resnet18", "weights": "none"}, "weights-needed"),
        ({"network": "small", "weights": "default"}, "weights-unavailable"),
        ({"weights": "default"}, "network-needed"),
        ({"weights": "mine.safetensors"}, "network-needed"),
    ],
)
def test_weights_that_nothing_can_start_from_are_refused(spec: dict[str, Any], code: str) -> None:
    with pytest.raises(Problem) as refused:
        planned(AuditSpec(**spec))
    assert refused.value.code == code


def test_weights_that_are_good_already_are_changed_with_care() -> None:
    for network in ("fast", "vgg19-bn", "torchvision:resnet18", "torchvision:vit_b_16"):
        assert planned(AuditSpec(network=network, weights="mine.pth")).learning_rate == CAREFUL


@pytest.mark.parametrize("recipe", ["auto", "paper"])
def test_a_frozen_network_sees_every_image_once_as_it_is(recipe: RecipeName) -> None:
    plan = planned(AuditSpec(network="frozen:resnet18", recipe=recipe))
    assert (plan.pad, plan.flip) == (0, False)
    assert any("looks at each of them once" in reason for reason in plan.reasons)


def test_a_frozen_networks_epochs_cost_next_to_nothing() -> None:
    facts = DatasetFacts(samples={"train": 9000, "test": 1000}, classes=10, median_side=64, grey=False)
    pace = Pace(network="frozen:resnet18", resolution=224, seconds=0.02)
    few, many = (resolve(AuditSpec(network="frozen:resnet18", epochs=n), facts, "cpu", 2) for n in (2, 32))
    assert 200 < duration_s(few, facts, pace) < duration_s(many, facts, pace) < 1.5 * duration_s(few, facts, pace)
    asked = resolve(AuditSpec(network="frozen:resnet18", budget_s=400), facts, "cpu", 2, pace=pace)
    assert asked.resolution == 224
    assert any("To look at every image takes about 1.8e+02 s" in reason for reason in asked.reasons)
    asked = resolve(AuditSpec(network="frozen:resnet18", budget_s=150), facts, "cpu", 2, pace=pace)
    assert asked.resolution == 168
