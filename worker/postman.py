"""Delivers webhooks: at least once, signed as Standard Webhooks say, again with longer pauses when nobody answers well.

It runs in every API process and never in a job's way: what is to be sent waits in the database.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
import time
from datetime import UTC, datetime

from core import failpoints, fetch, logs
from core.errors import Problem
from core.settings import Settings
from core.store import hooks
from core.store.db import Away, Database
from core.store.hooks import Parcel

log = logs.get(__name__)
PREFIX = "whsec_"
PAUSE_S = 1.0
ANSWER_S = 15.0


def signed(secret: str, id: str, at: int, body: bytes) -> str:
    """The signature of a delivery: `v1,` and the HMAC-SHA256 of its id, its time and its bytes."""
    key = base64.b64decode(secret.removeprefix(PREFIX))
    digest = hmac.new(key, f"{id}.{at}.".encode() + body, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}"


def headers_and_body(parcel: Parcel, at: int) -> tuple[dict[str, str], bytes]:
    """What is sent; the body is the same at every try."""
    happened = datetime.fromtimestamp(parcel.at, UTC).isoformat().replace("+00:00", "Z")
    body = json.dumps({**parcel.content, "timestamp": happened}, separators=(",", ":"), sort_keys=True).encode()
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "labelaudit",
        "webhook-id": parcel.id,
        "webhook-timestamp": str(at),
        "webhook-signature": signed(parcel.secret, parcel.id, at, body),
    }
    return headers, body


class Postman:
    """A thread that sends what is due."""

    def __init__(self, settings: Settings, db: Database) -> None:
        self._settings, self._db = settings, db
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="postman", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """What is under way when we end is taken again by somebody else."""
        self._stop.set()
        self._thread.join(2)

    def deliver(self) -> bool:
        """Send one delivery that is due; False when there is none."""
        with self._db.read() as session:
            if not hooks.are_due(session):
                return False
        with self._db.write() as session:
            parcel = hooks.take(session)
        if parcel is None:
            return False
        failpoints.at("delivery.taken")
        headers, body = headers_and_body(parcel, int(time.time()))
        status, error = None, None
        try:
            status = fetch.post(parcel.url, headers, body, ANSWER_S, guarded=not self._settings.webhooks_anywhere)
        except Problem as problem:
            error = problem.detail
        failpoints.at("delivery.sent")
        with self._db.write() as session:
            if status is not None and 200 <= status < 300:
                hooks.arrived(session, parcel, status)
            else:
                hooks.refused(session, parcel, status, error)
        return True

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                if self.deliver():
                    continue
            except (*Away, OSError) as error:
                log.warning("webhooks wait", error=str(error).splitlines()[0])
            except Exception:  # top of a thread that must outlive its accidents
                log.exception("the postman stumbled")
            self._stop.wait(PAUSE_S)
