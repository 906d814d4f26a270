from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn.functional import avg_pool2d, unfold
from torch.utils.flop_counter import FlopCounterMode
from torchvision import models

from core.errors import Problem
from core.training.catalogue import NETWORKS, OWN
from core.training.networks import build
from core.training.networks.backbone import LENGTH, FrozenNet, TorchvisionNet
from core.training.networks.fast import PATCH, WhitenedNet

LIGHT = (  # one of every family that has a way of its own to end, and can be built in a moment
    *("densenet121", "efficientnet_b0", "mnasnet0_5", "mobilenet_v2", "mobilenet_v3_small", "regnet_x_400mf"),
    *("resnet18", "shufflenet_v2_x0_5", "squeezenet1_1"),
)


@pytest.mark.parametrize("name", OWN)
@pytest.mark.parametrize("channels", [1, 3])
def test_logits_are_what_a_bias_free_classifier_reads_from_the_features(name: str, channels: int) -> None:
    network = build(name, 5, channels).eval()
    side = NETWORKS[name].smallest
    with torch.no_grad():
        logits, features = network(torch.randn(2, channels, side, side))
    assert network.classifier.bias is None
    assert logits.shape == (2, 5)
    assert network.classifier.weight.shape == (5, features.shape[1])
    assert torch.allclose(logits, features @ network.classifier.weight.T, atol=1e-5)


@pytest.mark.parametrize("name", OWN)
def test_the_catalogue_knows_what_a_network_costs(name: str) -> None:
    kind = NETWORKS[name]
    with torch.device("meta"), FlopCounterMode(display=False) as counted:
        build(name, 10, 3).eval()(torch.empty(1, 3, kind.native, kind.native))
    assert counted.get_total_flops() / 2e6 == pytest.approx(kind.mmac, rel=0.01)


def test_the_small_network_is_small() -> None:
    assert 70_000 < sum(parameter.numel() for parameter in build("small", 10, 3).parameters()) < 90_000


def test_preact_resnet18_has_the_published_number_of_parameters() -> None:
    stem_norm, bias = 2 * 64, 10  # the published code has both; ours leaves the bias of the classifier out
    parameters = sum(parameter.numel() for parameter in build("preact-resnet18", 10, 3).parameters())
    assert parameters == 11_171_146 + stem_norm - bias


def test_vgg19_takes_the_layers_of_torchvisions() -> None:
    with torch.device("meta"):
        ours, theirs = build("vgg19-bn", 10, 3).state_dict(), models.vgg19_bn().state_dict()
    assert {name: tensor.shape for name, tensor in ours.items() if name.startswith("features.")} == {
        name: tensor.shape for name, tensor in theirs.items() if name.startswith("features.")
    }


@pytest.mark.parametrize("model", LIGHT)
def test_a_model_of_torchvision_gets_a_bias_free_classifier(model: str) -> None:
    network = build(f"torchvision:{model}", 4, 3).eval()
    with torch.no_grad():
        logits, features = network(torch.randn(2, 3, 32, 32))
    assert network.classifier.weight.shape == (4, features.shape[1])
    assert torch.allclose(logits, features @ network.classifier.weight.T, atol=1e-5)
    assert all(layer.weight.shape[0] != 1000 for layer in network.modules() if isinstance(layer, nn.Linear))


def test_a_model_of_torchvision_computes_what_torchvisions_own_does() -> None:
    network = build("torchvision:resnet18", 1000, 3).eval()
    assert isinstance(network, TorchvisionNet)
    theirs = models.resnet18().eval()
    theirs.load_state_dict(
        network.backbone.state_dict() | {"fc.weight": network.classifier.weight, "fc.bias": torch.zeros(1000)}
    )
    x = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        assert torch.allclose(network(x)[0], theirs(x), atol=1e-5)


def test_the_auxiliary_heads_of_googlenet_are_off() -> None:
    network = build("torchvision:googlenet", 4, 3)
    assert not [name for name in network.state_dict() if "aux" in name]
    assert network(torch.randn(2, 3, 32, 32))[0].shape == (2, 4)


def test_grey_images_are_read_as_rgb() -> None:
    torch.manual_seed(0)
    grey = build("torchvision:resnet18", 3, 1).eval()
    rgb = build("torchvision:resnet18", 3, 3).eval()
    rgb.load_state_dict(grey.state_dict())
    x = torch.randn(2, 1, 32, 32)
    with torch.no_grad():
        assert torch.equal(grey(x)[0], rgb(x.repeat(1, 3, 1, 1))[0])


def test_nothing_is_dropped_at_random_in_training() -> None:
    network = build("torchvision:efficientnet_b0", 3, 3).train()
    x = torch.randn(4, 3, 32, 32)
    with torch.no_grad():
        assert torch.equal(network(x)[0], network(x)[0])


def test_weights_without_versions_fit_where_torchvision_asks_for_them() -> None:
    network = build("torchvision:mnasnet0_5", 3, 3)
    build("torchvision:mnasnet0_5", 3, 3).load_state_dict(dict(network.state_dict()))


def test_below_a_frozen_networks_classifier_nothing_changes_in_training() -> None:
    network = build("frozen:resnet18", 3, 3).train()
    assert isinstance(network, FrozenNet)
    assert network.training
    assert not network.backbone.training
    before = {name: tensor.clone() for name, tensor in network.backbone.state_dict().items()}
    optimizer = torch.optim.SGD((p for p in network.parameters() if p.requires_grad), 0.1)
    logits, features = network(torch.randn(4, 3, 32, 32))
    logits.square().mean().backward()
    head = network.classifier.weight.detach().clone()
    optimizer.step()
    assert not features.requires_grad
    assert not torch.equal(head, network.classifier.weight)
    assert all(torch.equal(before[name], tensor) for name, tensor in network.backbone.state_dict().items())
    assert [name for name, p in network.named_parameters() if p.requires_grad] == ["classifier.weight"]


@pytest.mark.parametrize("channels", [1, 3])
def test_the_stem_of_the_fast_network_decorrelates_the_patches_that_it_saw(channels: int) -> None:
    torch.manual_seed(0)
    smooth = avg_pool2d(torch.randn(400, channels, 34, 34), 3, 1)  # neighbours are alike, as in pictures
    network = build("fast", 5, channels)
    assert isinstance(network, WhitenedNet)
    network.whiten(smooth)
    assert not network.stem.weight.requires_grad
    patches = unfold(smooth, PATCH, stride=PATCH).transpose(1, 2).flatten(0, 1)
    seen = (patches - patches.mean(0)) @ network.stem.weight.flatten(1).T
    spread = seen.T @ seen / len(seen)
    assert torch.allclose(spread, spread.diag().diag(), atol=1e-3)
    assert (spread.diag() <= 1.001).all() and spread.diag().max() > 0.95
    assert (spread.diag().diff() < 1e-3).all()  # the leading directions first


def test_whitening_is_the_same_every_time_and_bears_images_without_contrast() -> None:
    one, two = build("fast", 5, 3), build("fast", 5, 3)
    assert isinstance(one, WhitenedNet) and isinstance(two, WhitenedNet)
    x = torch.randn(50, 3, 16, 16)
    one.whiten(x)
    two.whiten(x)
    assert torch.equal(one.stem.weight, two.stem.weight)
    one.whiten(torch.zeros(50, 3, 16, 16))
    assert torch.isfinite(one.stem.weight).all()
    assert torch.isfinite(one(x)[0]).all()


def test_a_frozen_network_brings_its_features_to_one_spread_and_a_length() -> None:
    network = build("frozen:squeezenet1_1", 3, 3)
    assert isinstance(network, FrozenNet)
    raw = torch.randn(300, 512) * torch.logspace(-2, 3, 512)
    raw[:, 7] = 5.0  # says nothing of any image
    network.prepare(raw)
    features = network(raw)[1]
    spread = features.std(0)
    others = torch.cat([spread[:7], spread[8:]])
    torch.testing.assert_close(others, others.mean().expand(511))
    assert features.square().sum(1).mean().sqrt() == pytest.approx(LENGTH, rel=1e-4)


def test_a_frozen_network_takes_features_in_the_place_of_images() -> None:
    network = build("frozen:squeezenet1_1", 3, 3)
    assert isinstance(network, FrozenNet)
    x = torch.randn(4, 3, 32, 32)
    with torch.no_grad():
        assert torch.equal(network(network.raw(x))[0], network(x)[0])


def test_an_unknown_network_is_not_built() -> None:
    with pytest.raises(Problem) as caught:
        build("torchvision:resnet19", 3, 3)
    assert caught.value.code == "unknown-network"
