"""Words that every room may know: those in which an audit speaks of samples and of itself, and names of choices."""

from __future__ import annotations

from typing import Literal, get_args

Annealing = Literal["none", "published"]
WeightScale = Literal["published", "mean-one"]

VerdictWord = Literal["clean", "hard", "wrong", "ambiguous", "alien"]
Reason = Literal[  # which evidence spoke; a sample's reasons are a bit mask in this order
    "rival-leads",  # the final network prefers another class to the given one
    "high-loss",  # its last loss is among the highest of its class
    "usual-mix-up",  # the suggested class is often labelled as the given one in this dataset
    "two-labels-fit",  # given and suggested class are about equally likely
    "no-label-fits",  # no class is likely
    "conflicting-duplicates",  # the same content has other labels elsewhere, and this one is not the likeliest
    "votes-differ",  # people named other classes too, and their votes speak against the given one
]
Layout = Literal["folders", "table", "coco", "webdataset", "parquet", "numpy", "idx", "cifar"]
FindingKind = Literal[  # what is found in the images of a dataset without a model
    "conflict",  # the same bytes with different labels: one of these labels is wrong
    "duplicate",  # the same bytes with the same label
    "near-duplicate",  # looks like another image
    "blank",
    "tiny",
    "odd-aspect",
    "low-information",
]
Decision = Literal[  # what a person said of a sample's label
    "keep",  # it is right
    "relabel",  # another one is
    "exclude",  # the sample should not be there at all
    "unsure",
]
Source = Literal[  # how a sample came to be judged
    "list",
    "random",  # by chance, not for its score
    "blind",  # without having seen what is suggested
    "bulk",  # with many others at once
]
ExportFormat = Literal[  # what an export writes: scores and decisions, the dataset as they leave it, work for others
    "csv", "jsonl", "parquet", "cleanlab",
    "imagefolder", "webdataset", "huggingface", "coco", "fiftyone",
    "label-studio", "cvat", "html",
]  # fmt: skip
CutBy = Literal["expected-f1", "target-precision", "review-budget"]  # what decided how many labels are flagged
Degenerate = Literal["nothing-learned", "collapsed", "memorised"]  # why a run says nothing of the labels
VERDICTS: tuple[VerdictWord, ...] = get_args(VerdictWord)
REASONS: tuple[Reason, ...] = get_args(Reason)
DECISIONS: tuple[Decision, ...] = get_args(Decision)
KEEP, RELABEL, EXCLUDE, UNSURE = (DECISIONS.index(word) for word in ("keep", "relabel", "exclude", "unsure"))
SOURCES: tuple[Source, ...] = get_args(Source)
HELD_OUT = ("val", "test")  # splits whose labels are not changed without being asked twice


def reasons_of(mask: int) -> list[Reason]:
    """The names of the reasons in a bit mask."""
    return [name for k, name in enumerate(REASONS) if mask >> k & 1]
