"""Several processes on one audit: how they are started, how they meet, and what those beside the first one do.

The child that Watch started becomes `torchrun`, which starts the processes and ends them all when one of them dies.
They meet at a file in a folder of ours, and speak over the loopback only: nothing of this can be reached from outside.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from core import logs
from core.errors import Problem
from core.settings import Settings
from core.spec import Plan
from core.store.blobs import Blobs
from core.store.db import Database
from core.store.jobs import Claim
from core.store.tables import Dataset
from core.training.company import Company, Word, join
from core.training.host import is_out_of_memory, settle
from core.training.loop import Run
from worker.device import Machine, machine
from worker.prepare import listed, prepare

log = logs.get(__name__)
NO_MEMORY = 4  # the exit status of a process whose memory ran out


@dataclass(frozen=True)
class Seat:
    """Where a process finds the others, as torchrun says it."""

    folder: Path
    rank: int
    size: int

    @staticmethod
    def at(folder: Path) -> Seat:
        """Ours."""
        return Seat(folder, int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"]))

    def join(self, here: Machine) -> Company:
        """Meet the others."""
        return join(self.rank, self.size, here.device, self.folder / "ranks")


def start(settings: Settings, claim: Claim, plan: Plan) -> NoReturn:
    """Become torchrun, in this very process, so that whoever watches us watches it."""
    folder = settings.together / claim.id
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, mode=0o700)
    os.environ["OMP_NUM_THREADS"] = str(threads(plan))  # torchrun would have it 1
    for library in ("GLOO", "NCCL"):
        os.environ.setdefault(f"{library}_SOCKET_IFNAME", "lo")
    log.info("several processes train together", processes=plan.processes)
    torchrun = [
        *(sys.executable, "-m", "torch.distributed.run"),
        *("--nproc-per-node", str(plan.processes), "--max-restarts", "0"),
        *("--rdzv-backend", "c10d", "--rdzv-conf", "store_type=file", "--rdzv-endpoint", str(folder / "torchrun")),
        *("--log-dir", str(folder / "logs")),  # else each run would leave a folder among the machine's temporary ones
        *("--rdzv-id", claim.id, "--local-addr", "127.0.0.1", "--monitor-interval", "0.2"),
        *("--shutdown-timeout", str(int(settings.stop_grace_s) + 10)),
    ]
    ours = ["-m", "worker.run", claim.id, "--attempt", str(claim.attempt), "--parent", str(os.getpid())]
    os.execv(sys.executable, [*torchrun, *ours, "--together", str(folder)])  # noqa: S606


def threads(plan: Plan) -> int:
    """Of each process."""
    return max(1, plan.threads // plan.processes)


def follow(settings: Settings, db: Database, blobs: Blobs, claim: Claim, seat: Seat) -> int:
    """Train as the first process says; it alone speaks for the job, and is told when to stop."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    here = machine(settings, claim.spec.get("device"), seat.rank)
    company = seat.join(here)
    plan = Plan.model_validate_json(company.tell())
    settle(here.device, threads(plan))
    with db.read() as session:
        dataset = session.get_one(Dataset, claim.dataset_pk)
    data, _ = prepare(settings, blobs, dataset, listed(blobs, dataset), plan, lambda **_: None)
    try:
        run = Run(data, plan, here.device, company.tell() or None, company=company)
        for _ in run:
            while (word := company.say()) is Word.SAVE:
                run.checkpoint()
            if word is Word.STOP:
                return 0
    except Problem as problem:
        log.info("the first process tells of it", code=problem.code)
        return 0
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        company.out_of_memory()
        return NO_MEMORY
    company.leave()
    return 0
