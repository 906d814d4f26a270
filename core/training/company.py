"""Who trains one network together: a process alone, or several, each with a share of the samples.

Alone everything here is what it was given, and nothing is sent. In company the gradients go over a group of their own
on the device; whatever else is said goes beside them, from processor to processor, so that no device is waited for.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from datetime import timedelta
from enum import IntEnum
from pathlib import Path

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch._C._distributed_c10d import FileStore  # torch.distributed has it too, without its types
from torch.distributed.distributed_c10d import ProcessGroup, Store
from torch.nn.parallel import DistributedDataParallel

from core.spec import Precision
from core.training.host import autocast

PATIENCE = timedelta(days=30)  # whether a run hangs is for its lease to say
NO_MEMORY = "out of memory"  # what a process leaves in the store for the others to read


class Word(IntEnum):
    """What the first process has the others do after an event of the run."""

    GO = 0
    SAVE = 1
    STOP = 2


@dataclass(frozen=True)
class Company:
    """The place of a process among those that train together."""

    rank: int = 0
    size: int = 1
    beside: ProcessGroup | None = None  # on the processors
    store: Store | None = None

    @property
    def alone(self) -> bool:
        """Whether there is nobody else."""
        return self.size == 1

    def say(self, word: Word = Word.GO) -> Word:
        """The first one's word, which the others hear by calling this too."""
        if self.alone:
            return word
        said = torch.tensor([word])
        dist.broadcast(said, 0, group=self.beside)
        return Word(int(said))

    def dismiss(self) -> None:
        """The first one ends the run of the others, if they still listen."""
        with suppress(RuntimeError):
            self.say(Word.STOP)

    def tell(self, content: bytes = b"") -> bytes:
        """The first one's bytes."""
        if self.alone:
            return content
        length = torch.tensor([len(content)])
        dist.broadcast(length, 0, group=self.beside)
        sent = torch.frombuffer(bytearray(content or int(length)), dtype=torch.uint8) if int(length) else None
        if sent is not None:
            dist.broadcast(sent, 0, group=self.beside)
        return b"" if sent is None else sent.numpy().tobytes()

    def same(self, tensor: Tensor) -> Tensor:
        """The first one's tensor, in the place of ours."""
        if not self.alone:
            sent = tensor.detach().contiguous()
            dist.broadcast(sent, 0)
            tensor.detach().copy_(sent)
        return tensor

    def union(self, table: Tensor) -> Tensor:
        """A table on the CPU that everybody has filled in a part of, and left the rest zero: the whole of it, exact."""
        if not self.alone:
            dist.all_reduce(table.view(-1).view(torch.uint8), group=self.beside)
        return table

    def each(self, tensor: Tensor) -> Tensor:  # [...] -> [size, ...], on the CPU
        """Everybody's tensor."""
        table = torch.zeros(self.size, *tensor.shape, dtype=tensor.dtype)
        table[self.rank] = tensor.detach().cpu()
        return self.union(table)

    def total(self, tensor: Tensor) -> Tensor:
        """The sum of everybody's tensor."""
        return tensor if self.alone else self.each(tensor).sum(0)

    def mean(self, column: Tensor) -> Tensor:  # [n] -> scalar
        """The mean of everybody's column; it stays on the device, and nothing waits for it."""
        if self.alone:
            return column.mean()
        both = torch.stack([column.sum(), column.new_full((), len(column))])
        dist.all_reduce(both)
        return both[0] / both[1]

    def learner(self, network: nn.Module, x: Tensor, precision: Precision) -> nn.Module:
        """The network as training calls it: a pass backward leaves the mean of everybody's gradients.

        Gradients are summed in buckets, which are filled anew after the first pass, in the order in which gradients
        come. That pass is made here and forgotten, so that a run which goes on sums as it would have from its start.
        """
        if self.alone:
            return network
        network.train()
        kept = [buffer.clone() for buffer in network.buffers()]
        learning = [parameter for parameter in network.parameters() if parameter.requires_grad]

        def passed(module: nn.Module) -> None:
            with autocast(x.device, precision):
                logits, _ = module(x)
            torch.autograd.backward(logits.sum())

        passed(network)
        idle = any(parameter.grad is None for parameter in learning)
        # Training does not read the buffers, so they are not sent at every step but before they are read.
        shared = DistributedDataParallel(network, forward_sync_buffers=False, find_unused_parameters=idle)
        passed(shared)
        for buffer, before in zip(network.buffers(), kept, strict=True):
            buffer.copy_(before)
        for parameter in learning:
            parameter.grad = None
        return shared

    def leave(self) -> None:
        """Part for good."""
        if not self.alone:
            dist.destroy_process_group()

    def out_of_memory(self) -> None:
        """Leave word that our memory ran out, before we go."""
        if self.store is not None:
            self.store.set(NO_MEMORY, "yes")

    def was_out_of_memory(self) -> bool:
        """Whether anybody has left that word."""
        return self.store is not None and self.store.check([NO_MEMORY])


ALONE = Company()


def join(rank: int, size: int, device: torch.device, file: Path) -> Company:
    """Meet the others at a file; everybody has a device to itself, or a part of the processor."""
    if device.type == "cuda":
        torch.cuda.set_device(device)
    store = FileStore(str(file), size)
    on_device = "nccl" if device.type == "cuda" else "gloo"
    dist.init_process_group(on_device, store=store, rank=rank, world_size=size, timeout=PATIENCE)
    beside = dist.new_group(backend="gloo", timeout=PATIENCE)
    assert isinstance(beside, ProcessGroup)
    return Company(rank, size, beside, store)


def unsent(learner: nn.Module) -> AbstractContextManager[None]:
    """Gradients of a part of a batch stay with us until its last part."""
    if isinstance(learner, DistributedDataParallel):
        quiet: AbstractContextManager[None] = learner.no_sync()
        return quiet
    return nullcontext()
