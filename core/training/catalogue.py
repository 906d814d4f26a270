"""The networks that can be asked for, with what they can read and what they cost; importable without torch."""

from __future__ import annotations

from dataclasses import dataclass, replace
from difflib import get_close_matches

from core.errors import Problem, shown
from core.spec import Optimizer

ROUGH = 0.1  # peak of the learning rate for networks that normalise batches
CAREFUL = 0.01  # for those that do not
TRAINED = 3  # multiplications of a step of training, in those of looking at the image once: forward and twice back


@dataclass(frozen=True)
class Kind:
    """What there is to know of a network before it is built."""

    smallest: int  # side it can read at all
    native: int  # side it was designed for, and its published weights were trained at
    largest: int  # side beyond which it cannot read, or gains nothing
    mmac: float  # millions of multiplications for an image of the native side, as budgets count them
    learning_rate: float = ROUGH  # peak, from fresh weights
    optimizer: Optimizer = "sgd"
    frozen: bool = False  # only its head learns, so it says nothing without weights to start from
    published: bool = False  # there are weights on the net to start from


TORCHVISION_SIZES = (  # name, smallest and native side, millions of multiplications at the native side
    ("alexnet", 63, 224, 714),
    ("convnext_base", 32, 224, 15355),
    ("convnext_large", 32, 224, 34361),
    ("convnext_small", 32, 224, 8684),
    ("convnext_tiny", 32, 224, 4456),
    ("densenet121", 32, 224, 2834),
    ("densenet161", 32, 224, 7728),
    ("densenet169", 32, 224, 3360),
    ("densenet201", 32, 224, 4291),
    ("efficientnet_b0", 32, 224, 386),
    ("efficientnet_b1", 32, 240, 687),
    ("efficientnet_b2", 32, 288, 1088),
    ("efficientnet_b3", 32, 300, 1827),
    ("efficientnet_b4", 32, 380, 4394),
    ("efficientnet_b5", 32, 456, 10266),
    ("efficientnet_b6", 32, 528, 19068),
    ("efficientnet_b7", 32, 600, 37746),
    ("efficientnet_v2_l", 33, 480, 56080),
    ("efficientnet_v2_m", 33, 480, 24582),
    ("efficientnet_v2_s", 33, 384, 8366),
    ("googlenet", 32, 224, 1498),
    ("inception_v3", 75, 299, 5713),
    ("maxvit_t", 224, 224, 5558),
    ("mnasnet0_5", 32, 224, 104),
    ("mnasnet0_75", 32, 224, 215),
    ("mnasnet1_0", 32, 224, 314),
    ("mnasnet1_3", 32, 224, 526),
    ("mobilenet_v2", 32, 224, 301),
    ("mobilenet_v3_large", 32, 224, 217),
    ("mobilenet_v3_small", 32, 224, 57),
    ("regnet_x_16gf", 32, 224, 15941),
    ("regnet_x_1_6gf", 32, 224, 1603),
    ("regnet_x_32gf", 32, 224, 31736),
    ("regnet_x_3_2gf", 32, 224, 3177),
    ("regnet_x_400mf", 32, 224, 414),
    ("regnet_x_800mf", 32, 224, 800),
    ("regnet_x_8gf", 32, 224, 7995),
    ("regnet_y_128gf", 32, 384, 374570),
    ("regnet_y_16gf", 32, 224, 15912),
    ("regnet_y_1_6gf", 32, 224, 1612),
    ("regnet_y_32gf", 32, 224, 32280),
    ("regnet_y_3_2gf", 32, 224, 3176),
    ("regnet_y_400mf", 32, 224, 402),
    ("regnet_y_800mf", 32, 224, 834),
    ("regnet_y_8gf", 32, 224, 8473),
    ("resnet101", 32, 224, 7801),
    ("resnet152", 32, 224, 11514),
    ("resnet18", 32, 224, 1814),
    ("resnet34", 32, 224, 3664),
    ("resnet50", 32, 224, 4089),
    ("resnext101_32x8d", 32, 224, 16414),
    ("resnext101_64x4d", 32, 224, 15460),
    ("resnext50_32x4d", 32, 224, 4230),
    ("shufflenet_v2_x0_5", 32, 224, 40),
    ("shufflenet_v2_x1_0", 32, 224, 145),
    ("shufflenet_v2_x1_5", 32, 224, 296),
    ("shufflenet_v2_x2_0", 32, 224, 583),
    ("squeezenet1_0", 32, 224, 819),
    ("squeezenet1_1", 32, 224, 349),
    ("swin_b", 224, 224, 15431),
    ("swin_s", 224, 224, 8741),
    ("swin_t", 224, 224, 4491),
    ("swin_v2_b", 256, 256, 20325),
    ("swin_v2_s", 256, 256, 11546),
    ("swin_v2_t", 256, 256, 5940),
    ("vgg11", 32, 224, 7609),
    ("vgg11_bn", 32, 224, 7609),
    ("vgg13", 32, 224, 11308),
    ("vgg13_bn", 32, 224, 11308),
    ("vgg16", 32, 224, 15470),
    ("vgg16_bn", 32, 224, 15470),
    ("vgg19", 32, 224, 19632),
    ("vgg19_bn", 32, 224, 19632),
    ("vit_b_16", 224, 224, 17564),
    ("vit_b_32", 224, 224, 4409),
    ("vit_h_14", 518, 518, 1016717),
    ("vit_l_16", 224, 224, 61555),
    ("vit_l_32", 224, 224, 15378),
    ("wide_resnet101_2", 32, 224, 22753),
    ("wide_resnet50_2", 32, 224, 11398),
)
# how the names of those begin that normalise batches; so do those that end in _bn
NORMALISED = (
    *("densenet", "googlenet", "inception", "mnasnet", "mobilenet", "regnet", "resn", "shufflenet", "wide_resnet"),
)
ONE_SIDE = ("maxvit_t", "vit_b_16", "vit_b_32", "vit_h_14", "vit_l_16", "vit_l_32")  # positions are learned by heart

TORCHVISION = tuple(name for name, *_ in TORCHVISION_SIZES)
_TORCHVISION = {
    name: Kind(
        smallest,
        native,
        native if name in ONE_SIDE else 2 * native,
        mmac,
        learning_rate=ROUGH if name.startswith(NORMALISED) or name.endswith("_bn") else CAREFUL,
        published=True,
    )
    for name, smallest, native, mmac in TORCHVISION_SIZES
}
OWN = {
    "small": Kind(8, 32, 32, 12.4),
    "fast": Kind(16, 32, 64, 12.2, optimizer="muon"),
    "preact-resnet18": Kind(8, 32, 64, 555.4),
    "vgg19-bn": Kind(32, 32, 128, 398.1, learning_rate=ROUGH / 2),
}
NETWORKS = {
    **OWN,
    **{f"torchvision:{name}": kind for name, kind in _TORCHVISION.items()},
    **{
        f"{head}:{name}": replace(kind, mmac=kind.mmac / TRAINED, learning_rate=ROUGH, frozen=True)  # nothing goes back
        for head in ("frozen", "frozen-mlp")
        for name, kind in _TORCHVISION.items()
    },
}
_NAMES = tuple((name.removeprefix("torchvision:"), name) for name in NETWORKS)  # as people write them


def check(name: str) -> Kind:
    """The network of that name, or the problem that there is none, with the names that come closest."""
    if name in NETWORKS:
        return NETWORKS[name]
    called = {bare if ":" not in name else full: full for bare, full in reversed(_NAMES)}
    near = [called[close] for close in get_close_matches(name, called, n=3, cutoff=0.5)]
    choose = f"did you mean {' or '.join(near)}?" if near else f"choose {', '.join(OWN)} or torchvision:<name>."
    raise Problem("unknown-network", f"There is no network named {shown(name)}: {choose}", near=near)


def check_start(name: str, weights: str) -> None:
    """Refuse weights that the network of that name cannot start from, as far as its name tells."""
    kind = check(name)
    if weights == "none" and kind.frozen:
        only = "learns nothing but its head"
        raise Problem("weights-needed", f"{name} {only}: start it from `default` weights, or from a file.")
    if weights == "default" and not kind.published:
        raise Problem("weights-unavailable", f"No weights are published for {name}: choose `none`, or name a file.")


def cost(name: str, side: int) -> float:
    """Millions of multiplications for an image of that side: they grow with its pixels."""
    kind = check(name)
    return kind.mmac * (side / kind.native) ** 2
