"""Every setting of labelaudit, read once from `LABELAUDIT_*`. The defaults are the embedded service."""

from __future__ import annotations

import re
from functools import cached_property
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from core.errors import Problem
from core.spec import Limits

LOOPBACK_HOSTS = ("localhost", "127.0.0.1", "[::1]", "::1")

Bytes = Annotated[int, Field(ge=1)]
Seconds = Annotated[float, Field(gt=0)]


class Settings(BaseSettings):
    """One field a setting; its description is what `docs/settings.md` shows."""

    model_config = SettingsConfigDict(env_prefix="LABELAUDIT_", extra="ignore", frozen=True, validate_default=True)

    home: Path = Field(Path(".labelaudit"), description="Folder for everything the embedded service writes.")
    host: str = Field("127.0.0.1", description="Address to listen on. Anything but loopback needs an API key.")
    port: int = Field(8484, ge=0, le=65535, description="Port to listen on; 0 lets the system choose.")
    api_key: SecretStr | None = Field(None, description="Key that every request must carry; at least 32 characters.")
    page: Path | None = Field(None, description="Folder of the built page; empty means `web/dist` beside the code.")
    allowed_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Comma-separated names this service may be called by (`Host`); loopback is always allowed.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least severe level to log.")
    log_format: Literal["auto", "console", "json"] = Field(
        "auto", description="`console` for people, `json` for machines, `auto` decides by the terminal."
    )

    database_url: str = Field("", description="SQLAlchemy URL; empty means SQLite under `LABELAUDIT_HOME`.")
    broker_url: str = Field("", description="`redis://…`; empty means message files under `LABELAUDIT_HOME`.")
    blobs_url: str = Field("", description="`s3://bucket/prefix` or a folder; empty means `LABELAUDIT_HOME/blobs`.")
    s3_endpoint: str | None = Field(None, description="Endpoint of an S3-compatible store; empty means AWS.")
    s3_region: str = Field("us-east-1", description="Region of the S3 bucket.")
    s3_access_key_id: SecretStr | None = Field(None, description="S3 key id; empty means the usual AWS sources.")
    s3_secret_access_key: SecretStr | None = Field(None, description="S3 secret; empty means the usual AWS sources.")

    beat_s: Seconds = Field(10.0, description="Longest time between two signs of life of a running job.")
    lease_s: Seconds = Field(60.0, description="A job without a sign of life for so long is given to another worker.")
    start_s: Seconds = Field(90.0, description="Time a child program gets until its first sign of life.")
    reaper_s: Seconds = Field(15.0, description="Pause between two looks for lost jobs and forgotten bells.")
    probe_s: Seconds = Field(20.0, description="Longest time that a dry run waits for a worker to measure its pace.")
    watch_s: Seconds = Field(1.0, description="Pause between two looks of a worker at the job its child is doing.")
    max_attempts: int = Field(3, ge=1, le=100, description="Attempts a job gets before it is failed.")
    checkpoint_s: Seconds = Field(120.0, description="Longest time of training that a crash can cost.")
    storage_wait_s: Seconds = Field(
        86400.0, description="Time for which a job waits for room on a full disk, or for a blob store that is away."
    )
    stop_grace_s: Seconds = Field(20.0, description="Time a child program gets to save its work before it is killed.")

    device: str = Field("auto", description="`auto`, `cpu`, `cuda` or `cuda:N`: where training runs.")
    device_hour_cost: float = Field(
        0, ge=0, description="What an hour of a worker's device costs, in any currency; 0 means that nobody counts it."
    )
    threads: int = Field(
        0, ge=0, le=512, description="CPU threads for training; 0 means all cores. Part of a run's plan."
    )
    processes: int = Field(
        0,
        ge=0,
        le=64,
        description="Processes that train one audit together, at most; 0 means one for each GPU that a worker sees "
        "and has batches enough for, and one on a CPU. Part of a run's plan.",
    )
    ingest_lanes: int = Field(
        0, ge=0, le=64, description="Processes that decode the images of an upload; 0 means one a core, at most 8."
    )
    weights_dir: Path | None = Field(
        None, description="Folder of weights that networks start from; empty means `LABELAUDIT_HOME/weights`."
    )
    cache_bytes: Bytes = Field(20 << 30, description="Size of the decoded-image cache under `LABELAUDIT_HOME`.")
    shard_bytes: Bytes = Field(256 << 20, description="Size of the tar shards that datasets are stored in.")
    part_bytes: Bytes = Field(8 << 20, le=64 << 20, description="Size of the parts that an upload is stored in.")
    upload_expiry_s: Seconds = Field(
        7 * 86400.0, description="Time after its last byte at which an unfinished upload is removed."
    )
    upload_kept_s: float = Field(
        0,
        ge=0,
        description="Time for which an uploaded file is kept after it was read; 0 removes it at once.",
    )
    upload_idle_s: Seconds = Field(
        10.0, description="A request that writes to an upload, and whose line is silent for so long, may be replaced."
    )
    min_free_bytes: int = Field(
        1 << 30, ge=0, description="Uploads are refused while the disk has less free than this."
    )

    import_from: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Comma-separated folders and `s3://bucket/prefix` that datasets may be imported from; empty: none.",
    )
    import_https: bool = Field(False, description="Whether datasets may be imported from `https://` addresses.")
    import_seconds: Seconds = Field(6 * 3600.0, description="Longest time of fetching what is imported.")

    webhooks_anywhere: bool = Field(
        False, description="Whether webhooks may lead to `http://`, to any port and into private networks."
    )

    max_upload_bytes: Bytes = Field(1 << 40, description="Largest upload or import.")
    max_json_bytes: Bytes = Field(1 << 20, description="Largest JSON request body.")
    max_in_flight: int = Field(
        64, ge=1, description="Requests that one API process works on at once; more are answered 503 `overloaded`."
    )
    max_members: int = Field(2_000_000, ge=1, description="Most members of an archive.")
    max_member_bytes: Bytes = Field(64 << 20, description="Largest image file.")
    max_expansion: int = Field(100, ge=1, description="Most that an archive may grow when unpacked, as a factor.")
    max_pixels: Bytes = Field(50_000_000, description="Most pixels of an image.")
    max_side: int = Field(30_000, ge=1, description="Longest side of an image, in pixels.")
    max_path_bytes: int = Field(1024, ge=1, description="Longest path inside an archive.")
    max_component_bytes: int = Field(255, ge=1, description="Longest name in such a path.")
    max_depth: int = Field(32, ge=1, description="Deepest such path, in folders.")
    max_classes: int = Field(100_000, ge=2, description="Most classes of a dataset.")
    max_label_bytes: int = Field(256, ge=1, description="Longest class name.")
    max_reject_fraction: float = Field(
        0.05, ge=0, le=1, description="A dataset is refused when more of its images than this are rejected."
    )
    sandbox_memory_bytes: Bytes = Field(1 << 30, description="Memory of the child programs that parse untrusted bytes.")
    decode_seconds: int = Field(10, ge=1, description="CPU time that one image may take to decode.")

    @field_validator("allowed_hosts", "import_from", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("import_from")
    @classmethod
    def _importable(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for place in value:
            if not re.fullmatch(r"(s3:/)?(/(?!\.{1,2}(/|$))[^/\x00]+)+/?", place):
                raise ValueError(f"{place} is neither an absolute folder below / nor s3://bucket/prefix")
        return tuple(place.rstrip("/") for place in value)

    @field_validator("api_key")
    @classmethod
    def _long_enough(cls, value: SecretStr | None) -> SecretStr | None:
        if value is None or not value.get_secret_value():
            return None
        if len(value.get_secret_value()) < 32:
            raise ValueError("must be at least 32 characters long")
        return value

    @field_validator("home", "weights_dir")
    @classmethod
    def _absolute(cls, value: Path | None) -> Path | None:
        return value and value.expanduser().absolute()

    @field_validator("database_url")
    @classmethod
    def _with_driver(cls, value: str) -> str:
        for scheme in ("postgres://", "postgresql://"):
            if value.startswith(scheme):
                return "postgresql+psycopg://" + value.removeprefix(scheme)
        return value

    @model_validator(mode="after")
    def _lease_outlives_beats(self) -> Settings:
        if self.lease_s < 2 * self.beat_s:
            raise ValueError("lease_s must be at least twice beat_s, or a job is lost between two beats")
        return self

    @cached_property
    def database(self) -> str:
        """The database's URL, with the embedded default filled in."""
        return self.database_url or f"sqlite:///{self.home / 'labelaudit.db'}"

    @cached_property
    def broker(self) -> str:
        """The broker's URL, with the embedded default filled in."""
        return self.broker_url or "filesystem://localhost"

    @cached_property
    def blobs(self) -> str:
        """Where blobs live: an S3 URL or a folder."""
        return self.blobs_url or str(self.home / "blobs")

    @cached_property
    def weights(self) -> Path:
        """Where files of weights lie."""
        return self.weights_dir or self.home / "weights"

    @cached_property
    def together(self) -> Path:
        """Where the processes of an audit find each other when several train together, in a folder by its id."""
        return self.home / "together"

    @cached_property
    def limits(self) -> Limits:
        """The bounds within which a dataset is read."""
        return Limits(**{name: getattr(self, name) for name in Limits.model_fields})

    @property
    def on_loopback(self) -> bool:
        """Whether only this machine can reach the service."""
        try:
            return ip_address(self.host.strip("[]")).is_loopback
        except ValueError:
            return self.host == "localhost"

    def refuse_if_open(self) -> None:
        """A service that others can reach must ask for a key."""
        if not self.on_loopback and self.api_key is None:
            raise Problem(
                "api-key-required",
                f"Refusing to listen on {self.host} without a key: set LABELAUDIT_API_KEY to 32 characters or more "
                "(for example the output of `openssl rand -hex 32`).",
            )


def load(**overrides: object) -> Settings:
    """The settings of this process; a wrong value is one clear line, not a traceback."""
    given: dict[str, Any] = {name: value for name, value in overrides.items() if value is not None}
    try:
        return Settings(**given)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        name = "LABELAUDIT_" + "_".join(str(part) for part in first["loc"]).upper() if first["loc"] else "Settings"
        raise Problem("invalid-setting", f"{name}: {first['msg'].removeprefix('Value error, ')}.") from None
