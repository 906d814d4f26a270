from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import threading

import numpy as np
import pytest
from dataset_makers import image, limits
from PIL import Image

from core.datasets.pixels import Renderer, decode
from core.datasets.sandbox import CODE_ROOT
from core.errors import Problem


def test_arrays_come_in_order_whatever_child_made_them() -> None:
    images = [image(size=(4, 4), seed=n) for n in range(150)]
    arrays = list(decode(iter(images), 4, 3, limits(), workers=2))
    assert len(arrays) == 150
    for data, array in zip(images, arrays, strict=True):
        assert np.array_equal(array, np.asarray(Image.open(io.BytesIO(data))))
    assert not list(decode([], 4, 3, limits(), workers=1))


def test_arrays_that_are_larger_than_a_pipe_do_not_lock_up() -> None:
    images = [image("JPEG", size=(200, 200), seed=n) for n in range(12)]
    assert [array.shape for array in decode(images, 256, 1, limits(), workers=2)] == [(256, 256, 1)] * 12


def test_bytes_that_are_no_image_are_a_problem() -> None:
    with pytest.raises(Problem) as caught:
        list(decode([b"no image"], 4, 3, limits(), workers=1))
    assert caught.value.code == "image-format"


def test_a_renderer_outlives_its_children_and_bad_images() -> None:
    renderer = Renderer(limits())
    try:
        first = renderer.render(image(size=(40, 20)), 10)
        assert Image.open(io.BytesIO(first)).size == (10, 5)
        child = renderer._child
        assert child is not None
        with pytest.raises(Problem) as caught:
            renderer.render(b"no image", 10)
        assert caught.value.code == "image-format"
        assert renderer._child is child
        os.kill(child.process.pid, signal.SIGKILL)
        assert renderer.render(image(size=(40, 20)), 10) == first
        assert renderer._child is not child
        assert Image.open(io.BytesIO(renderer.render(image(size=(40, 20))))).size == (40, 20)
    finally:
        renderer.close()


def test_a_renderer_that_takes_too_long_is_ended_with_a_problem() -> None:
    renderer = Renderer(limits(), timeout_seconds=0.05)
    try:
        with pytest.raises(Problem) as caught:
            renderer.render(image(), 10)
        assert caught.value.code == "image-crashed-decoder"
    finally:
        renderer.close()


def test_many_threads_share_one_renderer() -> None:
    renderer = Renderer(limits())
    images = [image(size=(10, 10), seed=n) for n in range(8)]
    results: dict[int, bytes] = {}

    def show(n: int) -> None:
        results[n] = renderer.render(images[n], 10)

    threads = [threading.Thread(target=show, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    try:
        assert all(results[n] == renderer.render(images[n], 10) for n in range(8))
        assert len(set(results.values())) == 8
    finally:
        renderer.close()


def test_the_api_can_import_the_renderer_without_pillow_or_numpy() -> None:
    script = (
        "import sys; import core.datasets.pixels, core.datasets.sniff\n"
        "assert not {'PIL', 'numpy', 'pyarrow', 'torch'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script], cwd=CODE_ROOT, check=True)
