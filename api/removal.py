"""Removing what may still be at work."""

from __future__ import annotations

from api.schemas import Asked
from core.errors import Problem
from core.store.tables import ENDED, Job


class Removal(Asked):
    """Whether to remove what is still at work."""

    force: bool = False

    def check(self, job: Job, code: str) -> None:
        """Refuse to remove an audit or an export that has not ended, unless it is to be cancelled by that."""
        if job.state not in ENDED and not self.force:
            raise Problem(code, f"This {job.kind} is {job.state}. Wait, cancel it, or delete with ?force=true.")
