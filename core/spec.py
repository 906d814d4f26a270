"""What crosses the borders between the rooms: plain frozen data, without torch, SQL or HTTP."""

from __future__ import annotations

from typing import Annotated, Literal, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, model_validator

from core.words import Annealing, ExportFormat, WeightScale

Split = Literal["train", "val", "test"]
SPLITS: tuple[Split, ...] = get_args(Split)
Phase = Literal["queued", "fetching", "preparing", "training", "scoring", "storing"]
MethodName = Literal["fce", "cce", "sce", "gce", "elr"]
WeigherName = Literal["none", "hmw"]
Optimizer = Literal["sgd", "muon"]
Schedule = Literal["one-cycle", "steps"]
Precision = Literal["float32", "bf16"]
DeviceKind = Literal["cpu", "cuda"]
RecipeName = Literal["auto", "fast", "thorough", "paper"]
NetworkName = Annotated[str, Field(pattern=r"^[a-z0-9_-]{1,40}(:[a-z0-9_-]{1,40})?$")]  # one of core.training.catalogue
WeightsName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$")]  # none, default, or a file's name

MODEL_FILES = ("model.safetensors", "config.json", "labels.json", "README.md")


class Frozen(BaseModel):
    """Base of everything here: immutable, strict, closed to unknown fields and to NaN."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class Limits(Frozen):
    """The bounds within which a dataset is read. Each is a setting of the same name."""

    max_members: int = 2_000_000
    max_member_bytes: int = 64 << 20
    max_expansion: int = 100
    max_pixels: int = 50_000_000
    max_side: int = 30_000
    max_path_bytes: int = 1024
    max_component_bytes: int = 255
    max_depth: int = 32
    max_classes: int = 100_000
    max_label_bytes: int = 256
    max_reject_fraction: float = 0.05
    sandbox_memory_bytes: int = 1 << 30
    decode_seconds: int = 10


class Counts(Frozen):
    """The conservation law of an ingest: seen = accepted + rejected + ignored."""

    seen: int = 0
    accepted: int = 0
    rejected: int = 0
    ignored: int = 0


class Revised(Frozen):
    """What decisions make of labels. Of held-out splits nothing is changed unless that is asked for."""

    samples: int = Field(description="Samples that are left.")
    relabelled: int = Field(description="Those of them that have another label than before.")
    excluded: int = Field(description="Samples that are taken out.")
    unsure_kept: int = Field(description="Samples that somebody is unsure of; they keep their labels.")
    held_out_untouched: int = Field(description="Samples of val and test that would change, and do not.")


class ExportSpec(Frozen):
    """What an export is of. It was fixed when the export was asked for, so that every attempt writes the same."""

    audit_id: str
    format: ExportFormat
    splits: tuple[Split, ...] | None = Field(default=None, strict=False)
    change_held_out: bool = False
    reviews: int  # number of the last one that counts


class VersionSpec(Frozen):
    """What a version of a dataset is made of, fixed in the same way."""

    parent_id: str
    change_held_out: bool = False
    reviews: int


class AuditSpec(Frozen):
    """What a user asks for; everything absent is decided by the recipe."""

    recipe: RecipeName = "auto"
    method: MethodName | None = None
    weigher: WeigherName | None = None
    network: NetworkName | None = None
    epochs: Annotated[int, Field(ge=2, le=2000)] | None = None
    seed: Annotated[int, Field(ge=0, lt=2**31)] | None = None
    splits: tuple[Split, ...] | None = Field(default=None, min_length=1, max_length=3, strict=False)
    weights: WeightsName | None = None
    logit_normalisation: bool | None = None
    entropy_penalty: Annotated[float, Field(ge=0, le=10)] | None = None
    budget_s: Annotated[int, Field(ge=5, le=30 * 86_400)] | None = None
    target_precision: Annotated[float, Field(ge=0.5, le=0.999)] | None = None
    review_budget: Annotated[int, Field(ge=1, lt=2**31)] | None = None
    device: DeviceKind | None = None  # of the worker; absent: whichever comes first
    priority: Annotated[int, Field(ge=-100, le=100)] | None = None
    max_s: Annotated[float, Field(gt=0, le=365 * 86_400)] | None = None  # at work, in all attempts together
    max_cost: Annotated[float, Field(gt=0, le=1e9)] | None = None  # at the price of a device's hour

    @model_validator(mode="after")
    def _one_cut(self) -> Self:
        if self.target_precision is not None and self.review_budget is not None:
            raise ValueError("give target_precision or review_budget, not both: each alone decides what is flagged")
        return self


class DatasetFacts(Frozen):
    """What the plan needs to know of a dataset."""

    samples: dict[str, int]  # split -> count; "" for samples without a split
    classes: int
    median_side: int
    grey: bool
    version: int = 1  # of its dataset


class Plan(Frozen):
    """Everything that determines a run beside the data: stored at the first claim, used by every attempt."""

    recipe: RecipeName
    method: MethodName
    weigher: WeigherName
    network: NetworkName
    weights: WeightsName = "none"
    resolution: int
    channels: Literal[1, 3]
    epochs: int
    batch: int
    micro_batch: int | None = None  # samples on the device at once, when a batch is too many; same effective batch
    optimizer: Optimizer = "sgd"
    learning_rate: float
    schedule: Schedule = "one-cycle"
    milestones: tuple[int, ...] = Field(default=(), strict=False)  # epochs at which a stepped rate drops to a tenth
    momentum: float
    nesterov: bool = True
    weight_decay: float
    precision: Precision = "float32"
    logit_normalisation: bool = False  # of what the loss sees; evidence and answers come from raw logits
    entropy_penalty: float = 0.0  # times mean Σ p ln p, added to the loss
    warmup_epochs: int  # without weights
    alpha: float
    beta: float
    k: int = 1  # runners-up that the rival is compared with
    annealing: Annealing = "published"
    weight_scale: WeightScale = "mean-one"
    pad: int
    flip: bool | Literal["auto"]  # auto: once the network itself shows that mirrored images keep their class
    decoy_share: float = 0.0  # samples that are taught a wrong label on purpose
    seed: int
    threads: int
    processes: int = 1  # that train together
    regrouped: bool = False  # once another number of them had begun
    splits: tuple[str, ...] = Field(strict=False)
    accuracy_split: Split | None = None  # held out of the audit, read for the test accuracy
    reasons: tuple[str, ...] = Field(strict=False)


class Record(Frozen):
    """Everything that determined a result besides its plan. `code` is a digest of our own source."""

    labelaudit: str
    code: str
    score_version: str
    data: dict[str, str]
    seed: int
    device: str
    device_kind: str
    threads: int  # of a process
    processes: int = 1
    cpu_capability: str
    cuda: str | None
    attempts: int
    system: str
    python: str
    libraries: dict[str, str]


class Pace(Frozen):
    """How fast training goes: measured with one network at one resolution on one kind of device."""

    network: NetworkName
    resolution: int
    seconds: float  # per sample and epoch
    device: str = "cpu"
    cores: int = 1
    bf16: bool = False  # done in hardware
    processes: int = 1  # that trained together


class Progress(Frozen):
    """Where a run stands."""

    phase: Phase = "queued"
    epoch: int | None = None
    epochs: int | None = None
    percent: float | None = None
    eta_s: float | None = None
    images_per_s: float | None = None  # while an upload is read
    loss: float | None = None
    waiting: str | None = None  # the code of what has to end before it goes on: a full disk, a store that is away
