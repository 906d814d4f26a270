"""A frozen network looks at every image once; its head learns from what it saw."""

from __future__ import annotations

from collections.abc import Generator
from itertools import zip_longest

import torch

from core.spec import Precision
from core.training.company import Company
from core.training.events import Seen
from core.training.host import autocast
from core.training.loader import Features, Loader
from core.training.networks import Network


def look_once(
    network: Network, audited: Loader, test: Loader | None, batch: int, precision: Precision, company: Company
) -> Generator[Seen, None, tuple[Loader, Loader | None]]:
    """The features of all images, as they are, in fixed batches; the network is prepared to learn from them.

    Those in company take turns at the batches.
    """
    from core.training.networks.backbone import FrozenNet  # slow to import, seldom asked for

    assert isinstance(network, FrozenNet)
    loaders = [audited] if test is None else [audited, test]
    steps, done = sum(loader.steps(batch) for loader in loaders), 0
    made: list[Loader] = []
    for loader in loaders:
        features = torch.zeros(len(loader.labels), network.width)
        here = loader.steps(batch)
        for turn, seen in zip_longest(range(0, here, company.size), loader.in_order(batch, company)):
            if seen is not None:
                index, x, _ = seen
                with autocast(loader.device, precision):
                    features[index.cpu()] = network.raw(x).cpu()
            yield Seen(done + min(turn + company.size, here), steps)
        done += here
        made.append(Features(company.union(features), loader))
    network.prepare(made[0].images)
    return made[0], made[1] if test is not None else None
