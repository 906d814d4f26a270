"""Processes that train together, started once and asked for one thing after the other."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import torch

from core.training.company import join
from tests.unit.training.make import CPU

PATIENCE_S = 120

Ask = Callable[..., list[Any]]


@contextmanager
def companions(size: int, folder: Path) -> Iterator[Ask]:
    """Ask them all for `work(company, *arguments)`; the answers in the order of their ranks."""
    context = multiprocessing.get_context("spawn")
    pipes = [context.Pipe() for _ in range(size)]
    processes = [
        context.Process(target=_serve, args=(theirs, rank, size, str(folder / "store")), daemon=True)
        for rank, (_, theirs) in enumerate(pipes)
    ]
    for process in processes:
        process.start()

    def ask(work: Callable[..., Any], *arguments: Any) -> list[Any]:
        for ours, _ in pipes:
            ours.send((work, arguments))
        answers = []
        for ours, _ in pipes:
            assert ours.poll(PATIENCE_S), "a process does not answer"
            answers.append(ours.recv())
        failed = next((answer for answer in answers if isinstance(answer, BaseException)), None)
        if failed is not None:
            raise failed
        return answers

    try:
        yield ask
    finally:
        for ours, _ in pipes:
            ours.close()
        for process in processes:
            process.join(10)
            process.kill()


def _serve(pipe: Connection, rank: int, size: int, store: str) -> None:
    torch.set_num_threads(1)
    company = join(rank, size, CPU, Path(store))
    while True:
        try:
            work, arguments = pipe.recv()
        except EOFError:
            return
        try:
            pipe.send(work(company, *arguments))
        except Exception as error:
            pipe.send(error)
