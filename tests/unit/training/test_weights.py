"""What a network can start from: nothing, published weights, a file; and what it refuses."""

from __future__ import annotations

import hashlib
import http.server
import os
import pickle
import shutil
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor
from torchvision import models

from core.errors import Problem
from core.training.loop import Run
from core.training.model import model_files
from core.training.networks import Network, build
from core.training.weights import fill, read
from tests.unit.training.make import CLASSES, CPU, data, finished, plan

LIGHT = "shufflenet_v2_x0_5"


def started(name: str, weights: str, folder: Path, *, classes: int = 3, channels: int = 3) -> Network:
    network = build(name, classes, channels)
    state = read(name, weights, folder)
    assert state is not None
    fill(network, name, state, weights)
    return network


def refusal(name: str, weights: str, folder: Path) -> Problem:
    with pytest.raises(Problem) as refused:
        started(name, weights, folder)
    return refused.value


def keep(state: dict[str, Tensor], file: Path) -> Path:
    """Write weights as somebody's file; its name says how."""
    if file.suffix == ".safetensors":
        save_file({name: tensor.contiguous() for name, tensor in state.items()}, file)
    else:
        torch.save(state, file)
    return file


@pytest.fixture(scope="session")
def theirs() -> dict[str, Tensor]:
    """Weights as torchvision has them, with a classifier of a thousand classes."""
    torch.manual_seed(3)
    network = getattr(models, LIGHT)()
    return {name: torch.rand_like(x) if x.is_floating_point() else x for name, x in network.state_dict().items()}


def test_nothing_is_read_for_a_network_that_starts_from_nothing(tmp_path: Path) -> None:
    assert read("small", "none", tmp_path / "nowhere") is None


@pytest.mark.parametrize("source", ["torchvision", "frozen"])
@pytest.mark.parametrize("file", ["mine.safetensors", "mine.pth", "mine.pt"])
def test_a_file_fills_all_but_the_classifier(tmp_path: Path, theirs: dict[str, Tensor], source: str, file: str) -> None:
    keep(theirs, tmp_path / file)
    name = f"{source}:{LIGHT}"
    network, before = build(name, 3, 3), build(name, 3, 3)
    before.load_state_dict(network.state_dict())
    state = read(name, file, tmp_path)
    assert state is not None
    fill(network, name, state, file)
    for key, tensor in network.state_dict().items():
        expected = theirs.get(key.removeprefix("backbone."), before.state_dict()[key])
        assert torch.equal(tensor, expected), key
    assert torch.equal(network.classifier.weight, before.classifier.weight)


@pytest.mark.parametrize("name", ["small", "fast", "preact-resnet18"])
def test_a_network_of_ours_starts_from_a_file_of_another_one(tmp_path: Path, name: str) -> None:
    theirs = build(name, 10, 3).state_dict()
    keep(theirs, tmp_path / "ten.safetensors")
    for key, tensor in started(name, "ten.safetensors", tmp_path).state_dict().items():
        assert torch.equal(tensor, theirs[key]) == (key != "classifier.weight"), key


def test_our_vgg_starts_from_torchvisions(tmp_path: Path) -> None:
    with torch.device("meta"):
        shapes = {name: tensor.shape for name, tensor in models.vgg19_bn().state_dict().items()}
    state = {name: torch.rand(shape) for name, shape in shapes.items() if name.startswith("features.") and shape}
    keep({**state, "classifier.6.weight": torch.rand(1000, 4)}, tmp_path / "vgg19_bn.safetensors")
    network = started("vgg19-bn", "vgg19_bn.safetensors", tmp_path).state_dict()
    assert all(torch.equal(network[name], tensor) for name, tensor in state.items())


@pytest.mark.parametrize("network", ["small", "fast", f"torchvision:{LIGHT}"])
def test_a_model_that_was_trained_here_can_start_another(tmp_path: Path, network: str) -> None:
    asked = plan(network=network, resolution=8 if network == "small" else 16, epochs=2)
    side = asked.resolution // 8
    made = data(32, test=0)
    large = type(made)(made.images.repeat(side, 1).repeat(side, 2), made.labels, made.classes)
    first = Run(large, asked, CPU)
    finished(first)
    (tmp_path / "first.safetensors").write_bytes(model_files(first.result(), asked, CLASSES)[0].content)

    again = asked.model_copy(update={"weights": "first.safetensors", "seed": 8})
    second = Run(large, again, CPU, start=read(network, "first.safetensors", tmp_path))
    ours, theirs = second.network.state_dict(), first.network.state_dict()
    assert all(torch.equal(ours[key], theirs[key]) == (key != "classifier.weight") for key in theirs)
    next(iter(second))
    resumed = Run(large, again, CPU, resume=second.checkpoint())
    for key, tensor in second.network.state_dict().items():
        assert torch.equal(tensor, resumed.network.state_dict()[key])


def test_a_trained_torchvision_model_lends_its_body_to_a_frozen_one(tmp_path: Path) -> None:
    trained = build(f"torchvision:{LIGHT}", 10, 3)
    keep(trained.state_dict(), tmp_path / "mine.safetensors")
    frozen = started(f"frozen:{LIGHT}", "mine.safetensors", tmp_path)
    x = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        assert torch.equal(frozen.eval()(x)[1], trained.eval()(x)[1])


class Opens:
    """A pickle that makes a file when it is read."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> tuple[Callable[..., object], tuple[str]]:
        return os.mkdir, (str(self.file),)


def test_a_pickle_with_code_is_refused_and_not_run(tmp_path: Path) -> None:
    torch.save({"stem.weight": Opens(tmp_path / "opened")}, tmp_path / "mine.pth")
    (tmp_path / "plain.pt").write_bytes(pickle.dumps(Opens(tmp_path / "opened"), protocol=2))
    for file in ("mine.pth", "plain.pt"):
        assert refusal("small", file, tmp_path).code == "weights-unreadable"
    assert not (tmp_path / "opened").exists()


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
@pytest.mark.parametrize("damage", ["empty", "cut", "noise", "an empty archive"])
def test_a_damaged_file_is_refused_by_its_name(tmp_path: Path, suffix: str, damage: str) -> None:
    file = keep(build("small", 3, 3).state_dict(), tmp_path / f"mine{suffix}")
    whole = file.read_bytes()
    file.write_bytes(
        {"empty": b"", "cut": whole[: len(whole) // 2], "noise": bytes(range(256)) * 20}.get(damage, b"PK\x05\x06")
    )
    problem = refusal("small", file.name, tmp_path)
    assert problem.code == "weights-unreadable"
    assert file.name in problem.detail
    assert str(tmp_path) not in problem.detail


@pytest.mark.parametrize("content", [[torch.zeros(2)], {"model": {"stem.weight": torch.zeros(2)}, "epoch": 3}])
def test_a_file_with_more_than_weights_by_name_says_what_to_save(tmp_path: Path, content: object) -> None:
    torch.save(content, tmp_path / "mine.pth")
    problem = refusal("small", "mine.pth", tmp_path)
    assert problem.code == "weights-unreadable"
    assert "state_dict" in problem.detail


def test_other_kinds_of_files_and_other_folders_are_not_read(tmp_path: Path) -> None:
    (tmp_path / "mine.bin").write_bytes(b"")
    assert refusal("small", "mine.bin", tmp_path).code == "weights-unreadable"
    (tmp_path / "within").mkdir()
    for name in ("nothing.pth", "within", "../mine.bin", "within/../mine.bin"):
        assert refusal("small", name, tmp_path).code == "weights-unavailable"


@pytest.mark.parametrize("name", ["small", f"torchvision:{LIGHT}", f"frozen:{LIGHT}"])
def test_weights_of_another_network_are_refused_with_the_layers_that_tell(tmp_path: Path, name: str) -> None:
    own = {key: x for key, x in build(name, 3, 3).state_dict().items() if key not in ("classifier.weight", "scale")}
    floats = [key for key, x in own.items() if x.ndim == 4]

    def told(state: dict[str, Tensor]) -> Problem:
        keep(state, tmp_path / "mine.safetensors")
        problem = refusal(name, "mine.safetensors", tmp_path)
        assert problem.code == "weights-mismatch"
        return problem

    first = floats[0].removeprefix("backbone.")
    assert f"lack layers of {name}: {first};" in told({key: x for key, x in own.items() if key != floats[0]}).detail
    assert f"have another shape in {name}: {first};" in told({**own, floats[0]: torch.zeros(1, 2, 3)}).detail
    prefix = floats[0].removesuffix(first)
    assert f"hold layers that are not in {name}: extra;" in told({**own, f"{prefix}extra": torch.zeros(1)}).detail
    other = told(build("fast" if name == "small" else "torchvision:squeezenet1_1", 3, 3).state_dict())
    assert "more;" in other.detail and len(other.detail) < 500


def test_weights_for_images_in_colour_do_not_fit_a_network_for_grey_ones(tmp_path: Path) -> None:
    keep(build("small", 3, 3).state_dict(), tmp_path / "colour.safetensors")
    state = read("small", "colour.safetensors", tmp_path)
    assert state is not None
    with pytest.raises(Problem, match=r"have another shape in small: stem\.weight"):
        fill(build("small", 3, 1), "small", state, "colour.safetensors")


# What torchvision publishes: its own loader, from a server of our own.


@pytest.fixture
def published(
    tmp_path: Path, theirs: dict[str, Tensor], monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Path, list[str]]]:
    """The file that a small server publishes for LIGHT, and the paths that it was asked for."""
    (tmp_path / "server").mkdir()
    file = keep(theirs, tmp_path / "server" / "light.pth")
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    file = file.rename(file.with_name(f"light-{digest[:8]}.pth"))
    asked: list[str] = []

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            asked.append(self.path)

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(file.parent))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        weights = models.get_model_weights(LIGHT).DEFAULT
        monkeypatch.setattr(weights.value, "url", f"http://127.0.0.1:{server.server_port}/{file.name}")
        yield file, asked
        server.shutdown()


def body(network: Network) -> dict[str, Tensor]:
    prefix = "backbone."
    return {key.removeprefix(prefix): x for key, x in network.state_dict().items() if key.startswith(prefix)}


def test_published_weights_are_fetched_once_into_the_folder(
    tmp_path: Path, theirs: dict[str, Tensor], published: tuple[Path, list[str]]
) -> None:
    file, asked = published
    folder = tmp_path / "weights"  # made when it is needed
    for name in (f"torchvision:{LIGHT}", f"frozen:{LIGHT}"):
        network = body(started(name, "default", folder))
        assert all(torch.equal(tensor, theirs[key]) for key, tensor in network.items())
    assert [path.name for path in folder.iterdir()] == [file.name]
    assert len(asked) == 1


def test_published_weights_that_lie_in_the_folder_are_not_fetched(
    tmp_path: Path, published: tuple[Path, list[str]]
) -> None:
    file, asked = published
    shutil.copy(file, tmp_path)
    started(f"torchvision:{LIGHT}", "default", tmp_path)
    assert asked == []
    (tmp_path / file.name).write_bytes(b"")
    assert refusal(f"torchvision:{LIGHT}", "default", tmp_path).code == "weights-unreadable"


@pytest.mark.parametrize("fault", ["other bytes", "gone", "no server"])
def test_weights_that_cannot_be_fetched_say_which_file_to_put_where(
    tmp_path: Path, published: tuple[Path, list[str]], fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, _ = published
    if fault == "other bytes":
        file.write_bytes(file.read_bytes() + b"!")
    elif fault == "gone":
        file.unlink()
    else:
        weights = models.get_model_weights(LIGHT).DEFAULT
        monkeypatch.setattr(weights.value, "url", f"http://127.0.0.1:9/{file.name}")
    problem = refusal(f"torchvision:{LIGHT}", "default", tmp_path / "weights")
    assert (problem.code, problem.retryable) == ("weights-unavailable", True)
    assert file.name in problem.detail
    assert list((tmp_path / "weights").iterdir()) == []


def test_a_server_that_falls_silent_is_not_waited_for(
    tmp_path: Path, published: tuple[Path, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.training.weights.STALLED_S", 0.2)
    with http.server.socketserver.TCPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler) as mute:
        weights = models.get_model_weights(LIGHT).DEFAULT
        monkeypatch.setattr(weights.value, "url", f"http://127.0.0.1:{mute.server_address[1]}/{published[0].name}")
        assert refusal(f"torchvision:{LIGHT}", "default", tmp_path / "weights").retryable
