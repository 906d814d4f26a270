"""How much each sample counts in the loss: L = mean_i γ_i ℓ_i."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from core.science.ledger import Ledger
from core.words import WeightScale


def sample_weights(
    ledger: Ledger,
    index: Tensor,  # [batch]
    scale: WeightScale,
    mean: Callable[[Tensor], Tensor] = Tensor.mean,  # over a whole batch, of which this may be a part
) -> Tensor:  # [batch]
    """The HM weight γ of samples the open epoch has observed, on the asked scale.

    "published" is γ in (0, 1) itself. "mean-one" divides by the batch's mean, which keeps the step as long as without
    weights; only the proportion between suspects and clean samples is left. On digits the two find the same errors and
    end equally accurate, with a mean γ near ½; in a short run on harder images γ averages a third, so that as published
    the network is left under-trained. Mean-one is therefore the default.
    """
    weight = ledger.current_weight(index)
    return weight / mean(weight) if scale == "mean-one" else weight
