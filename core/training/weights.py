"""Weights for a network to start from: published ones, or a file from the folder of weights.

`read` looks into the folder and, for published weights that are not there, on the net; `fill` only computes.
"""

from __future__ import annotations

import pickle
import re
import socket
import struct
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from core.errors import Problem, shown
from core.training import catalogue
from core.training.networks import Network

FOLDER = "the folder of weights (LABELAUDIT_WEIGHTS_DIR)"
NAMED = 4  # layers that a problem names
STALLED_S = 60.0  # without a byte, after which a download is given up
AUXILIARY = ("aux1.", "aux2.", "AuxLogits.")  # heads of googlenet and inception_v3 that ours are built without
COUNTER = "num_batches_tracked"  # which old files lack, and nothing here reads
OLD_DENSE_LAYER = re.compile(r"(denselayer\d+\.(?:norm|relu|conv))\.([12]\.)")
BROKEN = (  # what readers raise on a broken file
    *(SafetensorError, pickle.UnpicklingError, struct.error, OSError, RuntimeError, ValueError, EOFError),
    *(LookupError, AttributeError, TypeError, HTTPException),
)


def read(name: str, weights: str, folder: Path) -> Mapping[str, Tensor] | None:
    """What the network of that name starts from: nothing, published weights, or those of a file in the folder."""
    if weights == "none":
        return None
    return _published(name, folder) if weights == "default" else _file(folder, weights)


def _published(name: str, folder: Path) -> dict[str, Tensor]:
    """The weights that torchvision publishes, from the folder when somebody put them there."""
    from torchvision.models import get_model_weights  # slow to import, seldom asked for

    published = get_model_weights(name.partition(":")[2]).DEFAULT
    file = Path(urlsplit(published.url).path).name
    if (folder / file).is_file():
        return _read(folder / file)
    try:
        with _impatient():
            state = published.get_state_dict(
                str(folder), progress=False, check_hash=True, weights_only=True, map_location="cpu"
            )
    except BROKEN as error:
        raise Problem(
            "weights-unavailable",
            f"The published weights of {name} could not be fetched: try again, or put the file {file} into {FOLDER}.",
            retryable=True,
            file=file,
        ) from error
    return _checked(state, file)


@contextmanager
def _impatient() -> Iterator[None]:
    """No connection that is opened here waits for ever; torchvision's loader has no word of its own for that."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(STALLED_S)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def _file(folder: Path, file: str) -> dict[str, Tensor]:
    if Path(file).name != file or not (folder / file).is_file():
        raise Problem("weights-unavailable", f"There is no file {shown(file)} in {FOLDER}: put it there.", file=file)
    return _read(folder / file)


def _read(path: Path) -> dict[str, Tensor]:
    """The tensors of a file; nothing in it is ever executed."""
    if path.suffix not in (".safetensors", ".pth", ".pt"):
        raise _unreadable(path.name, "only .safetensors and .pth are read")
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        state = torch.load(path, map_location="cpu", weights_only=True)
    except BROKEN as error:
        raise _unreadable(path.name, "it is damaged, or holds more than weights") from error
    return _checked(state, path.name)


def _checked(state: Any, file: str) -> dict[str, Tensor]:
    if not isinstance(state, dict) or not all(isinstance(tensor, Tensor) for tensor in state.values()):
        raise _unreadable(file, "it holds more than weights by name; save the model's state_dict alone")
    return state


def _unreadable(file: str, why: str) -> Problem:
    return Problem("weights-unreadable", f"The weights in {shown(file)} cannot be read: {why}.", file=file)


def fill(network: Network, name: str, state: Mapping[str, Tensor], whose: str) -> None:
    """Start a network that was built by `name` from what was read of the weights `whose`.

    Its classifier stays as it is, because the classes it was made for are ours. A whitened network is whitened before.
    """
    versions = getattr(state, "_metadata", None)  # of the layers, when the file tells
    body, without = _body(network, name)
    if any(key.startswith("backbone.") for key in state):  # a model that was trained here
        state = {key.removeprefix("backbone."): tensor for key, tensor in state.items() if key.startswith("backbone.")}
    kept: Any = OrderedDict((_present(key), tensor) for key, tensor in state.items() if not key.startswith(without))
    own: Any = body.state_dict()
    kept._metadata = versions or own._metadata

    misfits = [key for key in kept if key in own and kept[key].shape != own[key].shape]
    if misfits:
        raise _mismatch(name, whose, "have another shape in", misfits)
    missing, surprising = body.load_state_dict(kept, strict=False)
    if surprising:
        raise _mismatch(name, whose, "hold layers that are not in", surprising)
    if missing := [key for key in missing if not key.endswith(COUNTER) and not key.startswith(without)]:
        raise _mismatch(name, whose, "lack layers of", missing)


def _body(network: Network, name: str) -> tuple[nn.Module, tuple[str, ...]]:
    """What is to be filled, and how the keys begin that stand for a classifier."""
    if name in catalogue.OWN:
        return network, ("classifier.",)
    from core.training.networks.backbone import TorchvisionNet

    assert isinstance(network, TorchvisionNet)
    return network.backbone, (f"{network.replaced}.", *AUXILIARY)


def _present(key: str) -> str:
    """What a layer of an old file is called today, as torchvision's own loader knows."""
    return OLD_DENSE_LAYER.sub(r"\1\2", key)


def _mismatch(name: str, whose: str, what: str, keys: list[str]) -> Problem:
    few = ", ".join(shown(key, 60) for key in keys[:NAMED])
    more = f" and {len(keys) - NAMED} more" if len(keys) > NAMED else ""
    detail = f"The weights {shown(whose)} {what} {name}: {few}{more}; choose weights made for this network."
    return Problem("weights-mismatch", detail, layers=keys[:NAMED])
