from __future__ import annotations

import re
import subprocess
import sys

import pytest
from torchvision import models

from core.errors import Problem
from core.spec import AuditSpec
from core.training.catalogue import NETWORKS, ONE_SIDE, OWN, TORCHVISION, TORCHVISION_SIZES, check, cost


def test_every_classification_model_of_torchvision_can_be_asked_for() -> None:
    assert list(TORCHVISION) == models.list_models(module=models)
    for name in TORCHVISION:
        assert not check(f"torchvision:{name}").frozen
        assert check(f"frozen:{name}").frozen
        assert check(f"frozen-mlp:{name}") == check(f"frozen:{name}")


@pytest.mark.parametrize(("name", "smallest", "native", "mmac"), TORCHVISION_SIZES)
def test_sizes_and_costs_are_those_of_the_published_weights(name: str, smallest: int, native: int, mmac: int) -> None:
    published = models.get_model_weights(name).DEFAULT
    assert native == published.transforms.keywords["crop_size"]
    assert smallest == (native if name in ONE_SIDE else max(32, *published.meta["min_size"]))
    assert mmac == round(1000 * published.meta["_ops"])


def test_every_name_passes_the_door_of_the_api() -> None:
    for name in NETWORKS:
        assert AuditSpec(network=name).network == name


def test_every_kind_reads_its_native_side() -> None:
    for kind in NETWORKS.values():
        assert 8 <= kind.smallest <= kind.native <= kind.largest
        assert kind.mmac > 0


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [
        ("smal", "small"),
        ("vgg19bn", "vgg19-bn"),
        ("resnet50", "torchvision:resnet50"),
        ("resnet-50", "torchvision:resnet50"),
        ("torchvision:resnet_50", "torchvision:resnet50"),
        ("frozen:resnet_50", "frozen:resnet50"),
    ],
)
def test_a_wrong_name_is_refused_with_the_names_that_come_closest(wrong: str, meant: str) -> None:
    with pytest.raises(Problem, match=re.escape(meant)) as caught:
        check(wrong)
    assert caught.value.code == "unknown-network"
    assert meant in caught.value.extra["near"]


def test_a_name_like_no_other_is_refused_with_what_there_is() -> None:
    with pytest.raises(Problem, match=", ".join(OWN)):
        check("zzzzzzzz")


def test_cost_grows_with_the_pixels() -> None:
    assert cost("small", 32) == 12.4
    assert cost("fast", 16) == pytest.approx(12.2 / 4)
    assert cost("torchvision:resnet18", 448) == pytest.approx(4 * 1814)
    assert cost("frozen:resnet18", 224) == pytest.approx(1814 / 3)


def test_the_catalogue_is_read_without_torch() -> None:
    code = "import sys, core.training.catalogue; print('torch' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "False\n"
