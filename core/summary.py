"""What an audit says of the whole dataset: made by the worker, stored with the audit, shown by the API as it is."""

from __future__ import annotations

from pydantic import Field

from core.spec import Frozen, NetworkName
from core.words import CutBy, Degenerate, VerdictWord


class NoiseRate(Frozen):
    """The estimated share of wrong labels, and the bounds that hold the truth with probability `level`."""

    estimate: float
    low: float
    high: float
    level: float


class Expected(Frozen):
    """How good the flags are expected to be; null when nothing is flagged."""

    precision: float | None = Field(description="Share of the flagged labels that are wrong.")
    recall: float | None = Field(description="Share of the wrong labels that are flagged.")


class CutMade(Frozen):
    """From which score on a label is flagged, and what decided it."""

    score: float
    chosen_by: CutBy


class OfClass(Frozen):
    """One class, by given labels; the noise rate is the share of them that is wrong, with its bounds."""

    label: str
    samples: int
    flagged: int
    noise_rate: float
    low: float
    high: float


class Moves(Frozen):
    """How labels are mixed up, between the classes that are; of very many, those with the most wrong labels."""

    labels: list[str] = Field(description="The classes, in the order of all rows and columns.")
    counts: list[list[float]] = Field(
        description="Expected numbers of wrong labels: a row for each given class, a column for each true one."
    )
    probabilities: list[list[float] | None] = Field(
        description="P(given | true): a row for each true class, a column for each given one, so right labels are on "
        "the diagonal. What a row lacks to 1 went to classes that are not listed or in moves too rare to count. Null "
        "for a class that no sample is expected to be of."
    )


class ConflictCounts(Frozen):
    """Samples with the same content and different labels."""

    groups: int
    samples: int


class WhyNothing(Frozen):
    """Why a run says nothing of the labels, and what to do."""

    code: Degenerate
    detail: str


class DecoyCheck(Frozen):
    """What planted wrong labels say of the scores."""

    decoys: int = Field(description="Labels that were planted wrong while the network learned.")
    found: float | None = Field(description="Share of them that would have been flagged.")
    auroc: float | None = Field(description="How well they are told from the given labels.")


class TrainedModel(Frozen):
    """The model that was trained; accuracies are null without a split that was held out."""

    network: NetworkName
    epochs: int
    test_accuracy_best: float | None
    test_accuracy_last: float | None


class Summary(Frozen):
    """How many, how sure, where."""

    samples: int = Field(description="Audited samples.")
    flagged: int = Field(description="Those with `is_issue`.")
    noise_rate: NoiseRate
    expected: Expected
    cut: CutMade
    classes: list[OfClass]
    transitions: Moves
    verdicts: dict[VerdictWord, int] = Field(description="Samples by verdict.")
    conflicts: ConflictCounts
    degenerate: WhyNothing | None = Field(description="Null when the run says something of the labels.")
    calibration: DecoyCheck
    model: TrainedModel
    score_version: str = Field(description="Scores of different versions are not to be compared.")


Band = list[float] | None  # the quantiles in one epoch; null where nothing is known


class Cohort(Frozen):
    """What most samples of a kind showed in each epoch, the first one first."""

    samples: int
    margin: list[Band]
    rival_gap: list[Band]
    loss: list[Band]


class Cohorts(Frozen):
    """Bands to hold the curves of one sample against. `clean` and `hard` are samples with these verdicts, `wrong` are
    labels that were planted wrong: it is null in epochs in which they were not taught. `levels` names the quantiles."""

    epochs: int
    levels: list[float]
    clean: Cohort
    hard: Cohort
    wrong: Cohort


class Likeness(Frozen):
    """How the nearest of every sample were found."""

    samples: int
    width: int = Field(description="Numbers in the features of a sample.")
    exact: bool = Field(description="Whether everything was compared with everything.")
    recall: float = Field(description="Share of the true nearest that were found, counted on some samples.")
