"""What a network believes of every sample: log-probabilities of its likeliest classes, O(N) whatever the classes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

KEPT = 64  # classes a sample; with more classes than that, the strongest ones and the given one

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]


@dataclass(frozen=True)
class Opinions:
    """Log-probabilities of m classes a sample, the given one among them, and what is left for all others together."""

    classes: Integers  # [samples, m], none twice in a row; 0 … K−1 in order when m = K
    log_p: Floats  # [samples, m]
    total: int  # K

    @property
    def dense(self) -> bool:
        """Whether every class is listed."""
        return bool(self.classes.shape[1] == self.total)

    def log_rest(self) -> Floats:  # [samples]
        """Log-probability of one average class that is not listed."""
        rest = np.clip(1 - np.exp(self.log_p).sum(1), 1e-9, None)
        return np.asarray(np.log(rest / max(1, self.total - self.classes.shape[1])))

    def place(self, label: Integers) -> Integers:  # [samples] -> [samples]
        """The column in which each sample's label stands; every given label is listed."""
        return np.asarray((self.classes == label[:, None]).argmax(1))

    def suggested(self, given: Integers) -> Integers:  # [samples] -> [samples]
        """The likeliest class other than the given one."""
        others = np.where(self.classes == given[:, None], -np.inf, self.log_p)
        return np.asarray(self.classes[np.arange(len(given)), others.argmax(1)])

    def take(self, index: Integers) -> Opinions:
        """Some of the samples."""
        return Opinions(self.classes[index], self.log_p[index], self.total)


def flattened(opinions: Opinions, label: Integers, lift: Floats | float, temperature: float) -> Opinions:
    """The same beliefs as if the network had not been shown these labels: log p_y − lift, all over the temperature.

    Training raises the logit of the label that was shown by a little, whatever it is; subtracting that leaves what the
    network would have said of a new sample.
    """
    z = opinions.log_p.copy()
    row = np.arange(len(z))
    z[row, opinions.place(label)] -= lift
    z /= temperature
    rest = opinions.log_rest() / temperature + np.log(max(1, opinions.total - z.shape[1]))
    top = z.max(1, keepdims=True)
    mass = np.exp(z - top).sum(1)
    if not opinions.dense:
        mass = mass + np.exp(rest - top[:, 0])
    return Opinions(opinions.classes, z - top - np.log(mass)[:, None], opinions.total)
